#include <muster/os/atomic_file.hpp>

#include "catch.hpp"
#include "killed_child.hpp"
#include "temporary_folder.hpp"

#include <atomic>         // sums
#include <csignal>        // SIGXFSZ
#include <random>         // moments
#include <string_view>    // texts
#include <thread>         // jthread
#include <vector>         // threads

#include <sys/resource.h>    // setrlimit
#include <utime.h>           // utime

using namespace muster;

namespace {
unsigned mode_of(std::string const& path) {
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 07777u : 0;
}
}  // namespace

TEST_CASE("atomic_file: the file has the new bytes after commit, the old ones before", "[os][atomic_file]") {
    temporary_folder const in;
    auto const path = in.put("policy", "old");
    auto file = atomic_file::open(path);
    REQUIRE(file);
    CHECK(file->write("new "));
    CHECK(file->write("bytes"));
    CHECK(in.read(path) == "old");
    CHECK(file->commit());
    CHECK(in.read(path) == "new bytes");
    CHECK(in.count() == 1);
    CHECK_FALSE(file->write("more").has_value());
    CHECK_FALSE(file->commit().has_value());
}

TEST_CASE("atomic_file: dropped without commit, it leaves the old file and nothing beside it", "[os][atomic_file]") {
    temporary_folder const in;
    auto const path = in.put("policy", "old");
    {
        auto file = atomic_file::open(path);
        REQUIRE(file);
        CHECK(file->write("half"));
        CHECK(in.count() == 2);
        auto const moved = std::move(*file);    // one owner, one removal
    }
    CHECK(in.read(path) == "old");
    CHECK(in.count() == 1);
}

TEST_CASE("atomic_file: has the mode that was asked for, less the umask", "[os][atomic_file]") {
    temporary_folder const in;
    auto const before = ::umask(022);
    CHECK(atomic_file::replace(in / "public", "x"));
    CHECK(atomic_file::replace(in / "secret", "x", {.mode = 0600, .durable = false}));
    CHECK(atomic_file::replace(in / "shared", "x", {.mode = 0666}));
    ::umask(before);
    CHECK(mode_of(in / "public") == 0644);
    CHECK(mode_of(in / "secret") == 0600);
    CHECK(mode_of(in / "shared") == 0644);
}

TEST_CASE("atomic_file: a folder that is not there is unavailable", "[os][atomic_file]") {
    temporary_folder const in;
    auto const missing = atomic_file::replace(in / "no/such/file", "x");
    CHECK(missing.error().is(cause::unavailable));
    CHECK(missing.error().text().find("no/such/file") != std::string::npos);
}

TEST_CASE("atomic_file: a path without a name is invalid input", "[os][atomic_file]") {
    CHECK(atomic_file::replace("", "x").error().is(cause::invalid_input));
    CHECK(atomic_file::replace("/tmp/", "x").error().is(cause::invalid_input));
    CHECK(atomic_file::replace(std::string{"/tmp/a\0b", 8}, "x").error().is(cause::invalid_input));
}

TEST_CASE("atomic_file: a write that fails half way leaves the old file and nothing beside it", "[os][atomic_file]") {
    temporary_folder const in;
    auto const path = in.put("policy", "old");
    auto* const handled = std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit before {};
    ::getrlimit(RLIMIT_FSIZE, &before);
    auto small = before;
    small.rlim_cur = 1'000;
    ::setrlimit(RLIMIT_FSIZE, &small);
    auto const full = atomic_file::replace(path, std::string(5'000, 'x'));
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handled);
    CHECK(full.error().is(cause::exhausted));
    CHECK(in.read(path) == "old");
    CHECK(in.count() == 1);
}

TEST_CASE("atomic_file: a rename that fails leaves nothing beside it", "[os][atomic_file]") {
    temporary_folder const in;
    in.put("taken/inside", "x");    // a folder that is not empty cannot be replaced by a file
    CHECK_FALSE(atomic_file::replace(in / "taken", "new").has_value());
    CHECK(in.count() == 1);
}

TEST_CASE("atomic_file: many threads to one path: it is always one of what they wrote", "[os][atomic_file]") {
    temporary_folder const in;
    auto const path = in / "shared";
    std::atomic<int> failed{0}, torn{0};
    {
        std::vector<std::jthread> threads;
        for (char letter = 'a'; letter < 'e'; ++letter)
            threads.emplace_back([&, letter] {
                std::string const mine(3'000, letter);
                for (int i = 0; i < 100; ++i) {
                    if (!atomic_file::replace(path, mine, {.durable = false})) ++failed;
                    auto const seen = temporary_folder::read(path);
                    if (seen.size() != 3'000 || seen.find_first_not_of(seen[0]) != seen.npos) ++torn;
                }
            });
    }
    CHECK(failed == 0);
    CHECK(torn == 0);
    CHECK(in.count() == 1);
}

TEST_CASE("atomic_file: a writer killed at any moment leaves the file whole", "[os][atomic_file][forks][soak]") {
    temporary_folder const in;
    auto const path = in / "policy";
    std::mt19937 random{7};
    std::uniform_int_distribution<long> moment{20'000, 3'000'000};
    int torn = 0, survived = 0, seen_some = 0;
    for (int i = 0; i < (soak() ? 1'000 : 100); ++i) {
        int turn = i;
        auto const killed = run_until_killed(moment(random), [&] {
            std::string const bytes(static_cast<std::size_t>(100 + turn % 50'000), static_cast<char>('a' + turn % 26));
            ++turn;
            return atomic_file::replace(path, bytes, {.durable = turn % 16 == 0}).has_value();
        });
        survived += !killed;
        if (::access(path.c_str(), F_OK) != 0) continue;
        auto const bytes = in.read(path);
        ++seen_some;
        torn += bytes.size() < 100 || bytes.find_first_not_of(bytes[0]) != bytes.npos;
    }
    CHECK(survived == 0);
    CHECK(torn == 0);
    CHECK(seen_some > 0);
    auto const left = in.count() - 1;
    CHECK(atomic_file::sweep(in.path(), std::chrono::seconds{-5}) == left);    // all of their writers are gone
    CHECK(in.count() == 1);
}

TEST_CASE("atomic_file: sweep removes what the dead left, and only that", "[os][atomic_file]") {
    temporary_folder const in;
    in.put("precious", "x");
    in.put(".muster-precious", "x");
    auto const young = in.put(".muster-1-1-7.tmp", "half");
    auto const old = in.put(".muster-1-1-8.tmp", "half");
    utimbuf const long_ago{1'000, 1'000};
    ::utime(old.c_str(), &long_ago);
    auto file = atomic_file::open(in / "policy");    // its writer lives
    REQUIRE(file);

    CHECK(atomic_file::sweep(in.path()) == 1);
    CHECK(::access(young.c_str(), F_OK) == 0);
    CHECK(atomic_file::sweep(in.path(), std::chrono::seconds{-5}) == 1);
    CHECK(file->commit());
    CHECK(in.count() == 3);
    CHECK(atomic_file::sweep(in / "nowhere") == 0);
}

TEST_CASE("atomic_file: a sweep of whatever is there takes nothing from those who are writing", "[os][atomic_file]") {
    temporary_folder const in;
    std::atomic<int> failed{0}, writing{3};
    {
        std::vector<std::jthread> threads;
        for (char letter = 'a'; letter < 'd'; ++letter)
            threads.emplace_back([&, letter] {
                auto const path = in / std::string(1, letter);
                for (int i = 0; i < 300; ++i) failed += !atomic_file::replace(path, std::string(100, letter), {.durable = false});
                --writing;
            });
        while (writing > 0) (void)atomic_file::sweep(in.path(), std::chrono::seconds{-5});
    }
    CHECK(failed == 0);
    CHECK(in.count() == 3);
}

TEST_CASE("atomic_file: who replaces or removes a file is told how many bytes it had, exactly once", "[os]") {
    temporary_folder const in;
    auto const path = in / "file";
    auto const put = [&](std::string_view text) {
        auto file = atomic_file::open(path, {.durable = false}).value();
        REQUIRE(file.write(text));
        return file.commit();
    };
    CHECK(put("abc") == std::uint64_t{0});
    CHECK(put("defgh") == std::uint64_t{3});
    CHECK(atomic_file::remove(path) == std::uint64_t{5});
    CHECK(atomic_file::remove(path) == std::nullopt);
    CHECK(put("i") == std::uint64_t{0});

    // Several at once: what was put in is what was taken out, and what is left.
    std::atomic<std::uint64_t> in_total{1}, out_total{0};
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (std::size_t i = 0; i < 300; ++i) {
                    if (i % 3 == t % 3) {
                        out_total += atomic_file::remove(path).value_or(0);
                        continue;
                    }
                    auto file = atomic_file::open(path, {.durable = false}).value();
                    auto const size = 1 + (i * 7 + t * 13) % 90;
                    (void)file.write(std::string(size, 'x'));
                    in_total += size;
                    out_total += file.commit().value();
                }
            });
    }
    auto const left = atomic_file::remove(path).value_or(0);
    CHECK(in_total == out_total + left);
}
