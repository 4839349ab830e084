#pragma once

#include <chrono>         // nanoseconds
#include <concepts>       // convertible_to
#include <cstdint>        // uint64_t
#include <functional>     // function
#include <stdexcept>      // invalid_argument
#include <string>         // source
#include <string_view>    // text
#include <utility>        // move

#include <muster/core/concepts.hpp>                        // task_for, executor
#include <muster/core/context.hpp>                         // context
#include <muster/core/invoke_task.hpp>                     // invoke_task
#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/jwt/detail/key_rotation.hpp>    // key_rotation
#include <muster/workloads/jwt/jwk.hpp>                    // jwk_options
#include <muster/workloads/jwt/jwks.hpp>                   // parse_jwks
#include <muster/workloads/jwt/key_set.hpp>                // key_set

namespace muster::jwt {

/// When keys are asked for anew.
///
/// Units      durations: `stale_for` 0 or more, the others more than 0; `ahead` is a share from 0 to 1.
struct rotating_keys_options {
    /// 5 min, as long as a removed key may still be taken: how long keys are as good as new.
    std::chrono::nanoseconds fresh_for = std::chrono::minutes{5};
    /// 1 h: how long after that they are used where no newer ones can be had. Then every token is refused.
    std::chrono::nanoseconds stale_for = std::chrono::hours{1};
    /// 0.2: the last share of the fresh time, in which newer ones are fetched already.
    double ahead = 0.2;
    /// 1 min: at most so often a token with a `kid` that is not there asks for newer ones; anybody can make those up.
    std::chrono::nanoseconds unknown_kid_every = std::chrono::minutes{1};
    /// 1 s: how long after a fetch that failed nobody tries again; longer where the failure's `retry_after` says so.
    std::chrono::nanoseconds retry_every = std::chrono::seconds{1};
    /// Of keys in a JWKS text.
    jwk_options keys{};
};

/// Keys that change: a JWKS that is fetched by a task, and fetched again ahead of its end or when a token names a key it lacks.
///
///     rotating_keys keys{"https://issuer.example/jwks.json", deadline{2s} | retry{} | download, {}, pool};
///     verifier judge{keys, {.issuers = {"https://issuer.example"}}};
///
/// Shape      the task is given `source`, and answers the text of a JWKS or a `key_set`. With an executor renewals are made there and
///            nobody waits for them; without, who finds that it is time makes one, and waits for it alone.
/// Default    see rotating_keys_options.
/// Waits      for the first keys, and with a token whose `kid` is unknown, while a fetch is under way: for one, through the context. All
///            who wait at a time wait for the same one.
/// Fails      `current`, and so a verifier with these keys: with what the task or `parse_jwks` failed with, where no keys are there
///            or they are over. Where keys are there a fetch that fails changes nothing.
/// Throws     std::invalid_argument for options out of range.
/// Threads    any number at once, also of fetches by several of these.
/// Lifetime   outlives the verifiers that name it, and the executor's last job: let the pool be gone before it. A key that is no
///            longer in the set is not taken from the next token on; its memory stays until each thread has looked once more or ended.
/// Cost       with the keys there: one look at the clock, and a look into memory of the thread's own; no lock, no count of references.
///            A key that the new set has too is the one that it was, with what was learned about it.
class rotating_keys : public detail::key_rotation {
public:
    template <class Fetch>
        requires task_for<Fetch, std::string const&>
    rotating_keys(std::string source, Fetch fetch, rotating_keys_options options = {})
        : key_rotation(fetching(std::move(source), std::move(fetch), options), checked(options), {}) {}
    template <class Fetch, executor E>
        requires task_for<Fetch, std::string const&>
    rotating_keys(std::string source, Fetch fetch, rotating_keys_options options, E& where)
        : key_rotation(fetching(std::move(source), std::move(fetch), options), checked(options),
                       [&where](std::function<void()> job) { where.post([job = std::move(job)]() noexcept { job(); }); }) {}

    /// The keys as they are now; fetched first where there are none.
    [[nodiscard]] outcome<key_set> current(context& cx) {
        auto const now = hold(cx);
        if (!now) return now.error();
        return now->get()->keys;
    }

    /// `rotating keys, fetches: 3`.
    [[nodiscard]] std::string describe() const { return "rotating keys, fetches: " + std::to_string(fetched()); }

private:
    static detail::rotation_times checked(rotating_keys_options const& options);
    template <class Fetch>
    static fetch_function fetching(std::string source, Fetch fetch, rotating_keys_options const& options);
};

// Implementation

inline detail::rotation_times rotating_keys::checked(rotating_keys_options const& options) {
    if (options.fresh_for.count() <= 0 || options.stale_for.count() < 0 || options.unknown_kid_every.count() <= 0 ||
        options.retry_every.count() <= 0)
        throw std::invalid_argument{"muster: rotating_keys needs times above 0"};
    if (!(options.ahead >= 0 && options.ahead <= 1)) throw std::invalid_argument{"muster: ahead of rotating_keys is a share from 0 to 1"};
    auto const ahead = options.ahead >= 1 ? options.fresh_for
                                          : std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(
                                                static_cast<double>(options.fresh_for.count()) * options.ahead)};
    return {options.fresh_for, options.stale_for, ahead, options.unknown_kid_every, options.retry_every};
}

template <class Fetch>
rotating_keys::fetch_function rotating_keys::fetching(std::string source, Fetch fetch, rotating_keys_options const& options) {
    using answer = typename result_of<Fetch, std::string const&>::value_type;
    constexpr bool is_set = std::convertible_to<answer, key_set>;
    static_assert(is_set || std::convertible_to<answer const&, std::string_view>,
                  "muster: the task of rotating_keys answers the text of a JWKS, or a key_set");
    return [source = std::move(source), fetch = std::move(fetch), how = options.keys](context& cx) -> outcome<key_set> {
        auto got = invoke_task(fetch, cx, source);
        if (!got) return std::move(got).error();
        if constexpr (!is_set) return parse_jwks(std::string_view{*got}, how);
        (void)how;
        if constexpr (is_set) return std::move(*got);
    };
}

}  // namespace muster::jwt
