#pragma once

#include <array>          // room on the stack
#include <chrono>         // seconds, system_clock
#include <cstddef>        // size_t
#include <functional>     // clock
#include <memory>         // shared_ptr
#include <optional>       // what is wrong
#include <span>           // room
#include <stdexcept>      // invalid_argument
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // issuers, audiences

#include <muster/core/outcome.hpp>                       // outcome
#include <muster/workloads/jwt/claims.hpp>               // claims
#include <muster/workloads/jwt/detail/open_token.hpp>    // open_token
#include <muster/workloads/jwt/fault.hpp>                // refusal
#include <muster/workloads/jwt/key.hpp>                  // key
#include <muster/workloads/jwt/key_set.hpp>              // key_set

namespace muster::jwt {

/// What a verifier asks of the claims of a token.
struct verifier_options {
    /// `iss` is one of these; none: it is not looked at.
    std::vector<std::string> issuers{};
    /// `aud` is or holds one of these. None: a token that names an audience is for somebody else, and refused.
    std::vector<std::string> audiences{};
    /// false: true takes a token for whomever it is, where no audiences are given.
    bool any_audience = false;
    /// `typ`, such as `at+jwt`, with or without `application/`, in any case; then it must be there. Empty: `JWT`, or none.
    std::string type{};
    /// 0 s: how far the clocks of issuer and verifier may be apart; 0 to 60 s.
    std::chrono::seconds leeway{0};
    /// `exp`: a token without an end is good for ever. By name, of any claims.
    std::vector<std::string> required{"exp"};
    /// The system's clock, where it is empty.
    std::function<std::chrono::sys_seconds()> clock{};
};

/// A task that judges tokens: `map(tokens, on{pool} | verifier)` answers the claims of each, or why it was refused.
///
/// Shape      a token in, in the compact form; `claims` out.
/// Fails      with a fault for the first rule that is broken: those of `verify` in jws.hpp; then wrong_type; those of `claims`;
///            missing_claim, expired, not_yet_valid, wrong_issuer, wrong_audience.
/// Throws     std::invalid_argument for a leeway out of range.
/// Threads    any number at once; the clock is called from each.
/// Cost       a copy counts a reference. A token: the price of its signature, and about 250 ns; 60 KiB of stack; nothing on the heap
///            where header and key are known by then and the claims have at most 256 bytes.
/// Source     RFC 7519, section 7.2; RFC 8725 for what is asked by default.
class verifier {
public:
    explicit verifier(key by, verifier_options options = {}) : verifier(std::make_shared<state>(std::move(by), std::move(options))) {}
    explicit verifier(key_set by, verifier_options options = {}) : verifier(std::make_shared<state>(std::move(by), std::move(options))) {}

    [[nodiscard]] outcome<claims> operator()(std::string_view token) const;

    [[nodiscard]] std::string describe() const { return "verifier"; }

private:
    struct state {
        state(key by, verifier_options asked) : one(std::move(by)), options(std::move(asked)) { prepare({&*one, 1}, one->record().memo); }
        state(key_set by, verifier_options asked) : several(std::move(by)), options(std::move(asked)) {
            prepare(several->keys(), several->memo());
        }
        void prepare(std::span<key const> all, detail::header_memo& memo);

        std::optional<key> one;
        std::optional<key_set> several;
        detail::token_keys keys{};    // into one of the two
        verifier_options options;
        std::vector<std::string> other_claims{};    // required ones that no member of `claims` tells
        bool needs_expiry = false, needs_start = false, needs_issue = false, needs_subject = false, needs_id = false,
             needs_issuer = false, needs_audience = false;
    };
    explicit verifier(std::shared_ptr<state const> of) noexcept : state_(std::move(of)) {}

    [[nodiscard]] std::optional<failure> judge(claims const& said) const;

    std::shared_ptr<state const> state_;
};

// Implementation

namespace detail {

[[nodiscard]] inline bool same_without_case(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    auto const low = [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter; };
    for (std::size_t i = 0; i < a.size(); ++i)
        if (low(a[i]) != low(b[i])) return false;
    return true;
}

// A media type as `typ` has it: `application/` may be left out where there is no other slash (RFC 7515, section 4.1.9).
[[nodiscard]] inline std::string_view short_type(std::string_view type) noexcept {
    constexpr std::string_view prefix = "application/";
    auto const rest = type.size() > prefix.size() ? type.substr(prefix.size()) : std::string_view{};
    auto const may_go = !rest.empty() && rest.find('/') == rest.npos && same_without_case(type.substr(0, prefix.size()), prefix);
    return may_go ? rest : type;
}

}  // namespace detail

inline void verifier::state::prepare(std::span<key const> all, detail::header_memo& memo) {
    if (options.leeway < std::chrono::seconds{0} || options.leeway > std::chrono::seconds{60})
        throw std::invalid_argument{"muster: the leeway of a verifier is 0 to 60 s, not " + std::to_string(options.leeway.count()) + " s"};
    keys = {all, &memo};
    for (auto const& name : options.required) {
        if (name == "exp") needs_expiry = true;
        else if (name == "nbf") needs_start = true;
        else if (name == "iat") needs_issue = true;
        else if (name == "sub") needs_subject = true;
        else if (name == "jti") needs_id = true;
        else if (name == "iss") needs_issuer = true;
        else if (name == "aud") needs_audience = true;
        else other_claims.push_back(name);
    }
}

inline outcome<claims> verifier::operator()(std::string_view token) const {
    std::array<char, 2 * detail::longest_payload> room;    // the payload, and behind it texts without escapes
    auto const found = detail::open_token(state_->keys, token, room);
    if (!found) return found.error();

    auto const& asked = state_->options.type;
    auto const type = detail::short_type(found->type.text());
    if (asked.empty() ? found->type.is_said() && !detail::same_without_case(type, "JWT")
                      : !detail::same_without_case(type, detail::short_type(asked)))
        return refusal(fault::wrong_type, "asked for is " + (asked.empty() ? "JWT, or none" : asked));

    auto said = claims::scanned(room, found->payload.size(), found->type);
    if (!said) return said;
    if (auto wrong = judge(*said)) return std::move(*wrong);
    return said;
}

inline std::optional<failure> verifier::judge(claims const& said) const {
    auto const& of = *state_;
    auto const missing = [](std::string_view name) { return refusal(fault::missing_claim, std::string{name}); };
    auto const expires = said.expires(), starts = said.not_before();
    auto const issuer = said.issuer();
    if (of.needs_expiry && !expires) return missing("exp");
    if (of.needs_start && !starts) return missing("nbf");
    if (of.needs_issue && !said.issued_at()) return missing("iat");
    if (of.needs_subject && !said.subject()) return missing("sub");
    if (of.needs_id && !said.id()) return missing("jti");
    if ((of.needs_issuer || !of.options.issuers.empty()) && !issuer) return missing("iss");
    if ((of.needs_audience || !of.options.audiences.empty()) && !said.has_audience()) return missing("aud");
    for (auto const& name : of.other_claims)
        if (!said.raw(name)) return missing(name);

    if (expires || starts) {
        auto const now = of.options.clock ? of.options.clock() : std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        // Claims are within 2^53 s: a leeway of a minute overflows nothing.
        if (expires && now >= *expires + of.options.leeway)
            return refusal(fault::expired, std::to_string((now - *expires).count()) + " s ago");
        if (starts && now < *starts - of.options.leeway)
            return refusal(fault::not_yet_valid, "for another " + std::to_string((*starts - now).count()) + " s");
    }
    auto const any_of = [](std::vector<std::string> const& wanted, auto const& is) {
        for (auto const& one : wanted)
            if (is(one)) return true;
        return false;
    };
    if (!of.options.issuers.empty() && !any_of(of.options.issuers, [&](std::string const& one) { return one == *issuer; }))
        return refusal(fault::wrong_issuer);
    if (said.has_audience() && !(of.options.any_audience && of.options.audiences.empty()) &&
        !any_of(of.options.audiences, [&](std::string const& one) { return said.is_for(one); }))
        return refusal(fault::wrong_audience, of.options.audiences.empty() ? "the verifier names none" : "");
    return std::nullopt;
}

}  // namespace muster::jwt
