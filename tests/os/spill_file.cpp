#include <muster/os/spill_file.hpp>

#include "catch.hpp"
#include "killed_child.hpp"
#include "temporary_folder.hpp"

#include <csignal>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

#include <muster/core/bytes.hpp>

using namespace muster;

namespace {
std::span<std::byte const> bytes_of(std::string_view text) { return std::as_bytes(std::span{text.data(), text.size()}); }
std::string text_of(std::vector<std::byte> const& bytes) { return {reinterpret_cast<char const*>(bytes.data()), bytes.size()}; }

// Writes beyond fail as on a full disk, until the end of the scope.
class file_size_limit {
public:
    explicit file_size_limit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        auto const limited = rlimit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limited);
    }
    file_size_limit(file_size_limit const&) = delete;
    ~file_size_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    rlimit before_{};
    void (*handler_)(int);
};
}  // namespace

TEST_CASE("spill_file: records come back as they went in, first in, first out", "[os][spill_file]") {
    temporary_folder const folder;
    auto file = spill_file::open({.folder = folder.path()});
    REQUIRE(file.has_value());
    std::vector<std::byte> record;
    CHECK(file->read(record) == false);
    for (auto const* text : {"one", "", "three"}) REQUIRE(file->append(bytes_of(text)).has_value());
    CHECK(file->size() == 3);
    CHECK(file->bytes() == 32);
    for (auto const* text : {"one", "", "three"}) {
        CHECK(file->read(record) == true);
        CHECK(text_of(record) == text);
    }
    CHECK(file->empty());
    CHECK(file->bytes() == 0);
    CHECK(file->read(record) == false);
}

TEST_CASE("spill_file: as a queue in memory, for random records, small buffers and moments to write down", "[os][spill_file]") {
    temporary_folder const folder;
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937_64 dice{seed};
        auto file = spill_file::open({.folder = folder.path(), .buffer = 4 * KiB});
        REQUIRE(file.has_value());
        std::deque<std::string> model;
        std::vector<std::byte> record;
        for (int i = 0; i < 1'000; ++i) {
            auto const what = dice() % 100;
            if (what < 52) {
                auto const n = what < 2 ? dice() % 40'000 : dice() % 900;
                model.emplace_back(n, static_cast<char>(dice()));
                REQUIRE(file->append(bytes_of(model.back())).has_value());
            } else if (what == 99) {
                REQUIRE(file->write_down().has_value());
            } else if (what == 98 && dice() % 10 == 0) {
                while (!model.empty()) {
                    REQUIRE(file->read(record) == true);
                    REQUIRE(text_of(record) == model.front());
                    model.pop_front();
                }
            } else {
                REQUIRE(file->read(record) == !model.empty());
                if (!model.empty()) {
                    REQUIRE(text_of(record) == model.front());
                    model.pop_front();
                }
            }
            REQUIRE(file->size() == model.size());
        }
    }
    CHECK(folder.count() == 0);    // no file has a name
}

TEST_CASE("spill_file: the disk gets back what was read", "[os][spill_file]") {
    temporary_folder const folder;
    auto file = spill_file::open({.folder = folder.path()});
    REQUIRE(file.has_value());
    std::string const record(64 * KiB, 'x');
    std::vector<std::byte> read;
    for (int i = 0; i < 16 * 16; ++i) REQUIRE(file->append(bytes_of(record)).has_value());
    REQUIRE(file->write_down().has_value());
    CHECK(file->on_disk() >= 16 * MiB);
    for (int i = 0; i < 16 * 16; ++i) {    // as much goes in as comes out
        REQUIRE(file->append(bytes_of(record)).has_value());
        REQUIRE(file->read(read) == true);
        REQUIRE(file->on_disk() <= 21 * MiB);
    }
    while (!file->empty()) REQUIRE(file->read(read) == true);
    CHECK(file->on_disk() == 0);
}

TEST_CASE("spill_file: a full disk is a failure that says so, and what was taken before comes back", "[os][spill_file]") {
    temporary_folder const folder;
    auto file = spill_file::open({.folder = folder.path(), .buffer = 4 * KiB});
    REQUIRE(file.has_value());
    int taken = 0;
    {
        file_size_limit const full{100'000};
        for (;; ++taken) {
            auto const text = std::to_string(taken) + std::string(1'000, '.');
            auto const appended = file->append(bytes_of(text));
            if (appended) continue;
            CHECK(appended.error().is(cause::exhausted));
            CHECK_THAT(appended.error().text(), Catch::Contains("cannot write a spill file in " + folder.path()));
            break;
        }
        REQUIRE_FALSE(file->append(bytes_of(std::string(1'000, '!'))).has_value());    // still full
    }
    CHECK(taken > 90);
    REQUIRE(file->append(bytes_of("last")).has_value());    // there is room again
    std::vector<std::byte> record;
    for (int i = 0; i < taken; ++i) {
        REQUIRE(file->read(record) == true);
        REQUIRE(text_of(record).starts_with(std::to_string(i) + "."));
    }
    REQUIRE(file->read(record) == true);
    CHECK(text_of(record) == "last");
    CHECK(file->empty());
}

TEST_CASE("spill_file: no more than its bound, which reading makes room in", "[os][spill_file]") {
    temporary_folder const folder;
    auto file = spill_file::open({.folder = folder.path(), .most = 40});
    REQUIRE(file.has_value());
    REQUIRE(file->append(bytes_of("0123456789")).has_value());
    REQUIRE(file->append(bytes_of("0123456789")).has_value());
    auto const refused = file->append(bytes_of(""));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().is(cause::exhausted));
    CHECK(refused.error().text() == "a record of 0 bytes has no room in the spill file, which holds 36 of at most 40");
    std::vector<std::byte> record;
    REQUIRE(file->read(record) == true);
    CHECK(file->append(bytes_of("0123")).has_value());
}

TEST_CASE("spill_file: a folder that is not there, or no folder, is a failure that names it", "[os][spill_file]") {
    temporary_folder const folder;
    auto const missing = spill_file::open({.folder = folder / "missing"});
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().is(cause::unavailable));
    CHECK_THAT(missing.error().text(), Catch::Contains(folder / "missing"));
    CHECK_FALSE(spill_file::open({.folder = folder.put("file", "")}).has_value());
    CHECK_FALSE(spill_file::open({.folder = std::string("/tmp\0x", 6)}).has_value());
}

TEST_CASE("spill_file: where files are born with a name, it is gone at once", "[os][spill_file]") {
    temporary_folder const folder;
    auto const file = detail::unlinked_file(folder.path());
    REQUIRE(file.has_value());
    CHECK(folder.count() == 0);
    CHECK(::pwrite(file->get(), "x", 1, 0) == 1);
}

TEST_CASE("spill_file: a process that is killed leaves nothing behind", "[os][spill_file][forks]") {
    temporary_folder const folder;
    if (!detail::unnamed_file(folder.path())) SKIP("no unnamed files in " + folder.path());
    std::mt19937_64 dice{1};
    std::string const text(10'000, 'x');
    for (int i = 0; i < 20; ++i) {
        auto const killed = run_until_killed(static_cast<long>(1'000'000 + dice() % 20'000'000), [&] {
            auto file = spill_file::open({.folder = folder.path(), .buffer = 4 * KiB});
            if (!file) return false;
            for (int n = 0; n < 1'000; ++n)
                if (!file->append(bytes_of(text))) return false;
            return true;
        });
        REQUIRE(killed);
        REQUIRE(folder.count() == 0);
    }
}
