#include <muster/flow/file_lines.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

#include <filesystem>    // rename
#include <fstream>       // what is appended
#include <string>        // lines
#include <thread>        // a reader that waits
#include <vector>        // lines

#include <unistd.h>    // truncate

#include <muster/testing/manual_time.hpp>    // manual_time

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::manual_time;

namespace {

struct reader {
    file_lines from;
    source_batch<std::string_view> batch;
    std::uint64_t offset = 0;

    explicit reader(std::string path, file_lines_options options = {}) : from(std::move(path), std::move(options)) {}

    outcome<std::vector<std::string>> read(context& cx, read_bounds const& bounds = {}) {
        batch.begin(offset);
        if (auto const done = from.read(cx, 0, offset, bounds, batch); !done) return done.error();
        std::vector<std::string> out;
        for (auto const& each : batch.records) out.push_back(each.value ? std::string{*each.value} : "! " + each.value.error().text());
        offset = batch.next;
        return out;
    }
    std::vector<std::string> all(read_bounds const& bounds = {}) {
        std::vector<std::string> out;
        context cx;
        do {
            auto const some = read(cx, bounds).value();
            out.insert(out.end(), some.begin(), some.end());
        } while (!batch.ended);
        return out;
    }
};

using lines = std::vector<std::string>;

source_position position(file_lines& of, std::uint64_t offset) { return {offset, of.mark(0, offset).value()}; }

failure refused(std::string const& path, source_position const& at, file_lines_options const& options = {}) {
    context cx;
    return file_lines{path, options}.resume(cx, 0, at).error();
}

}  // namespace

TEST_CASE("file_lines: every line is a record, by the offset of its first byte", "[flow][file_lines]") {
    temporary_folder const folder;
    auto const path = folder.put("in", "one\n\ntwo\r\nthr\0e\nlast"s);
    reader in{path};
    CHECK(in.from.name() == path);
    CHECK(in.all() == lines{"one", "", "two\r", "thr\0e"s, "last"});
    std::vector<std::uint64_t> offsets;
    for (auto const& each : in.batch.records) offsets.push_back(each.offset);
    CHECK(offsets == std::vector<std::uint64_t>{0, 4, 5, 10, 16});
    CHECK(in.batch.next == 20);
    CHECK(reader{folder.put("empty", "")}.all().empty());
}

TEST_CASE("file_lines: batches of any size give the same lines, across all that is read at once", "[flow][file_lines]") {
    temporary_folder const folder;
    lines wanted;
    std::string bytes;
    for (std::size_t i = 0; i < 3'000; ++i) {
        wanted.push_back(std::to_string(i) + std::string(i * 7 % 401, 'x'));
        bytes += wanted.back() + '\n';
    }
    auto const path = folder.put("in", bytes);
    REQUIRE(bytes.size() > 512 * KiB);
    for (std::size_t const size : {1u, 7u, 1'000u, 10'000u}) CHECK(reader{path}.all({.records = size}) == wanted);
    CHECK(reader{path}.all({.bytes = 1'000}) == wanted);
    reader in{path};
    context cx;
    CHECK(in.read(cx, {.bytes = 1'000}).value().size() < 20);
}

TEST_CASE("file_lines: it reads on from an offset, also behind and before what it holds", "[flow][file_lines]") {
    temporary_folder const folder;
    reader in{folder.put("in", "one\ntwo\nthree\n")};
    in.offset = 4;
    CHECK(in.all() == lines{"two", "three"});
    in.offset = 0;
    CHECK(in.all() == lines{"one", "two", "three"});
    in.offset = 14;
    CHECK(in.all().empty());
}

TEST_CASE("file_lines: a line that is too long is a record that cannot be read, and costs no memory", "[flow][file_lines]") {
    temporary_folder const folder;
    auto const path = folder.put("in", "a\n" + std::string(101, 'b') + "\n" + std::string(5'000'000, 'c') + "\nd\n" + std::string(300'000, 'e'));
    reader in{path, {.longest_line = 100}};
    CHECK(in.all() == lines{"a", "! the line at byte 2 of " + path + " has more than 100 bytes",
                            "! the line at byte 104 of " + path + " has more than 100 bytes", "d",
                            "! the line at byte 5000107 of " + path + " has more than 100 bytes"});
}

TEST_CASE("file_lines: a file that grows is waited for, and half a line is none", "[flow][file_lines]") {
    temporary_folder const folder;
    auto const path = folder.put("in", "one\ntw");
    manual_time time{manual_time::jumping};
    context cx{time};
    reader in{path, {.follow = true, .longest_line = 1'000}};
    CHECK(in.read(cx, {.linger = 100ms}).value() == lines{"one"});
    CHECK_FALSE(in.batch.ended);
    auto const before = time.now();
    CHECK(in.read(cx, {.until = time.now() + 50ms}).value().empty());
    CHECK(time.now() - before == 50ms);
    CHECK(in.read(cx, {.until = instant::min()}).value().empty());
    std::ofstream{path, std::ios::app} << "o\nthree\n" << std::string(2'000, 'x');
    CHECK(in.read(cx, {.linger = 100ms}).value() == lines{"two", "three"});
    CHECK(in.read(cx, {.until = time.now() + 50ms}).value().empty());    // a long line that has no end yet
    std::ofstream{path, std::ios::app} << std::string(2'000, 'x') << "\nfour\n";
    CHECK(in.read(cx, {}).value() == lines{"! the line at byte 14 of " + path + " has more than 1000 bytes"});
    CHECK(in.read(cx, {.linger = 1ms}).value() == lines{"four"});
}

TEST_CASE("file_lines: a batch is over when it is full or has lingered, whichever is first", "[flow][file_lines]") {
    temporary_folder const folder;
    manual_time time{manual_time::jumping};
    context cx{time};
    reader in{folder.put("in", "1\n2\n3\n"), {.follow = true}};
    auto const before = time.now();
    CHECK(in.read(cx, {.records = 2, .linger = 1h}).value() == lines{"1", "2"});
    CHECK(time.now() == before);
    CHECK(in.read(cx, {.records = 2, .linger = 1h}).value() == lines{"3"});
    CHECK(time.now() - before == 1h);
}

TEST_CASE("file_lines: a stop ends the wait with what there is", "[flow][file_lines]") {
    temporary_folder const folder;
    manual_time time;
    std::stop_source stop;
    reader in{folder.put("in", "one\n"), {.follow = true}};
    outcome<lines> got;
    {
        std::jthread const waits{[&] {
            context cx{stop.get_token(), time};
            got = in.read(cx, {.linger = 1h});
        }};
        time.until_waiting(1);
        stop.request_stop();
    }
    CHECK(got == lines{"one"});
}

TEST_CASE("file_lines: it goes on in the same file, in one that has grown, and in a copy", "[flow][file_lines]") {
    temporary_folder const folder;
    for (std::size_t const size : {3u, 300u, 5'000u, 20'000u}) {
        auto const begin = std::string(size, 'a') + "\n";
        auto const path = folder.put("in", begin + "two\n");
        file_lines first{path};
        auto const at = position(first, begin.size());
        context cx;
        CHECK(file_lines{path}.resume(cx, 0, at));
        std::filesystem::remove(path);
        folder.put("in", begin + "two\nthree\n");
        CHECK(file_lines{path}.resume(cx, 0, at));
        folder.put("in", begin);
        CHECK(file_lines{path}.resume(cx, 0, at));
    }
}

TEST_CASE("file_lines: a file that was cut, replaced or written anew is refused", "[flow][file_lines]") {
    temporary_folder const folder;
    auto const begin = std::string(10'000, 'a') + "\n";
    auto const path = folder.put("in", begin + "two\n");
    file_lines first{path};
    auto const at = position(first, begin.size());

    folder.put("in", "short\n");
    CHECK(refused(path, at).is(cause::invalid_input));
    CHECK(refused(path, at).text() == path + " has 6 bytes, and is shorter than the offset 10001 that was committed: it was cut or replaced");
    folder.put("in", 'b' + begin.substr(1) + "two\n");
    CHECK(refused(path, at).text().find("is not the file that was read") != std::string::npos);
    folder.put("in", begin.substr(0, 9'990) + "b" + begin.substr(9'991) + "two\n");
    CHECK(refused(path, at).text().find("is not the file that was read") != std::string::npos);

    // A last line without an end, which grows after it was read.
    folder.put("in", "one\ntwo");
    file_lines open{path};
    auto const end = position(open, 7);
    context cx;
    CHECK(file_lines{path}.resume(cx, 0, end));
    CHECK(refused(path, end, {.follow = true}).text().find("may yet") != std::string::npos);
    folder.put("in", "one\ntwofold\n");
    CHECK(refused(path, end).text().find("has grown") != std::string::npos);
}

TEST_CASE("file_lines: a file that is cut, replaced or written anew while it is read is a failure", "[flow][file_lines]") {
    temporary_folder const folder;
    manual_time time{manual_time::jumping};
    context cx{time};
    auto const bytes = std::string(5'000, 'a') + "\none\n";
    auto const fresh = [&](bool follow) {
        reader in{folder.put("in", bytes), {.follow = follow}};
        CHECK(in.read(cx, {.records = 2}).value().size() == 2);
        (void)in.from.mark(0, in.offset).value();
        return in;
    };
    for (bool const follow : {false, true}) {
        auto in = fresh(follow);
        REQUIRE(::truncate((folder / "in").c_str(), 10) == 0);
        CHECK(in.read(cx).error().text().find("it was cut while it was read") != std::string::npos);
    }
    {
        auto in = fresh(true);
        std::filesystem::rename(folder.put("other", bytes), folder / "in");
        CHECK(in.read(cx).error().text().find("it was replaced") != std::string::npos);
    }
    {
        auto in = fresh(true);
        folder.put("in", std::string(5'000, 'b') + "\none\n");    // as log rotation by copying does
        CHECK(in.read(cx).error().text().find("written anew") != std::string::npos);
    }
    {
        auto in = fresh(true);
        std::filesystem::remove(folder / "in");
        CHECK(in.read(cx).error().is(cause::unavailable));
    }
}

TEST_CASE("file_lines: what has no offsets is no source", "[flow][file_lines]") {
    temporary_folder const folder;
    CHECK_THROWS_AS(file_lines{folder / "none"}, std::system_error);
    CHECK_THROWS_AS(file_lines{folder.path()}, std::system_error);
    CHECK_THROWS_AS(file_lines{"/dev/null"}, std::system_error);
}
