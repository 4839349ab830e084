#pragma once

#include <charconv>       // to_chars
#include <chrono>         // seconds, system_clock
#include <cstdint>        // int64_t
#include <functional>     // clock
#include <memory>         // shared_ptr
#include <stdexcept>      // invalid_argument
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // audience

#include <muster/core/json.hpp>                            // json_text
#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/jwt/detail/at_hand.hpp>         // at_hand
#include <muster/workloads/jwt/detail/json_scan.hpp>       // json_scan
#include <muster/workloads/jwt/detail/numeric_date.hpp>    // is_numeric_date
#include <muster/workloads/jwt/draft.hpp>                  // draft
#include <muster/workloads/jwt/fault.hpp>                  // refusal
#include <muster/workloads/jwt/jws.hpp>                    // sign_segment
#include <muster/workloads/jwt/key.hpp>                    // key

namespace muster::jwt {

/// What all the tokens of a signer say.
struct signer_options {
    std::string issuer{};                       ///< `iss`, where a draft has none; empty: none
    std::vector<std::string> audience{};        ///< `aud`, where a draft has none; empty: none
    /// 15 min: from `iat` to `exp`, where a draft does not say; more than 0, and less than 2^53 s.
    std::chrono::seconds lifetime{900};
    std::string type{"JWT"};                    ///< `typ`; empty: none
    bool with_key_id = true;                    ///< `kid`, where the key has one
    std::function<std::chrono::sys_seconds()> clock{};    ///< the system's, where it is empty
    std::string name{};                         ///< by which other processes find theirs; empty: it goes to none
};

/// A task that makes tokens: `map(drafts, on{pool} | signer)` answers each as text.
///
/// Shape      a draft in, the compact form out; the claims in the order iss, sub, aud, exp, nbf, iat, jti, and what is more.
/// Fails      those of `sign` in jws.hpp; fault::wrong_claim_type for a time that is 2^53 s or more from 1970, which no verifier reads;
///            where a draft says more: bad_json, bad_utf8, too_deep, trailing_bytes for what is not one value, and duplicate_member
///            for a claim that is there already. Behind `isolate`: cause::invalid_input without a name, unavailable where the worker
///            has no signer of that name.
/// Throws     std::invalid_argument for a lifetime out of range, for a key that cannot sign, and for a name that another signer of
///            this process has.
/// Threads    any number at once; the clock is called from each.
/// Cost       a copy counts a reference. A token: the price of its signature, and two allocations.
///
/// `map(drafts, isolate{cells} | signer)` signs in another process. What goes there is the name of the signer, the draft and nothing
/// else: no key, no options. The worker has a signer of that name, made by `warm_up` of the pool and kept, as in a static; or the pool is
/// a copy of this process. The token comes back, or the failure as it was. This process needs no key at all:
///
///     void make_signer() { static signer const held{read_key(), {.name = "issuer"}}; }
///     process_pool cells{{.workers = 1, .warm_up = make_signer}};
///     auto tokens = map(drafts, isolate{cells} | signer::called("issuer"));
class signer {
public:
    explicit signer(key by, signer_options options = {}) : state_(std::make_shared<state const>(std::move(by), std::move(options))) {
        name_ = state_->options.name;
        detail::at_hand<state>::put(name_, state_, "signer");
    }
    /// The one that has this name, here or where it is called.
    [[nodiscard]] static signer called(std::string name) {
        auto has = detail::at_hand<state>::get(name);
        return signer{std::move(has), std::move(name)};
    }

    [[nodiscard]] outcome<std::string> operator()(draft const& of) const;

    [[nodiscard]] std::string to_wire() const { return detail::at_hand<state>::of(name_, "signer"); }
    [[nodiscard]] static signer from_wire(std::string name) { return called(std::move(name)); }

    [[nodiscard]] std::string describe() const { return "signer"; }

private:
    struct state {
        state(key with, signer_options said);
        key by;
        signer_options options;
        std::string header;    // the first segment of all its tokens
    };

    signer(std::shared_ptr<state const> of, std::string name) noexcept : state_(std::move(of)), name_(std::move(name)) {}

    std::shared_ptr<state const> state_;    // null: of a name that nobody has here
    std::string name_{};
};

// Implementation

inline signer::state::state(key with, signer_options said) : by(std::move(with)), options(std::move(said)) {
    if (options.lifetime <= std::chrono::seconds{0} || !detail::is_numeric_date(options.lifetime.count()))
        throw std::invalid_argument{"muster: the lifetime of a signer's tokens is above 0 s, and below 2^53 s"};
    if (by.record().signing)
        throw std::invalid_argument{"muster: the " + by.describe() + " cannot sign: " + std::string{rule_of(*by.record().signing)}};
    header = detail::header_segment(by, {options.type, options.with_key_id});
}

inline outcome<std::string> signer::operator()(draft const& of) const {
    if (!state_) return detail::at_hand<state>::missing(name_, "signer");
    auto const& options = state_->options;
    std::string text = "{";
    text.reserve(384);
    auto const name = [&](std::string_view claim) {
        if (text.size() > 1) text += ',';
        ((text += '"') += claim) += "\":";
    };
    auto const write = [&](std::string_view what) {
        for (auto const letter : what)
            if (auto const byte = static_cast<unsigned char>(letter); byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\') {
                text += json_text(what);
                return;
            }
        ((text += '"') += what) += '"';
    };
    auto const said = [&](std::string_view claim, std::string const& what) {
        if (what.empty()) return;
        name(claim);
        write(what);
    };
    auto const time = [&](std::string_view claim, std::chrono::sys_seconds when) {
        name(claim);
        char digits[24];
        text.append(digits, std::to_chars(digits, digits + sizeof digits, static_cast<std::int64_t>(when.time_since_epoch().count())).ptr);
    };
    said("iss", of.issuer.empty() ? options.issuer : of.issuer);
    said("sub", of.subject);
    if (auto const& audience = of.audience.empty() ? options.audience : of.audience; audience.size() == 1) {
        name("aud");
        write(audience.front());
    } else if (!audience.empty()) {
        name("aud");
        for (std::size_t i = 0; i < audience.size(); ++i) {
            text += i == 0 ? '[' : ',';
            write(audience[i]);
        }
        text += ']';
    }
    auto const issued = of.issued_at   ? *of.issued_at
                        : options.clock ? options.clock()
                                        : std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    auto const readable = [](std::chrono::sys_seconds when) { return detail::is_numeric_date(when.time_since_epoch().count()); };
    if (!readable(issued)) return refusal(fault::wrong_claim_type, "iat is out of range");
    auto const expires = of.expires ? *of.expires : issued + options.lifetime;
    if (!readable(expires)) return refusal(fault::wrong_claim_type, "exp is out of range");
    if (of.not_before && !readable(*of.not_before)) return refusal(fault::wrong_claim_type, "nbf is out of range");
    time("exp", expires);
    if (of.not_before) time("nbf", *of.not_before);
    time("iat", issued);
    said("jti", of.id);
    for (auto const& [claim, value] : of.more) {
        // Alone, for a value that ended early could bring claims of its own.
        if (auto const wrong = detail::json_scan{value}.alone()) return refusal(*wrong, "in what the draft says more");
        if (text.size() > 1) text += ',';
        ((text += json_text(claim)) += ':') += value;
    }
    text += '}';
    if (!of.more.empty())
        if (auto const wrong = detail::json_scan{text}.object([](std::string_view, detail::json_value const&) {}))
            return refusal(*wrong, "in what the draft says more");
    return detail::sign_segment(state_->by, state_->header, text);
}

}  // namespace muster::jwt
