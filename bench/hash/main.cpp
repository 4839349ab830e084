// Hashes of many keys: a batch against what one would write by hand, each route of this processor, and two workers against one.

#include <algorithm>      // min
#include <array>          // sizes
#include <cstdint>        // uint64_t
#include <cstdlib>        // abort
#include <functional>     // function
#include <span>           // batches
#include <string>         // names
#include <string_view>    // keys
#include <thread>         // bare ones
#include <vector>         // keys

#include <openssl/evp.h>    // EVP_Digest

#include <measure.hpp>

#include <muster/exec/thread_pool.hpp>
#include <muster/policy/on.hpp>
#include <muster/workloads/hash/fnv1a.hpp>
#include <muster/workloads/hash/hash_batch.hpp>
#include <muster/workloads/hash/hmac_sha256.hpp>
#include <muster/workloads/hash/sha256.hpp>
#include <muster/workloads/hash/xxh3.hpp>
#include <muster/workloads/hash/xxh64.hpp>

namespace {

using namespace muster;
using namespace muster::hashing;
using digest_32 = hashing::digest<32>;

struct keys_of_size {
    keys_of_size(std::size_t size, std::size_t count) : bytes(size * count) {
        std::uint64_t state = size;
        for (char& c : bytes) c = static_cast<char>((state = state * 6'364'136'223'846'793'005u + 1) >> 56);
        for (std::size_t i = 0; i < count; ++i) views.emplace_back(bytes.data() + i * size, size);
    }
    std::vector<char> bytes;
    std::vector<std::string_view> views;
};

// What OpenSSL advises, as one writes it first; as a hash, so that it runs on two threads the same way.
struct evp_digest {
    using digest_type = digest_32;
    digest_32 operator()(std::string_view message) const {
        digest_32 out;
        if (EVP_Digest(message.data(), message.size(), out.bytes.data(), nullptr, EVP_sha256(), nullptr) != 1) std::abort();
        return out;
    }
    template <hashing::detail::keys Keys>
    outcome<void> each(Keys const& keys, std::span<digest_32> out) const { return hashing::detail::each_alone(*this, keys, out); }
    sha256::state start() const { return {}; }
};

// The plain loops.
[[gnu::noinline]] void raw_xxh3(std::span<std::string_view const> keys, std::span<std::uint64_t> out) {
    for (std::size_t i = 0; i < keys.size(); ++i) out[i] = XXH3_64bits(keys[i].data(), keys[i].size());
}
[[gnu::noinline]] void raw_fnv1a(std::span<std::string_view const> keys, std::span<std::uint64_t> out) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
        std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
        for (char const c : keys[i]) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
        out[i] = hash;
    }
}
template <class H>
[[gnu::noinline]] void batch(H const& hash, std::span<std::string_view const> keys, std::span<typename H::digest_type> out) {
    if (!hash.each(keys, out)) std::abort();
}

// Seconds that a call takes, over so many that the clock is fine enough.
template <class Call>
bench::contender timed(std::string name, int times, Call call) {
    return {std::move(name), [=] {
                return bench::seconds([&] {
                           for (int i = 0; i < times; ++i) call();
                       }) / times;
            }};
}

// Contenders are compared by speed: their seconds are divided the other way round.
void speed(bench::report const& to, bench::quiet_rounds const& rounds, std::string const& figure, std::string const& of, std::string const& over) {
    rounds.ratio(to, figure, over, of);
}
void millions(bench::report const& to, bench::quiet_rounds const& rounds, std::string const& prefix, std::size_t keys) {
    for (auto const& name : rounds.names()) {
        std::vector<double> rates;
        for (auto const took : rounds.of(name)) rates.push_back(static_cast<double>(keys) / took / 1e6);
        to.figure(prefix + name, rates, "M/s");
    }
}

// One thread: batches against plain loops.
void alone(bench::report const& to, std::size_t size) {
    auto const count = to.size<std::size_t>(16'384, 1'024);
    auto const times = to.size(20, 1);
    keys_of_size const keys{size, count};
    std::span<std::string_view const> const views{keys.views};
    std::vector<std::uint64_t> numbers(count), check(count);
    std::vector<digest_32> digests(count), check_digests(count);
    std::span<std::uint64_t> const out{numbers};
    std::span<digest_32> const out_32{digests};

    std::vector<bench::contender> all{
        timed("xxh3_raw_loop", times, [=] { raw_xxh3(views, out); }),
        timed("xxh3", times, [=] { batch(xxh3{}, views, out); }),
        timed("xxh64", times, [=] { batch(xxh64{}, views, out); }),
        timed("fnv1a_scalar", times, [=] { raw_fnv1a(views, out); }),
        timed("fnv1a", times, [=] { batch(fnv1a{}, views, out); }),
        timed("evp_digest", 1, [=] { batch(evp_digest{}, views, out_32); }),
        timed("sha256", times / 10 + 1, [=] { batch(sha256{}, views, out_32); }),
        timed("hmac_sha256", 1, [=, hash = hmac_sha256{"a secret"}] { batch(hash, views, out_32); }),
    };
    std::vector<std::string> routes;
    using route = hashing::detail::fnv1a_route;
    for (auto const& each : {std::pair{route::portable, "fnv1a_portable"}, {route::avx2, "fnv1a_avx2"}, {route::avx512, "fnv1a_avx512"}}) {
        auto const way = each.first;
        if (!hashing::detail::has(way)) continue;
        routes.emplace_back(each.second);
        all.push_back(timed(each.second, times, [=] {
            if (!fnv1a{}.each(views, out, way)) std::abort();
        }));
    }
    using sha_route = hashing::detail::sha256_route;
    all.push_back(timed("sha256_openssl", times / 10 + 1, [=] {
        if (!sha256{}.each(views, out_32, sha_route::openssl)) std::abort();
    }));

    raw_fnv1a(views, check);    // the answers are right
    batch(fnv1a{}, views, out);
    if (numbers != check) std::abort();
    batch(evp_digest{}, views, check_digests);
    batch(sha256{}, views, out_32);
    if (digests != check_digests) std::abort();

    auto const rounds = bench::in_quiet_rounds(all, to.size(31, 1), 60);
    auto const suffix = '_' + std::to_string(size);
    millions(to, rounds, "keys" + suffix + '_', count);
    speed(to, rounds, "xxh3" + suffix + "_against_raw_loop", "xxh3", "xxh3_raw_loop");
    for (auto const& each : routes) speed(to, rounds, each + suffix + "_against_scalar", each, "fnv1a_scalar");
    speed(to, rounds, "fnv1a" + suffix + "_against_scalar", "fnv1a", "fnv1a_scalar");
    speed(to, rounds, "sha256" + suffix + "_against_evp_digest", "sha256", "evp_digest");
    speed(to, rounds, "sha256_openssl" + suffix + "_against_evp_digest", "sha256_openssl", "evp_digest");
    // with AVX-512 more is wanted
    auto wanted = bench::ratios(rounds.of("fnv1a_scalar"), rounds.of("fnv1a"));
    for (auto& each : wanted) each /= hashing::detail::has(route::avx512) ? 7 : 4;
    to.figure("fnv1a" + suffix + "_of_what_is_wanted_of_this_processor", wanted, "x");
}

// A large batch on one worker, on two, and on two bare threads with half of the keys each, which is as much as the machine gives.
template <class H>
void add_pair(std::vector<bench::contender>& all, std::string const& name, int times, thread_pool& pool, H const& hash,
              std::span<std::string_view const> keys, std::span<typename H::digest_type> out) {
    all.push_back(timed(name + "_1", times, [=] {
        if (!hash_batch(keys, hash, into{out}).empty()) std::abort();
    }));
    all.push_back(timed(name + "_2", times, [=, &pool] {
        if (!hash_batch(keys, on{pool} | hash, into{out}).empty()) std::abort();
    }));
    all.push_back({name + "_bare", [=] {
        auto const half = keys.size() / 2;
        auto const run = [=](std::size_t first, std::size_t count) {
            for (int i = 0; i < times; ++i) batch(hash, keys.subspan(first, count), out.subspan(first, count));
        };
        return bench::seconds([&] {
                   std::thread second{run, half, keys.size() - half};
                   run(0, half);
                   second.join();
               }) / times;
    }});
}

void two_workers(bench::report const& to, std::size_t size) {
    auto const count = to.size<std::size_t>(65'536, 2'048);    // 4 MiB: what memory gives to two is not asked for here
    auto const often = to.size(40, 1), seldom = to.size(4, 1);
    keys_of_size const keys{size, count};
    std::vector<std::uint64_t> numbers(count);
    std::vector<digest_32> digests(count);
    thread_pool pool{2};
    std::vector<bench::contender> all;
    add_pair(all, "xxh3", often, pool, xxh3{}, keys.views, std::span{numbers});
    add_pair(all, "xxh64", often, pool, xxh64{}, keys.views, std::span{numbers});
    add_pair(all, "fnv1a", often, pool, fnv1a{}, keys.views, std::span{numbers});
    add_pair(all, "sha256", seldom, pool, sha256{}, keys.views, std::span{digests});
    add_pair(all, "hmac_sha256", seldom, pool, hmac_sha256{"a secret"}, keys.views, std::span{digests});
    add_pair(all, "evp_digest", 1, pool, evp_digest{}, keys.views, std::span{digests});
    auto const rounds = bench::in_quiet_rounds(all, to.size(31, 1), 60);
    auto const suffix = '_' + std::to_string(size);
    millions(to, rounds, "batch" + suffix + '_', count);
    for (std::string const name : {"xxh3", "xxh64", "fnv1a", "sha256", "hmac_sha256", "evp_digest"}) {
        speed(to, rounds, name + suffix + "_2_wide_speedup", name + "_2", name + "_1");
        speed(to, rounds, name + suffix + "_2_bare_threads_speedup", name + "_bare", name + "_1");
        speed(to, rounds, name + suffix + "_2_wide_against_2_bare_threads", name + "_2", name + "_bare");
    }
    speed(to, rounds, "sha256" + suffix + "_2_wide_against_evp_digest_2_wide", "sha256_2", "evp_digest_2");
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const to{argc, argv};
    for (std::size_t const size : {16u, 64u}) alone(to, size);
    two_workers(to, 64);
}
