#include <muster/flow/directory_files.hpp>

#include "catch.hpp"
#include "flow/memory_journal.hpp"
#include "temporary_folder.hpp"

#include <filesystem>    // what comes and goes
#include <string>        // contents
#include <vector>        // contents

#include <unistd.h>    // symlink

#include <muster/flow/run.hpp>               // run
#include <muster/testing/manual_time.hpp>    // manual_time

using namespace muster;
using namespace std::chrono_literals;
using namespace std::string_literals;
using muster::testing::manual_time;

namespace {

auto const content = [](std::string const& path) { return temporary_folder::read(path); };
using contents = std::vector<std::string>;

}  // namespace

TEST_CASE("directory_files: each file is a record, in the order of names; what is no file is passed over", "[flow][directory_files]") {
    temporary_folder const folder;
    folder.put("b", "2");
    folder.put("a", "1");
    folder.put("c", "3");
    folder.put(".hidden", "x");
    folder.put("sub/d", "x");
    REQUIRE(::symlink((folder / "a").c_str(), (folder / "link").c_str()) == 0);
    memory_journal<std::string> to;
    directory_files from{folder.path()};
    CHECK(from.name() == folder.path());
    CHECK(run(from, content, to, {.records = 2}).value().commits == 2);
    CHECK(to.values() == contents{"1", "2", "3"});
    CHECK(to.outputs.at(2).from.offset == 2);
}

TEST_CASE("directory_files: what has come in since is read by the next run", "[flow][directory_files]") {
    temporary_folder const folder;
    memory_journal<std::string> to;
    CHECK(run(directory_files{folder.path()}, content, to).value().in == 0);
    folder.put("a", "1");
    folder.put("b", "2");
    CHECK(run(directory_files{folder.path()}, content, to).value().in == 2);
    folder.put("c", "3");
    CHECK(run(directory_files{folder.path()}, content, to).value().resumed == std::vector<std::uint64_t>{2});
    CHECK(to.values() == contents{"1", "2", "3"});
}

TEST_CASE("directory_files: a folder where files come in is waited for", "[flow][directory_files]") {
    temporary_folder const folder;
    folder.put("a", "1");
    memory_journal<std::string> to;
    std::stop_source stop;
    manual_time time{manual_time::jumping};
    context cx{stop.get_token(), time};
    run_options options;
    options.at = [&](run_point where, run_result const& so_far) {
        if (where != run_point::after_commit) return;
        if (so_far.commits == 3) stop.request_stop();
        else folder.put("b" + std::to_string(so_far.commits), "more");
    };
    CHECK(run(directory_files{folder.path(), {.follow = true}}, content, to, options, cx).value().stopped);
    CHECK(to.values() == contents{"1", "more", "more"});
}

TEST_CASE("directory_files: a folder that is no longer what was read is refused", "[flow][directory_files]") {
    temporary_folder const folder;
    memory_journal<std::string> to;
    for (auto const* name : {"b", "d", "f"}) folder.put(name, name);
    REQUIRE(run(directory_files{folder.path()}, content, to));
    auto const said = [&] { return run(directory_files{folder.path()}, content, to).error().text(); };
    folder.put("c", "too late");
    CHECK(said() == folder.path() + " is not the folder that was read: there were 2 files before \"f\", which was the last one, and there are 3");
    std::filesystem::remove(folder / "c");
    std::filesystem::remove(folder / "f");
    CHECK(said() == folder.path() + " is not the folder that was read: there were 2 files before \"f\", which was the last one, and there are 2 without it");
    folder.put("f", "back");
    CHECK(run(directory_files{folder.path()}, content, to).value().in == 0);
}

TEST_CASE("directory_files: a file that comes in too early while it is followed is a failure", "[flow][directory_files]") {
    temporary_folder const folder;
    folder.put("b", "1");
    memory_journal<std::string> to;
    manual_time time{manual_time::jumping};
    context cx{time};
    run_options options;
    options.at = [&](run_point where, run_result const&) {
        if (where == run_point::after_commit) folder.put("a", "too early");
    };
    CHECK(run(directory_files{folder.path(), {.follow = true}}, content, to, options, cx).error().is(cause::invalid_input));
}

TEST_CASE("directory_files: more files than it may hold are a failure, and no folder an exception", "[flow][directory_files]") {
    temporary_folder const folder;
    for (auto const* name : {"b", "d", "f"}) folder.put(name, name);
    memory_journal<std::string> to;
    CHECK(run(directory_files{folder.path(), {.most_files = 2}}, content, to).error().is(cause::exhausted));
    CHECK_THROWS_AS(directory_files{folder / "none"}, std::system_error);
    CHECK_THROWS_AS(directory_files{folder / "b"}, std::system_error);
}
