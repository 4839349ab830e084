#pragma once

#include <array>          // room on the stack
#include <chrono>         // seconds, system_clock
#include <cstdint>        // uint64_t
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

#include <muster/core/context.hpp>                         // context
#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/jwt/claims.hpp>                 // claims
#include <muster/workloads/jwt/detail/at_hand.hpp>         // at_hand
#include <muster/workloads/jwt/detail/key_rotation.hpp>    // key_rotation
#include <muster/workloads/jwt/detail/open_token.hpp>      // open_token
#include <muster/workloads/jwt/token_digest.hpp>           // token_digest
#include <muster/workloads/jwt/fault.hpp>                  // refusal
#include <muster/workloads/jwt/key.hpp>                    // key
#include <muster/workloads/jwt/key_set.hpp>                // key_set

namespace muster::jwt {

namespace detail {
// The keys of a verifier while it judges: those that change stay as they were.
struct held_keys {
    token_keys by{};
    token_digest const* fingerprint = nullptr;
    key_rotation::held generation{};
};
}  // namespace detail

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
    /// By which other processes find theirs; empty: it goes to none.
    std::string name{};
};

/// A task that judges tokens: `map(tokens, on{pool} | verifier)` answers the claims of each, or why it was refused.
///
/// Shape      a token in, in the compact form; `claims` out.
/// Fails      with a fault for the first rule that is broken: those of `verify` in jws.hpp; then wrong_type; those of `claims`;
///            missing_claim, expired, not_yet_valid, wrong_issuer, wrong_audience. With `rotating_keys` also as these fail.
///            Behind `isolate`: cause::invalid_input without a name, unavailable where the worker has no verifier of that name.
/// Waits      with `rotating_keys` alone: see there.
/// Throws     std::invalid_argument for a leeway out of range, and for a name that another verifier of this process has.
/// Threads    any number at once; the clock is called from each.
/// Lifetime   refers to `rotating_keys`; a key or a set it owns.
/// Cost       a copy counts a reference. A token: the price of its signature, and about 250 ns; 60 KiB of stack; nothing on the heap
///            where header and key are known by then and the claims have at most 256 bytes.
/// Source     RFC 7519, section 7.2; RFC 8725 for what is asked by default.
///
/// `isolate{cells} | verifier` judges in another process. What goes there is the name of the verifier and the token: no keys, no
/// options. The worker has one of that name, made by `warm_up` of the pool and kept. The claims come back with their parts found, or
/// the failure as it was.
class verifier {
public:
    explicit verifier(key by, verifier_options options = {}) : verifier(std::make_shared<state>(std::move(by), std::move(options))) {}
    explicit verifier(key_set by, verifier_options options = {}) : verifier(std::make_shared<state>(std::move(by), std::move(options))) {}

    explicit verifier(detail::key_rotation& by, verifier_options options = {}) : verifier(std::make_shared<state>(by, std::move(options))) {}

    /// The one that has this name, here or where it is called.
    [[nodiscard]] static verifier called(std::string name);

    [[nodiscard]] outcome<claims> operator()(std::string_view token, context& cx) const;
    [[nodiscard]] outcome<claims> operator()(std::string_view token) const;

    [[nodiscard]] std::string describe() const { return "verifier"; }

    [[nodiscard]] std::string to_wire() const { return detail::at_hand<state>::of(state_->options.name, "verifier"); }
    [[nodiscard]] static verifier from_wire(std::string name) { return called(std::move(name)); }

    /// For this workload: the keys as they are now; a token judged by these, or where its kid is unknown by newer ones, which then
    /// are held; and what is asked after the signature, of a payload that lies at the start of `room`.
    [[nodiscard]] outcome<detail::held_keys> hold(context& cx) const;
    [[nodiscard]] outcome<claims> judged(std::string_view token, detail::held_keys& by, context& cx) const;
    [[nodiscard]] outcome<claims> answer(std::span<char> room, std::size_t payload_size, detail::token_type const& type) const;
    [[nodiscard]] bool rotates() const noexcept { return state_->rotating != nullptr; }
    /// Of keys that do not rotate.
    [[nodiscard]] token_digest const& fingerprint() const noexcept { return state_->fingerprint; }
    /// What it asks beside the keys, as a hash; the time by its clock; and why claims are not good then, as far as time goes.
    [[nodiscard]] token_digest const& question() const noexcept { return state_->question; }
    [[nodiscard]] std::chrono::sys_seconds now() const;
    [[nodiscard]] std::optional<failure> out_of_time(claims const& said, std::chrono::sys_seconds now) const;

private:
    struct state {
        state(key by, verifier_options asked) : one(std::move(by)), options(std::move(asked)) { prepare({&*one, 1}, one->record().memo); }
        state(key_set by, verifier_options asked) : several(std::move(by)), options(std::move(asked)) {
            prepare(several->keys(), several->memo());
        }
        explicit state(std::string name) { options.name = std::move(name); }    // of a name that nobody has here
        state(detail::key_rotation& by, verifier_options asked) : rotating(&by), options(std::move(asked)) { prepare(); }
        void prepare(std::span<key const> all, detail::header_memo& memo) {
            keys = {all, &memo};
            fingerprint = detail::fingerprint_of(all);
            prepare();
        }
        void prepare();

        std::optional<key> one;
        std::optional<key_set> several;
        detail::key_rotation* rotating = nullptr;
        detail::token_keys keys{};            // into one of the first two
        token_digest fingerprint{};    // of these
        token_digest question{};
        verifier_options options;
        std::vector<std::string> other_claims{};    // required ones that no member of `claims` tells
        bool needs_expiry = false, needs_start = false, needs_issue = false, needs_subject = false, needs_id = false,
             needs_issuer = false, needs_audience = false;
    };
    explicit verifier(std::shared_ptr<state const> of) : state_(std::move(of)) {
        detail::at_hand<state>::put(state_->options.name, state_, "verifier");
    }
    struct as_it_is {};
    verifier(as_it_is, std::shared_ptr<state const> of) noexcept : state_(std::move(of)) {}

    [[nodiscard]] outcome<claims> judged_by(detail::token_keys const& by, std::string_view token) const;
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

inline void verifier::state::prepare() {
    if (options.leeway < std::chrono::seconds{0} || options.leeway > std::chrono::seconds{60})
        throw std::invalid_argument{"muster: the leeway of a verifier is 0 to 60 s, not " + std::to_string(options.leeway.count()) + " s"};
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
    std::string text;
    auto const add_all = [&](std::vector<std::string> const& texts) {
        detail::add_text(text, std::to_string(texts.size()));
        for (auto const& each : texts) detail::add_text(text, each);
    };
    add_all(options.issuers);
    add_all(options.audiences);
    detail::add_text(text, options.any_audience ? "any" : "named");
    detail::add_text(text, options.type);
    detail::add_text(text, std::to_string(options.leeway.count()));
    add_all(options.required);
    question = token_digest::of(text);
}

inline verifier verifier::called(std::string name) {
    auto found = detail::at_hand<state>::get(name);
    return {as_it_is{}, found ? std::move(found) : std::make_shared<state const>(std::move(name))};
}

inline outcome<claims> verifier::operator()(std::string_view token, context& cx) const {
    if (!rotates()) return judged_by(state_->keys, token);
    auto now = hold(cx);
    if (!now) return std::move(now).error();
    return judged(token, *now, cx);
}

inline outcome<claims> verifier::operator()(std::string_view token) const {
    if (!rotates()) return judged_by(state_->keys, token);
    context cx;
    return (*this)(token, cx);
}

inline outcome<detail::held_keys> verifier::hold(context& cx) const {
    detail::held_keys made;
    if (!rotates()) {
        if (state_->keys.keys.empty()) return detail::at_hand<state>::missing(state_->options.name, "verifier");
        made.by = state_->keys;
        made.fingerprint = &state_->fingerprint;
        return made;
    }
    auto now = state_->rotating->hold(cx);
    if (!now) return std::move(now).error();
    auto const& generation = *now->get();
    made.by = {generation.keys.keys(), &generation.keys.memo()};
    made.fingerprint = &generation.all;
    made.generation = std::move(*now);
    return made;
}

inline outcome<claims> verifier::judged(std::string_view token, detail::held_keys& by, context& cx) const {
    auto answer = judged_by(by.by, token);
    if (answer || !rotates() || answer.error().code() != fault::unknown_key) return answer;
    if (!state_->rotating->newer_than(by.generation.get()->number, cx)) return answer;
    auto now = hold(cx);
    if (!now) return answer;
    by = std::move(*now);
    return judged_by(by.by, token);
}

inline outcome<claims> verifier::judged_by(detail::token_keys const& by, std::string_view token) const {
    if (by.keys.empty()) return detail::at_hand<state>::missing(state_->options.name, "verifier");
    std::array<char, 2 * detail::longest_payload> room;    // the payload, and behind it texts without escapes
    auto const found = detail::open_token(by, token, room);
    if (!found) return found.error();
    return answer(room, found->payload.size(), found->type);
}

inline outcome<claims> verifier::answer(std::span<char> room, std::size_t payload_size, detail::token_type const& said_type) const {
    auto const& asked = state_->options.type;
    auto const type = detail::short_type(said_type.text());
    if (asked.empty() ? said_type.is_said() && !detail::same_without_case(type, "JWT")
                      : !detail::same_without_case(type, detail::short_type(asked)))
        return refusal(fault::wrong_type, "asked for is " + (asked.empty() ? "JWT, or none" : asked));

    auto said = claims::scanned(room, payload_size, said_type);
    if (!said) return said;
    if (auto wrong = judge(*said)) return std::move(*wrong);
    return said;
}

inline std::chrono::sys_seconds verifier::now() const {
    auto const& clock = state_->options.clock;
    return clock ? clock() : std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

inline std::optional<failure> verifier::out_of_time(claims const& said, std::chrono::sys_seconds now) const {
    auto const leeway = state_->options.leeway;
    auto const expires = said.expires(), starts = said.not_before();
    // Claims are within 2^53 s: a leeway of a minute overflows nothing.
    if (expires && now >= *expires + leeway) return refusal(fault::expired, std::to_string((now - *expires).count()) + " s ago");
    if (starts && now < *starts - leeway)
        return refusal(fault::not_yet_valid, "for another " + std::to_string((*starts - now).count()) + " s");
    return std::nullopt;
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

    if (expires || starts)
        if (auto wrong = out_of_time(said, now())) return wrong;
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
