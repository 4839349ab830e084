// Hashes at the edges of memory, and of files that are not what they were.
#include <muster/workloads/hash/hash_batch.hpp>
#include <muster/workloads/hash/hash_file.hpp>

#include "catch.hpp"
#include "keys.hpp"
#include "temporary_folder.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>       // open
#include <sys/mman.h>    // mmap
#include <unistd.h>      // ftruncate

#include <muster/workloads/hash/fnv1a.hpp>
#include <muster/workloads/hash/hmac_sha256.hpp>
#include <muster/workloads/hash/sha256.hpp>
#include <muster/workloads/hash/xxh3.hpp>
#include <muster/workloads/hash/xxh64.hpp>

using namespace muster;
using namespace muster::hashing;

namespace {

// Memory with nothing before it and nothing behind it: who looks there ends the program.
class island {
public:
    island() : size_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
        all_ = static_cast<char*>(::mmap(nullptr, 3 * size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        REQUIRE(all_ != MAP_FAILED);
        REQUIRE(::mprotect(all_ + size_, size_, PROT_READ | PROT_WRITE) == 0);
    }
    ~island() { ::munmap(all_, 3 * size_); }
    island(island const&) = delete;
    island& operator=(island const&) = delete;

    std::string_view at_the_end(std::string const& bytes) { return copied(all_ + 2 * size_ - bytes.size(), bytes); }
    std::string_view at_the_start(std::string const& bytes) { return copied(all_ + size_, bytes); }

private:
    static std::string_view copied(char* to, std::string const& bytes) {
        bytes.copy(to, bytes.size());
        return {to, bytes.size()};
    }
    std::size_t size_;
    char* all_;
};

template <hasher H>
void check_edges(H const& hash) {
    using digest = typename H::digest_type;
    std::mt19937_64 random{23};
    island shore;
    for (std::size_t size = 0; size <= 300; ++size) {
        CAPTURE(size);
        auto const bytes = random_key(random, size);
        auto const right = hash(bytes);
        for (auto const key : {shore.at_the_start(bytes), shore.at_the_end(bytes)}) {
            CHECK(hash(key) == right);
            std::vector<std::string_view> const batch(33, key);    // one more than the widest takes at a time
            std::vector<digest> out(33);
            CHECK(hash.each(batch, out).has_value());
            CHECK(out == std::vector<digest>(33, right));
        }
        // at every alignment, and beside keys of other lengths
        auto const key = shore.at_the_end(bytes);
        std::vector<std::string_view> tails;
        for (std::size_t from = 0; from <= std::min<std::size_t>(size, 40); ++from) tails.push_back(key.substr(from));
        std::vector<digest> out(tails.size());
        CHECK(hash.each(tails, out).has_value());
        for (std::size_t i = 0; i < tails.size(); ++i) CHECK(out[i] == hash(std::string{tails[i]}));
    }
}

// Does something to the file when it has been given the first piece, and hashes all.
struct meddling {
    using digest_type = std::uint64_t;
    struct state {
        meddling const* of;
        xxh3::state hash{};
        bool done = false;
        void add(std::string_view piece) {
            hash.add(piece);
            if (!done) of->with();
            done = true;
        }
        std::uint64_t finish() const { return hash.finish(); }
    };
    std::function<void()> with;
    std::uint64_t operator()(std::string_view key) const { return xxh3{}(key); }
    outcome<void> each(std::span<std::string_view const>, std::span<std::uint64_t>) const { return {}; }
    state start() const { return {this}; }
};

// How many bytes it was given, and the last of them.
struct counting {
    using digest_type = digest<9>;
    struct state {
        std::uint64_t bytes = 0;
        char last = 0;
        void add(std::string_view piece) {
            bytes += piece.size();
            last = piece.back();
        }
        digest_type finish() const {
            digest_type out;
            std::memcpy(out.bytes.data(), &bytes, 8);
            out.bytes[8] = static_cast<std::uint8_t>(last);
            return out;
        }
    };
    digest_type operator()(std::string_view) const { return {}; }
    outcome<void> each(std::span<std::string_view const>, std::span<digest_type>) const { return {}; }
    state start() const { return {}; }
};

}  // namespace

TEST_CASE("edges: no hash looks before a key or behind its end, alone or in a batch, at any alignment", "[hash][edges]") {
    check_edges(xxh3{});
    check_edges(xxh64{});
    check_edges(fnv1a{});
    check_edges(sha256{});
    check_edges(hmac_sha256{"a secret"});
}

TEST_CASE("edges: every route of FNV-1a and of SHA-256 keeps to its keys", "[hash][edges]") {
    island shore;
    std::mt19937_64 random{29};
    for (std::size_t size = 0; size <= 130; ++size) {
        auto const bytes = random_key(random, size);
        std::vector<std::string_view> keys;
        for (std::size_t i = 0; i < 33; ++i) keys.push_back(shore.at_the_end(bytes).substr(i % 3 == 0 ? std::min(i, size) : 0));
        for (auto const way : {hashing::detail::fnv1a_route::portable, hashing::detail::fnv1a_route::avx2, hashing::detail::fnv1a_route::avx512}) {
            if (!hashing::detail::has(way)) continue;
            std::vector<std::uint64_t> out(33);
            CHECK(fnv1a{}.each(keys, out, way).has_value());
            CHECK(out[0] == fnv1a{}(keys[0]));
            CHECK(out[32] == fnv1a{}(keys[32]));
        }
        for (auto const way : {hashing::detail::sha256_route::openssl, hashing::detail::sha256_route::pairs}) {
            if (!hashing::detail::has(way)) continue;
            std::vector<digest<32>> out(33);
            CHECK(sha256{}.each(keys, out, way).has_value());
            for (std::size_t i = 0; i < 33; ++i) CHECK(out[i] == sha256{}(keys[i]));
        }
    }
}

TEST_CASE("edges: a batch of no keys is done, by any hash and as many threads", "[hash][edges]") {
    std::vector<std::string> const none;
    std::vector<std::uint64_t> out;
    CHECK(hash_batch(none, xxh3{}, into{out}).empty());
    CHECK(hash_batch(none, fnv1a{}, into{out}).empty());
}

TEST_CASE("edges: a file that grows, shrinks or vanishes meanwhile gives the digest of what was read", "[hash][edges]") {
    temporary_folder const folder;
    std::string const whole(1'000, 'a');
    auto const path = folder.put("file", whole);
    auto const hashed = [&](std::function<void()> with) { return hash_file{meddling{std::move(with)}, {.piece = 100}}(path).value(); };
    CHECK(hashed([&] { REQUIRE(::truncate(path.c_str(), 150) == 0); }) == xxh3{}(whole.substr(0, 150)));
    folder.put("file", whole);
    CHECK(hashed([&] { REQUIRE(::truncate(path.c_str(), 1'001) == 0); }) == xxh3{}(whole + '\0'));
    folder.put("file", whole);
    CHECK(hashed([&] { REQUIRE(::truncate(path.c_str(), 0) == 0); }) == xxh3{}(whole.substr(0, 100)));
    folder.put("file", whole);
    CHECK(hashed([&] { REQUIRE(::unlink(path.c_str()) == 0); }) == xxh3{}(whole));
    CHECK(hash_file{xxh3{}}(path).error().is(cause::unavailable));
}

TEST_CASE("edges: a file of more than 4 GiB is read to its end", "[hash][edges][soak]") {
    auto const size = std::getenv("MUSTER_SOAK") ? (std::int64_t{1} << 32) + 5 : (std::int64_t{1} << 24) + 5;    // a hole, and one byte
    temporary_folder const folder;
    auto const path = folder.put("large", "");
    REQUIRE(::truncate(path.c_str(), size - 1) == 0);
    auto const file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    REQUIRE(file >= 0);
    REQUIRE(::write(file, "z", 1) == 1);
    ::close(file);
    auto state = counting{}.start();
    state.bytes = static_cast<std::uint64_t>(size);
    state.last = 'z';
    CHECK(hash_file{counting{}}(path) == state.finish());
    CHECK(hash_file{counting{}, {.piece = 1 << 20}}(path) == state.finish());
}
