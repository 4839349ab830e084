// Authentication as a gateway does it: tokens that were never seen, tokens that come again, and a flood.

#include <algorithm>      // max, sort
#include <atomic>         // start and end
#include <chrono>         // open loop
#include <cmath>          // pow, log
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstdlib>        // abort
#include <memory>         // slots
#include <new>            // placement new
#include <random>         // arrivals
#include <string>         // tokens
#include <string_view>    // tokens
#include <thread>         // open loop
#include <vector>         // tokens

#include <malloc.h>          // mallinfo2
#include <sched.h>           // sched_yield
#include <sys/mman.h>        // mmap
#include <sys/prctl.h>       // PR_SET_PDEATHSIG
#include <sys/wait.h>        // waitpid
#include <csignal>           // SIGKILL
#include <unistd.h>          // fork

#include <muster/cache/memory_cache.hpp>
#include <muster/cache/shm_cache.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/batched.hpp>
#include <muster/policy/on.hpp>
#include <muster/workloads/jwt/authenticator.hpp>
#include <muster/workloads/jwt/signer.hpp>

#include "problem.hpp"

namespace bench::tokens {

namespace {

using namespace muster;
using namespace muster::jwt;

using tokens_here = memory_cache<token_digest, claims>;
using tokens_shared = shm_cache<token_digest, claims>;

constexpr std::string_view seed = "0123456789abcdef0123456789abcdef";
key private_key() { return *key::ed25519_private(seed); }
key public_key() {
    auto const& bytes = private_key();
    auto const& part = std::get_if<muster::jwt::detail::ed25519_key>(&bytes.record().material)->public_part();
    return *key::ed25519_public({reinterpret_cast<char const*>(part.data()), part.size()});
}
verifier_options asked() {
    return {.issuers = {std::string{issuer}}, .audiences = {std::string{audience}}, .required = {"exp", "iss", "aud", "sub", "jti", "iat"}};
}

// EdDSA, 272 bytes each and all different.
std::vector<std::string> made(std::size_t count, std::string const& of) {
    signer const signs{private_key(), {.issuer = std::string{issuer}, .audience = {std::string{audience}}, .lifetime = std::chrono::hours{24}}};
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) {
        auto const number = std::to_string(10'000'000 + i);
        all.push_back(*signs(draft{.subject = "user-" + number, .id = of + '-' + number.substr(1) + "-0123456789abcdef"}));
    }
    return all;
}

// The first uses of a key earn it its table.
void warm(verifier const& judge, std::string const& token) {
    for (int i = 0; i < 600; ++i)
        if (!judge(token)) std::abort();
}

template <class Answers>
void all_good(Answers const& answers) {
    for (auto const& each : answers)
        if (!each) std::abort();
}

std::vector<double> each(std::vector<double> samples, double count, double unit) {
    for (auto& one : samples) one = count / one / unit;
    return samples;
}

// Never seen before: in batches on one worker and on two, and one by one against the verifier alone.
void uncached(report const& to) {
    auto const tokens = made(to.size<std::size_t>(16'384, 512), "new");
    verifier const judge{public_key(), asked()};
    warm(judge, tokens[0]);
    tokens_here known{{.entries = tokens.size() * 2}};
    authenticator const auth{judge, known};
    thread_pool one{1}, two{2};
    auto const timed_batches = [&](thread_pool& pool) {
        known.clear();
        return seconds([&] { all_good(map(tokens, on{pool} | batched{64} | auth)); });
    };
    std::vector<contender> const all{
        {"batch_1", [&] { return timed_batches(one); }},
        {"batch_2", [&] { return timed_batches(two); }},
        {"authenticate", [&] {
            known.clear();
            return seconds([&] {
                for (auto const& token : tokens)
                    if (!auth(token)) std::abort();
            });
        }},
        {"verify", [&] {
            return seconds([&] {
                for (auto const& token : tokens)
                    if (!judge(token)) std::abort();
            });
        }},
    };
    auto const rounds = in_quiet_rounds(all, to.size(7, 1), 30);
    auto const count = static_cast<double>(tokens.size());
    for (auto const& name : rounds.names()) to.figure("authentication_uncached_" + name, each(rounds.of(name), count, 1), "tokens/s");
    rounds.ratio(to, "authentication_two_workers_against_one", "batch_1", "batch_2");
    rounds.ratio(to, "authentication_single_against_verify", "authenticate", "verify");
}

// What somebody asks for in order: 98 of a hundred are of `known`, by Zipf's law, and the others are new. The tokens lie in that order,
// as those of requests that just came in do.
struct requests {
    std::vector<std::string> tokens;

    requests(std::vector<std::string> const& known, std::size_t count, std::string const& of, unsigned seed_of) {
        std::vector<double> sums(known.size());
        double sum = 0;
        for (std::size_t i = 0; i < known.size(); ++i) sums[i] = sum += 1 / std::pow(static_cast<double>(i + 1), 0.99);
        std::mt19937_64 random{seed_of};
        auto const fresh = made(count / 50, of);
        std::size_t next = 0;
        tokens.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            if (i % 50 == 25 && next < fresh.size()) {
                tokens.push_back(fresh[next++]);
            } else {
                auto const at = std::uniform_real_distribution<>{0, sum}(random);
                tokens.push_back(known[static_cast<std::size_t>(std::lower_bound(sums.begin(), sums.end(), at) - sums.begin())]);
            }
        }
    }
};

template <class Cache>
void remember(authenticator<Cache> const& auth, std::vector<std::string> const& known) {
    for (auto const& token : known)
        if (!auth(token)) std::abort();
}

template <class Cache>
void ask(authenticator<Cache> const& auth, std::vector<std::string> const& tokens, bool by_batch) {
    if (!by_batch) {
        for (auto const& token : tokens)
            if (!auth(token)) std::abort();
        return;
    }
    std::span<std::string const> const all{tokens};
    for (std::size_t i = 0; i < all.size(); i += 64) all_good(auth(all.subspan(i, std::min<std::size_t>(64, all.size() - i))));
}

struct board {
    std::atomic<unsigned> ready{0}, go{0};
};

// So many processes at once, each with its requests, over one shared cache.
double shared(verifier const& judge, std::string const& name, shm_cache_options const& options, std::vector<requests const*> const& what) {
    auto* const at = ::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    auto& start = *new (at) board;
    std::vector<pid_t> children;
    for (auto const* const each : what) {
        auto const child = ::fork();
        if (child < 0) std::abort();
        if (child == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            tokens_shared known{name, options};
            authenticator const auth{judge, known};
            (void)auth(each->tokens[0]);
            start.ready.fetch_add(1);
            while (start.go == 0) ::sched_yield();
            ask(auth, each->tokens, false);
            ::_exit(0);
        }
        children.push_back(child);
    }
    while (start.ready < what.size()) ::sched_yield();
    auto const took = seconds([&] {
        start.go = 1;
        for (auto const child : children) {
            int status = 0;
            if (::waitpid(child, &status, 0) != child || status != 0) std::abort();
        }
    });
    ::munmap(at, sizeof(board));
    return took;
}

void cached(report const& to) {
    auto const count = to.size<std::size_t>(100'000, 2'000);
    auto const rounds_most = to.size(9, 1);
    auto const known_tokens = made(to.size<std::size_t>(10'000, 500), "known");
    verifier const judge{public_key(), asked()};
    warm(judge, known_tokens[0]);
    // New ones are new once: each run has its own.
    std::vector<requests> fresh;
    auto next = [&, number = 0u]() mutable -> requests const& {
        fresh.clear();
        fresh.emplace_back(known_tokens, count, "new" + std::to_string(number), number + 1);
        ++number;
        return fresh.back();
    };
    requests const repeated{known_tokens, count, "again", 1};

    tokens_here here{{.entries = 1'000'000}};
    authenticator const auth{judge, here};
    remember(auth, known_tokens);
    ask(auth, repeated.tokens, false);

    auto const name = "muster-bench-jwt-" + std::to_string(::getpid());
    shm_cache_options const options{.entries = 200'000, .entry_bytes = 384};
    tokens_shared between{name, options};
    authenticator const shared_auth{judge, between};
    remember(shared_auth, known_tokens);
    std::vector<requests> pair;
    unsigned round = 0;
    auto const next_pair = [&](std::size_t many) {
        pair.clear();
        std::vector<requests const*> out;
        for (std::size_t i = 0; i < many; ++i) pair.emplace_back(known_tokens, count, "p" + std::to_string(round++), round);
        for (auto const& each : pair) out.push_back(&each);
        return out;
    };
    std::vector<contender> const all{
        {"98", [&] {
            auto const& asks = next();
            return seconds([&] { ask(auth, asks.tokens, false); });
        }},
        {"98_by_64", [&] {
            auto const& asks = next();
            return seconds([&] { ask(auth, asks.tokens, true); });
        }},
        {"100", [&] { return seconds([&] { ask(auth, repeated.tokens, false); }); }},
        {"98_shared_1", [&] { return shared(judge, name, options, next_pair(1)); }},
        {"98_shared_2", [&] { return shared(judge, name, options, next_pair(2)) / 2; }},
    };
    auto const rounds = in_quiet_rounds(all, rounds_most, 60);
    (void)tokens_shared::unlink(name);
    for (auto const& each_name : rounds.names())
        to.figure("authentication_cached_" + each_name, each(rounds.of(each_name), static_cast<double>(count), 1e6), "M tokens/s");
    rounds.ratio(to, "authentication_shared_two_processes_against_one", "98_shared_1", "98_shared_2");
}

// 40,000 requests at once, none of them answered yet; and how long one waits where they come as they like.
void flood(report const& to) {
    auto const tokens = made(to.size<std::size_t>(40'000, 1'000), "flood");
    verifier const judge{public_key(), asked()};
    warm(judge, tokens[0]);
    tokens_here known{{.entries = tokens.size() * 2}};
    authenticator const auth{judge, known};
    using clock = std::chrono::steady_clock;
    std::vector<double> bytes, capacity;
    auto const slots = std::make_unique<outcome<claims>[]>(tokens.size());
    thread_pool pool{2};
    for (int round = 0; round < to.size(3, 1); ++round) {
        known.clear();
        std::atomic<int> held{0};
        std::atomic<bool> go{false};
        std::atomic<std::size_t> done{0};
        for (int i = 0; i < 2; ++i)
            pool.post([&]() noexcept {
                ++held;
                go.wait(false);
            });
        while (held < 2) std::this_thread::yield();
        auto const before = ::mallinfo2();
        for (std::size_t i = 0; i < tokens.size(); ++i)
            pool.post([&, i]() noexcept {
                slots[i] = auth(tokens[i]);
                ++done;
            });
        auto const after = ::mallinfo2();
        bytes.push_back(static_cast<double>(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / static_cast<double>(tokens.size()));
        capacity.push_back(static_cast<double>(tokens.size()) / seconds([&] {
            go = true;
            go.notify_all();
            while (done < tokens.size()) std::this_thread::sleep_for(std::chrono::microseconds{200});
        }));
        for (std::size_t i = 0; i < tokens.size(); ++i)
            if (!slots[i]) std::abort();
    }
    to.figure("authentication_40000_at_once", capacity, "tokens/s");
    to.figure("authentication_bytes_for_a_queued_token", bytes, "B");
    to.figure("authentication_bytes_for_an_answer", {static_cast<double>(sizeof(outcome<claims>))}, "B");

    // Open loop: when each comes was drawn before, whatever became of those before it.
    std::vector<double> worst, middle;
    auto const per_second = 0.8 * median(capacity);
    for (int round = 0; round < to.size(9, 1); ++round) {
        known.clear();
        std::mt19937_64 random{static_cast<std::uint64_t>(round) + 1};
        std::exponential_distribution<> gap{per_second};
        std::vector<clock::time_point> due(tokens.size());
        std::vector<double> took(tokens.size());
        std::atomic<std::size_t> done{0};
        auto at = clock::now() + std::chrono::milliseconds{5};
        for (auto& each_due : due) each_due = at += std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>{gap(random)});
        for (std::size_t i = 0; i < tokens.size();) {
            auto const now = clock::now();
            for (; i < tokens.size() && due[i] <= now; ++i)
                pool.post([&, i]() noexcept {
                    slots[i] = auth(tokens[i]);
                    took[i] = std::chrono::duration<double, std::milli>(clock::now() - due[i]).count();
                    ++done;
                });
            // Those of 200 us come together: a clock that rings for each would take half a processor from the workers. They wait since each
            // was due.
            if (i < tokens.size()) std::this_thread::sleep_until(std::max(due[i], now + std::chrono::microseconds{200}));
        }
        while (done < tokens.size()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
        worst.push_back(quantile(took, 0.99));
        middle.push_back(quantile(took, 0.5));
    }
    to.figure("authentication_p50_at_80_percent", middle, "ms");
    to.figure("authentication_p99_at_80_percent", worst, "ms");
}

void measure(report const& to) {
    uncached(to);
    cached(to);
    flood(to);
}

entered<part> const it{{"authentication", measure}};

}  // namespace

}  // namespace bench::tokens
