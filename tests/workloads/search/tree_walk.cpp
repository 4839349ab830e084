#include <muster/workloads/search/tree_walk.hpp>

#include "catch.hpp"

#include <algorithm>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <muster/exec/thread_pool.hpp>
#include <muster/policy/on.hpp>

#include "../../temporary_folder.hpp"

using namespace muster;
using namespace muster::searching;
using namespace std::string_literals;

namespace {

std::vector<walked_file> all_of(tree_walk& walk, std::size_t most = 7) {
    std::vector<walked_file> out;
    for (auto files = walk.next(most); !files.empty(); files = walk.next(most)) {
        CHECK(files.size() <= most);
        for (auto& each : files) out.push_back(std::move(each));
    }
    return out;
}
std::vector<std::string> paths(std::vector<walked_file> const& files) {
    std::vector<std::string> out;
    for (auto const& each : files) out.push_back((each.readable ? "" : "!") + each.path);
    return out;
}
std::vector<std::string> walked(std::vector<std::string> roots, tree_walk_options options = {}) {
    tree_walk walk{std::move(roots), std::move(options)};
    return paths(all_of(walk));
}
using names = std::vector<std::string>;

void link(std::string const& to, std::string const& at) { REQUIRE(::symlink(to.c_str(), at.c_str()) == 0); }

// Some folders, three deep, with files between them.
void fill(temporary_folder const& folder) {
    for (int a = 0; a < 12; ++a)
        for (int b = 0; b < 5; ++b) {
            auto const below = std::to_string(a) + '/' + std::to_string(b);
            folder.put(below + "/x", "1");
            folder.put(below + "/deep/er/y", "22");
            folder.put(below + ".txt", "333");
        }
    for (int i = 0; i < 20; ++i) folder.put("file" + std::to_string(i), "");
}

}  // namespace

TEST_CASE("tree_walk: files come by the bytes of their paths, whatever the folders are called", "[search][tree_walk]") {
    temporary_folder const folder;
    for (auto const* each : {"a/x", "a.txt", "a-b", "a/y/z", "b", "B", "a0", "ab", "\xc3\xa9", ".hidden/x", "a b/c", "new\nline", "bad\xff\xfe"}) folder.put(each, "");
    auto const found = walked({folder.path()});
    auto sorted = found;
    std::sort(sorted.begin(), sorted.end(), [](std::string const& a, std::string const& b) {
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return static_cast<unsigned char>(x) < static_cast<unsigned char>(y); });
    });
    CHECK(found == sorted);
    CHECK(found.size() == 13);
    CHECK(found[0] == ".hidden/x");
    CHECK(std::find(found.begin(), found.end(), "new\nline") != found.end());
    CHECK(std::find(found.begin(), found.end(), "bad\xff\xfe") != found.end());
}

TEST_CASE("tree_walk: a file says where it is, how it is called and how large it is", "[search][tree_walk]") {
    temporary_folder const folder;
    auto const file = folder.put("in/a", "12345");
    for (auto const& root : {folder.path(), folder.path() + '/', folder.path() + "//"}) {
        tree_walk walk{{root}};
        auto const found = all_of(walk);
        REQUIRE(found.size() == 1);
        CHECK(std::filesystem::equivalent(found[0].file, file));
        CHECK(found[0].path == "in/a");
        CHECK(found[0].bytes == 5);
        CHECK(found[0].readable);
        CHECK(walk.counts() == walk_counts{.folders = 2});
    }
}

TEST_CASE("tree_walk: folders listed in parallel give the same as one at a time", "[search][tree_walk]") {
    temporary_folder const folder;
    fill(folder);
    auto const expected = walked({folder.path()});
    CHECK(expected.size() == 12 * 5 * 3 + 20);
    thread_pool pool{4};
    for (std::size_t const ahead : {0u, 1u, 3u, 32u, 1'000u})
        for (std::size_t const most : {1u, 10u, 1'000u}) {
            tree_walk walk{{folder.path()}, {.folders_at_once = ahead}};
            std::vector<walked_file> found;
            for (auto files = walk.next(most, on{pool}); !files.empty(); files = walk.next(most, on{pool}))
                for (auto& each : files) found.push_back(std::move(each));
            CHECK(paths(found) == expected);
            CHECK(walk.counts().folders == 1 + 12 + 60 * 3);
        }
    // Both may be mixed.
    tree_walk walk{{folder.path()}};
    std::vector<walked_file> found;
    for (bool parallel = true;; parallel = !parallel) {
        auto files = parallel ? walk.next(9, on{pool}) : walk.next(9);
        if (files.empty()) break;
        for (auto& each : files) found.push_back(std::move(each));
    }
    CHECK(paths(found) == expected);
}

TEST_CASE("tree_walk: symbolic links below the roots are counted and not followed, so that loops end", "[search][tree_walk]") {
    temporary_folder const folder, other;
    folder.put("a/file", "");
    other.put("out", "");
    link(folder.path(), folder / "a/loop");
    link("..", folder / "a/up");
    link(other.path(), folder / "elsewhere");
    link("file", folder / "a/to-file");
    link("nowhere", folder / "dangling");
    tree_walk walk{{folder.path()}};
    CHECK(paths(all_of(walk)) == names{"a/file"});
    CHECK(walk.counts() == walk_counts{.folders = 2, .links = 5});
}

TEST_CASE("tree_walk: a root may be a link, a file, missing, empty or nonsense", "[search][tree_walk]") {
    temporary_folder const folder, empty;
    folder.put("dir/a", "12");
    link("dir", folder / "link");
    link("dir/a", folder / "file-link");
    link("nowhere", folder / "dangling");
    CHECK(walked({folder / "link"}) == names{"a"});
    CHECK(walked({folder / "dir/a"}) == names{"a"});
    CHECK(walked({folder / "file-link"}) == names{"file-link"});
    CHECK(walked({empty.path()}).empty());
    CHECK(walked({}).empty());
    CHECK(walked({folder / "dir", folder / "dir/a", folder / "dir"}) == names{"a", "a", "a"});
    for (auto const& wrong : {folder / "missing", folder / "dangling", ""s, "a\0b"s, folder / "dir/a/", folder / "dir/a/b", std::string(5'000, 'n')}) {
        tree_walk walk{{wrong, folder / "dir"}};
        auto const found = all_of(walk);
        REQUIRE(found.size() == 2);    // the others are walked
        CHECK(!found[0].readable);
        CHECK(found[0].path == wrong);
        CHECK((found[0].unread.is(cause::unavailable) || found[0].unread.is(cause::invalid_input)));
        CHECK(found[0].unread.text().starts_with("cannot search \""));
        CHECK(found[1].path == "a");
    }
    auto const pipe = folder / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(walked({pipe}) == names{"pipe"});    // who opens it learns what it is
}

TEST_CASE("tree_walk: patterns leave out names, or paths where they have a slash", "[search][tree_walk]") {
    temporary_folder const folder;
    for (auto const* each : {"a.log", "b.txt", "logs/old/x.txt", "logs/new/x.txt", "logs/y.log", "old/x.txt", ".hidden", "sub/logs/old/z", "[x]"}) folder.put(each, "");
    tree_walk walk{{folder.path()}, {.ignore = {"*.log", "logs/old", "sub/*/old/*"}}};
    CHECK(paths(all_of(walk)) == names{".hidden", "[x]", "b.txt", "logs/new/x.txt", "old/x.txt"});
    CHECK(walk.counts().ignored == 4);    // what is below a folder that is left out is not seen
    CHECK(walked({folder.path()}, {.ignore = {"*"}}).empty());
    CHECK(walked({folder.path()}, {.ignore = {"old", "[.]*", "\\[x\\]"}}) == names{"a.log", "b.txt", "logs/new/x.txt", "logs/y.log"});
    CHECK(walked({folder / "a.log"}, {.ignore = {"*.log"}}) == names{"a.log"});    // a root was asked for
}

TEST_CASE("tree_walk: pipes, sockets and devices are counted", "[search][tree_walk]") {
    temporary_folder const folder;
    folder.put("file", "");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    auto const plug = folder / "plug";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    plug.copy(address.sun_path, sizeof address.sun_path - 1);
    auto const socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(socket);
    tree_walk walk{{folder.path()}};
    CHECK(paths(all_of(walk)) == names{"file"});
    CHECK(walk.counts() == walk_counts{.folders = 1, .special = 2});
}

TEST_CASE("tree_walk: a folder that cannot be listed comes in its place, and the others are walked", "[search][tree_walk]") {
    temporary_folder const folder;
    folder.put("a/1", "");
    folder.put("b/gone/2", "");
    folder.put("c/3", "");
    folder.put("d/4", "");
    tree_walk walk{{folder.path()}, {.folders_at_once = 1}};
    auto const first = walk.next(1);
    REQUIRE(paths(first) == names{"a/1"});
    std::filesystem::remove_all(folder / "b");
    std::filesystem::remove_all(folder / "c");
    folder.put("c", "a file by now");
    auto const left = all_of(walk);
    CHECK(paths(left) == names{"!b", "!c", "d/4"});
    CHECK(left[0].unread.is(cause::unavailable));
    CHECK(left[0].unread.text().starts_with("cannot list the folder \"" + folder.path() + "/b\": "));
    CHECK(left[1].unread.is(cause::unavailable));
    CHECK(walk.counts().folders == 3);
}

TEST_CASE("tree_walk: folders that lie too deep are failures, and what is above them is walked", "[search][tree_walk]") {
    temporary_folder const folder;
    std::string below;
    for (int i = 1; i <= 300; ++i) below += "d/";
    folder.put(below + "bottom", "");
    folder.put("d/d/side", "");
    auto const found = walked({folder.path()});
    REQUIRE(found.size() == 2);
    CHECK(found[0] == "!" + below.substr(0, 257 * 2 - 1));
    CHECK(found[1] == "d/d/side");
    CHECK(walked({folder.path()}, {.deepest = 299}).at(0) == "!" + below.substr(0, 300 * 2 - 1));
    CHECK(walked({folder.path()}, {.deepest = 300}) == names{below + "bottom", "d/d/side"});
    CHECK(walked({folder.path()}, {.deepest = 0}) == walked({folder.path()}, {.deepest = 1}));
    tree_walk walk{{folder.path()}, {.deepest = 2}};
    auto const shallow = all_of(walk);
    REQUIRE(shallow.size() == 2);
    CHECK(shallow[0].unread.is(cause::exhausted));
    CHECK(shallow[0].unread.text().find("more than 2 folders deep") != std::string::npos);
    thread_pool pool{4};
    tree_walk parallel{{folder.path()}, {.deepest = 300}};
    CHECK(paths(parallel.next(10, on{pool})) == names{below + "bottom", "d/d/side"});
}

TEST_CASE("tree_walk: a path that is too long to be opened is a failure", "[search][tree_walk]") {
    temporary_folder const folder;
    std::string const name(250, 'n');
    int at = ::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 20; ++i) {    // from folder to folder: a path of 5,000 bytes cannot be made at once
        REQUIRE(::mkdirat(at, name.c_str(), 0700) == 0);
        auto const next = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY);
        ::close(at);
        at = next;
    }
    ::close(at);
    tree_walk walk{{folder.path()}};
    auto const found = all_of(walk);
    REQUIRE(found.size() == 1);
    CHECK(!found[0].readable);
    CHECK(found[0].unread.is(cause::invalid_input));
    CHECK(walk.counts().folders >= 16);
}

TEST_CASE("tree_walk: a folder of 10,000 files is walked whole", "[search][tree_walk]") {
    temporary_folder const folder;
    for (int i = 0; i < 10'000; ++i) {
        auto const name = folder / std::to_string(i);
        ::close(::open(name.c_str(), O_WRONLY | O_CREAT, 0600));
    }
    tree_walk walk{{folder.path()}};
    auto const found = paths(all_of(walk, 256));
    CHECK(found.size() == 10'000);
    CHECK(std::is_sorted(found.begin(), found.end()));
}

TEST_CASE("tree_walk: a stop ends it wherever it is, and it may go on", "[search][tree_walk]") {
    temporary_folder const folder;
    fill(folder);
    thread_pool pool{2};
    auto const expected = walked({folder.path()});
    for (std::size_t const before : {0u, 1u, 50u, 199u}) {
        tree_walk walk{{folder.path()}};
        std::stop_source stop;
        context const cx{stop.get_token()};
        std::vector<walked_file> found;
        if (before != 0) found = walk.next(before, cx);
        stop.request_stop();
        CHECK(walk.next(10, cx).empty());
        CHECK(walk.next(10, on{pool}, cx).empty());
        for (auto& each : all_of(walk)) found.push_back(std::move(each));
        CHECK(paths(found) == expected);
    }
}

namespace {

// Stops the run when a folder is to be listed, and lists none.
struct stops_first {
    using policy_concept = around_tag;
    std::stop_source* stop;
    template <class Next, class Item>
    auto around(Next const&, context& cx, Item&&) const -> outcome_of<Next, Item> {
        stop->request_stop();
        return cx.interruption();
    }
};

}  // namespace

TEST_CASE("tree_walk: a folder that was not listed because of a stop is no failure", "[search][tree_walk]") {
    temporary_folder const folder;
    folder.put("a/x", "");
    folder.put("b/x", "");
    std::stop_source stop;
    tree_walk walk{{folder.path()}};
    CHECK(walk.next(10, stops_first{&stop}, context{stop.get_token()}).empty());
    CHECK(paths(all_of(walk)) == names{"a/x", "b/x"});
}
