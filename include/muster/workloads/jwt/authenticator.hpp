#pragma once

#include <algorithm>      // min
#include <array>          // counters
#include <atomic>         // counters
#include <chrono>         // nanoseconds
#include <concepts>       // same_as
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <functional>     // function
#include <memory>         // shared_ptr
#include <optional>       // what is there
#include <span>           // tokens
#include <stdexcept>      // invalid_argument
#include <string>         // describe
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // answers

#include <muster/core/context.hpp>                   // context
#include <muster/core/invoke_task.hpp>               // guarded
#include <muster/core/outcome.hpp>                   // outcome
#include <muster/os/thread_stripe.hpp>               // thread_stripe
#include <muster/workloads/jwt/claims.hpp>           // claims
#include <muster/workloads/jwt/detail/sha2.hpp>      // sha2
#include <muster/workloads/jwt/fault.hpp>            // refusal
#include <muster/workloads/jwt/token_digest.hpp>     // token_digest
#include <muster/workloads/jwt/verifier.hpp>         // verifier
#include <muster/workloads/jwt/verify_many.hpp>      // judge_together

namespace muster::jwt {

struct authenticator_options {
    /// 5 min: how long a token that was found good is remembered at the most; above 0. It is never longer than to its `exp`.
    std::chrono::nanoseconds longest = std::chrono::minutes{5};
    /// True for claims of a token that was taken back; empty: none ever is. Asked for each good token, remembered or not, from any
    /// thread: it should look something up, and not go far for it.
    std::function<bool(claims const&)> revoked{};
};

/// What an authenticator did until now.
struct authenticator_stats {
    std::uint64_t hits = 0;      ///< good tokens that were remembered
    std::uint64_t misses = 0;    ///< tokens that went to the verifier, good or not
    std::uint64_t failed = 0;    ///< tokens that could not be judged: no keys could be had, or `revoked` threw
    std::array<std::uint64_t, static_cast<std::size_t>(fault::library_failed) + 1> refused_by{};    ///< by fault

    [[nodiscard]] std::uint64_t refused(fault which) const noexcept { return refused_by[static_cast<std::size_t>(which)]; }
    [[nodiscard]] std::uint64_t refused() const noexcept {
        std::uint64_t sum = 0;
        for (auto const each : refused_by) sum += each;
        return sum;
    }
    [[nodiscard]] std::uint64_t revoked() const noexcept { return refused(fault::revoked); }

    friend bool operator==(authenticator_stats const&, authenticator_stats const&) = default;
};

/// A task that remembers which tokens are good: a verifier, with a cache before it.
///
///     memory_cache<token_digest, claims> known{{.entries = 100'000}};
///     authenticator auth{verifier{keys, {.audiences = {"api"}}}, known};
///     auto who = map(tokens, on{pool} | auth);                    // or on{pool} | batched{64} | auth
///
///     shm_cache<token_digest, claims> known{"tokens", {.entries = 100'000, .entry_bytes = 384}};    // for several processes
///
/// An answer is found by a hash over the token, all that the verifier asks, and its keys: verifiers that differ in any of these share
/// a cache and never each other's answers. Good tokens alone are remembered, so nobody fills the cache without a key.
///
/// Order      right of `batched` it is given the batch.
/// Shape      a token in, `claims` out; a span of tokens in, an outcome for each out. The same as the verifier answers: `exp` and `nbf`
///            are judged each time, by its clock. When keys change all that is remembered by the old ones is not found any more.
/// Waits      as the verifier.
/// Fails      as the verifier; with fault::revoked where `revoked` says so, and as it fails where it throws.
/// Throws     std::invalid_argument for a time that is not above 0.
/// Threads    any number at once; copies share their counters, which no two of 16 threads write to one cache line.
/// Lifetime   refers to the cache, which must outlive each copy. Who may write to a shared cache says who is authenticated: it is its
///            maker's alone by default (`mode`).
/// Cost       of a token that is remembered: a SHA-256 over it, a look-up, and a copy of its claims, on the heap where they have more
///            than 256 bytes. Two of a kind at a time that are not there yet are both verified.
template <class C>
class authenticator {
    static_assert(std::same_as<typename C::key_type, token_digest> && std::same_as<typename C::value_type, claims>,
                  "muster: the cache of an authenticator is a memory_cache<token_digest, claims>, or a shm_cache of these");

public:
    authenticator(verifier by, C& in, authenticator_options options = {})
        : state_(std::make_shared<state const>(std::move(by), in, std::move(options))) {}
    authenticator(verifier by, C&& in, authenticator_options options = {}) = delete;    // a temporary would be gone before the first call

    [[nodiscard]] outcome<claims> operator()(std::string_view token, context& cx) const;
    [[nodiscard]] outcome<claims> operator()(std::string_view token) const {
        context cx;
        return (*this)(token, cx);
    }
    template <class Token>
        requires std::convertible_to<Token const&, std::string_view>
    [[nodiscard]] std::vector<outcome<claims>> operator()(std::span<Token const> tokens, context& cx) const;
    template <class Token>
        requires std::convertible_to<Token const&, std::string_view>
    [[nodiscard]] std::vector<outcome<claims>> operator()(std::span<Token const> tokens) const {
        context cx;
        return (*this)(tokens, cx);
    }

    /// Of all copies; what is counted meanwhile is in it or not.
    [[nodiscard]] authenticator_stats stats() const;

    [[nodiscard]] std::string describe() const { return "authenticator"; }

private:
    struct alignas(64) counters {
        std::atomic<std::uint64_t> hits{0}, misses{0}, failed{0};
        std::array<std::atomic<std::uint64_t>, std::tuple_size_v<decltype(authenticator_stats::refused_by)>> refused{};
    };
    struct state {
        state(verifier judge, C& cache, authenticator_options said) : by(std::move(judge)), in(&cache), options(std::move(said)) {
            if (options.longest.count() <= 0) throw std::invalid_argument{"muster: an authenticator remembers for a time above 0"};
            begun.update(by.question().bytes());
            if (!by.rotates()) begun.update(by.fingerprint().bytes());    // with the question it is a block, hashed once and for all
        }
        verifier by;
        C* in;
        authenticator_options options;
        detail::sha2 begun{32};    // of each digest
        mutable std::array<counters, thread_stripes> counts{};
    };

    static void count(std::atomic<std::uint64_t>& one) noexcept { one.fetch_add(1, std::memory_order_relaxed); }    // a count alone
    [[nodiscard]] counters& mine() const noexcept { return state_->counts[thread_stripe()]; }
    [[nodiscard]] outcome<claims> refused(failure why) const;
    [[nodiscard]] token_digest digest(token_digest const& keys, std::string_view token) const noexcept;
    [[nodiscard]] std::optional<claims> known(token_digest const& of, context& cx) const;
    [[nodiscard]] std::optional<failure> taken_back(claims const& said) const;
    [[nodiscard]] outcome<claims> again(claims&& said) const;
    [[nodiscard]] outcome<claims> first(outcome<claims>&& answer, token_digest const* of, context& cx) const;

    std::shared_ptr<state const> state_;
};

template <class C>
authenticator(verifier, C&) -> authenticator<C>;
template <class C>
authenticator(verifier, C&, authenticator_options) -> authenticator<C>;

// Implementation

template <class C>
outcome<claims> authenticator<C>::refused(failure why) const {
    auto const code = why.code();
    auto& counts = mine();
    auto const number = static_cast<std::size_t>(code.value());
    if (code.category() == fault_category() && number < counts.refused.size()) count(counts.refused[number]);
    else count(counts.failed);
    return why;
}

template <class C>
token_digest authenticator<C>::digest(token_digest const& keys, std::string_view token) const noexcept {
    auto hash = state_->begun;    // what is asked, the keys, and the token follow each other: the first two have one length each
    if (state_->by.rotates()) hash.update(keys.bytes());
    hash.update(token);
    return token_digest::of(hash);
}

template <class C>
std::optional<claims> authenticator<C>::known(token_digest const& of, context& cx) const {
    return state_->in->get(of, cx.now());
}

// Why a good token is refused all the same.
template <class C>
std::optional<failure> authenticator<C>::taken_back(claims const& said) const {
    auto const& asked = state_->options.revoked;
    if (!asked) return std::nullopt;
    auto const is = guarded<outcome<bool>>([&]() -> outcome<bool> { return asked(said); });    // where it cannot say, nobody passes
    if (!is) return is.error();
    if (*is) return refusal(fault::revoked);
    return std::nullopt;
}

// A token that is remembered.
template <class C>
outcome<claims> authenticator<C>::again(claims&& said) const {
    if (said.expires() || said.not_before())
        if (auto wrong = state_->by.out_of_time(said, state_->by.now())) return refused(std::move(*wrong));
    if (auto wrong = taken_back(said)) return refused(std::move(*wrong));
    count(mine().hits);
    return std::move(said);
}

// A token that was just verified; it is remembered by `of`, where that is given.
template <class C>
outcome<claims> authenticator<C>::first(outcome<claims>&& answer, token_digest const* of, context& cx) const {
    if (!answer) return refused(std::move(answer).error());
    if (auto wrong = taken_back(*answer)) return refused(std::move(*wrong));
    if (!of) return std::move(answer);
    auto life = state_->options.longest;
    if (auto const end = answer->expires()) {
        auto const left = *end - state_->by.now() + std::chrono::seconds{60};    // past the leeway, which is judged each time
        if (left < std::chrono::ceil<std::chrono::seconds>(life)) life = std::min<std::chrono::nanoseconds>(life, left);
    }
    if (life.count() > 0) (void)state_->in->put(*of, *answer, life, cx.now());    // what a cache does not take is judged again
    return std::move(answer);
}

template <class C>
outcome<claims> authenticator<C>::operator()(std::string_view token, context& cx) const {
    auto keys = state_->by.hold(cx);
    if (!keys) return refused(std::move(keys).error());
    if (token.size() > detail::longest_token) {    // not worth a hash
        count(mine().misses);
        return first(state_->by.judged(token, *keys, cx), nullptr, cx);
    }
    auto const before = *keys->fingerprint;
    auto of = digest(before, token);
    if (auto said = known(of, cx)) return again(std::move(*said));
    count(mine().misses);
    auto answer = state_->by.judged(token, *keys, cx);
    if (!(before == *keys->fingerprint)) of = digest(*keys->fingerprint, token);    // there were newer keys
    return first(std::move(answer), &of, cx);
}

template <class C>
template <class Token>
    requires std::convertible_to<Token const&, std::string_view>
std::vector<outcome<claims>> authenticator<C>::operator()(std::span<Token const> tokens, context& cx) const {
    constexpr std::size_t most = 64;    // at a time
    std::vector<outcome<claims>> answers(tokens.size());
    for (std::size_t at = 0; at < tokens.size(); at += most) {
        auto const count_here = std::min(most, tokens.size() - at);
        auto keys = state_->by.hold(cx);
        if (!keys) {
            for (std::size_t i = 0; i < count_here; ++i) answers[at + i] = refused(keys.error());
            continue;
        }
        auto const before = *keys->fingerprint;
        std::array<token_digest, most> digests;
        std::array<std::string_view, most> missing;
        std::array<std::size_t, most> places;
        std::size_t missed = 0;
        for (std::size_t i = 0; i < count_here; ++i) {
            std::string_view const token = tokens[at + i];
            if (token.size() <= detail::longest_token) {
                digests[missed] = digest(before, token);
                if (auto said = known(digests[missed], cx)) {
                    answers[at + i] = again(std::move(*said));
                    continue;
                }
            }
            places[missed] = at + i;
            missing[missed++] = token;
        }
        if (missed == 0) continue;
        std::vector<outcome<claims>> judged(missed);
        detail::judge_together(state_->by, *keys, std::span<std::string_view const>{missing.data(), missed}, judged, cx);
        // Where newer keys came meanwhile it is not said by which each was judged: then none is remembered.
        auto const same = before == *keys->fingerprint;
        for (std::size_t i = 0; i < missed; ++i) {
            count(mine().misses);
            answers[places[i]] = first(std::move(judged[i]), same && missing[i].size() <= detail::longest_token ? &digests[i] : nullptr, cx);
        }
    }
    return answers;
}

template <class C>
authenticator_stats authenticator<C>::stats() const {
    authenticator_stats sum;
    auto const read = [](std::atomic<std::uint64_t> const& one) { return one.load(std::memory_order_relaxed); };    // a count alone
    for (auto const& each : state_->counts) {
        sum.hits += read(each.hits);
        sum.misses += read(each.misses);
        sum.failed += read(each.failed);
        for (std::size_t i = 0; i < sum.refused_by.size(); ++i) sum.refused_by[i] += read(each.refused[i]);
    }
    return sum;
}

}  // namespace muster::jwt
