#include <muster/workloads/hash/hash_file.hpp>

#include "keys.hpp"
#include "catch.hpp"
#include "temporary_folder.hpp"

#include <stdexcept>
#include <stop_token>

#include <sys/fsuid.h>    // setfsuid
#include <sys/stat.h>     // mkfifo, chmod

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/on.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/workloads/hash/fnv1a.hpp>
#include <muster/workloads/hash/hex.hpp>
#include <muster/workloads/hash/hmac_sha256.hpp>
#include <muster/workloads/hash/sha256.hpp>
#include <muster/workloads/hash/xxh3.hpp>
#include <muster/workloads/hash/xxh64.hpp>

using namespace muster;
using namespace muster::hashing;

namespace {
// Asks for a stop when it has been given so many pieces.
struct stopping {
    using digest_type = std::uint64_t;
    struct state {
        stopping const* of;
        std::size_t pieces = 0;
        void add(std::string_view) {
            if (++pieces == of->after) of->stop->request_stop();
        }
        std::uint64_t finish() const { return pieces; }
    };
    std::stop_source* stop;
    std::size_t after;
    std::uint64_t operator()(std::string_view) const { return 0; }
    outcome<void> each(std::span<std::string_view const>, std::span<std::uint64_t>) const { return {}; }
    state start() const { return {this}; }
};

// Writes down how large the pieces were.
struct measuring {
    using digest_type = std::uint64_t;
    struct state {
        std::size_t largest = 0;
        void add(std::string_view piece) { largest = std::max(largest, piece.size()); }
        std::uint64_t finish() const { return largest; }
    };
    std::uint64_t operator()(std::string_view) const { return 0; }
    outcome<void> each(std::span<std::string_view const>, std::span<std::uint64_t>) const { return {}; }
    state start() const { return {}; }
};

template <class H>
void check_files(H const& hash) {
    temporary_folder const folder;
    std::mt19937_64 random{17};
    for (std::size_t const piece : {1u, 64u, 1'000u, 65'536u})
        for (std::size_t const size : {0u, 1u, 63u, 64u, 65u, 999u, 1'000u, 1'001u, 2'000u, 65'535u, 65'536u, 65'537u, 131'072u}) {
            if (piece == 1 && size > 3'000) continue;
            CAPTURE(piece, size);
            auto const bytes = random_key(random, size);
            auto const path = folder.put("file", bytes);
            CHECK(hash_file{hash, {.piece = piece}}(path) == hash(bytes));
        }
}
}  // namespace

TEST_CASE("hash_file: answers the digest of the bytes, for files about as large as a piece and around it", "[hash][hash_file]") {
    check_files(xxh3{});
    check_files(xxh64{});
    check_files(fnv1a{});
    check_files(sha256{});
    check_files(hmac_sha256{"a secret"});
}

TEST_CASE("hash_file: a task for map, a failure for each file that cannot be read", "[hash][hash_file]") {
    temporary_folder const folder;
    std::vector<std::string> const paths{folder.put("a", "abc"), folder / "missing", folder.put("b", "")};
    thread_pool pool{2};
    auto const digests = map(paths, on{pool} | hash_file{sha256{}});
    REQUIRE(digests.size() == 3);
    CHECK(digests[0] == sha256{}("abc"));
    CHECK(digests[2] == sha256{}(""));
    REQUIRE_FALSE(digests[1].has_value());
    CHECK(digests[1].error().index() == 1);
    CHECK(digests[1].error().is(cause::unavailable));
    CHECK(digests[1].error().text() == "cannot hash \"" + paths[1] + "\": No such file or directory");
}

TEST_CASE("hash_file: what is no regular file is refused by name and rule, and a pipe is not waited for", "[hash][hash_file]") {
    temporary_folder const folder;
    hash_file const hash{xxh3{}};
    auto const of_folder = hash(folder.path());
    REQUIRE_FALSE(of_folder.has_value());
    CHECK(of_folder.error().is(cause::invalid_input));
    CHECK(of_folder.error().text() == "cannot hash \"" + folder.path() + "\": it is a folder, and only regular files are hashed");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK(hash(folder / "pipe").error().text() == "cannot hash \"" + (folder / "pipe") + "\": it is no regular file, and only those are hashed");
    CHECK(hash("/dev/zero").error().is(cause::invalid_input));
    CHECK(hash("").error().is(cause::unavailable));
    CHECK(hash(std::string(5'000, 'x')).error().is(cause::invalid_input));
    auto const cut = folder.put("seen", "text") + std::string{"\0.txt", 5};
    CHECK(hash(cut).error().is(cause::invalid_input));
    CHECK(hash(folder.put("plain", "text") + "/below").error().is(cause::unavailable));
}

TEST_CASE("hash_file: a file that may not be read is unavailable", "[hash][hash_file]") {
    temporary_folder const folder;
    auto const path = folder.put("closed", "text");
    REQUIRE(::chmod(path.c_str(), 0) == 0);
    auto const before = ::setfsuid(65'534);    // root may read everything: this thread reads as nobody
    auto const got = hash_file{xxh3{}}(path);
    ::setfsuid(static_cast<uid_t>(before));
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().is(cause::unavailable));
    CHECK(got.error().text() == "cannot hash \"" + path + "\": Permission denied");
}

TEST_CASE("hash_file: follows links, and reads files of the system that say they are empty", "[hash][hash_file]") {
    temporary_folder const folder;
    auto const path = folder.put("file", "abc");
    REQUIRE(::symlink(path.c_str(), (folder / "link").c_str()) == 0);
    CHECK(hash_file{sha256{}}(folder / "link") == sha256{}("abc"));
    CHECK(hash_file{sha256{}}("/proc/self/limits") == sha256{}(temporary_folder::read("/proc/self/limits")));
}

TEST_CASE("hash_file: never holds more than a piece", "[hash][hash_file]") {
    temporary_folder const folder;
    auto const path = folder.put("file", std::string(1'000'000, 'x'));
    CHECK(hash_file{measuring{}}(path) == 262'144u);
    CHECK(hash_file{measuring{}, {.piece = 100}}(path) == 100u);
    CHECK_THROWS_AS((hash_file{xxh3{}, {.piece = 0}}), std::invalid_argument);
}

TEST_CASE("hash_file: a stop and a deadline end it between two pieces, with the file's name", "[hash][hash_file]") {
    temporary_folder const folder;
    auto const path = folder.put("file", std::string(100, 'x'));
    std::stop_source stop;
    context stopped{stop.get_token()};
    stopping const third{&stop, 3};
    auto const cut = hash_file{third, {.piece = 10}}(path, stopped);
    REQUIRE_FALSE(cut.has_value());
    CHECK(cut.error().is(cause::cancelled));
    CHECK(cut.error().text() == "the run was asked to stop while \"" + path + "\" was hashed");

    testing::manual_time time;
    context late{time};
    auto const soon = late.change_deadline(time.now());
    CHECK(hash_file{xxh3{}}(path, late).error().is(cause::timed_out));
}
