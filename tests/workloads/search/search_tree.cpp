#include <muster/workloads/search/search_tree.hpp>

#include "catch.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <muster/exec/thread_pool.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/on.hpp>
#include <muster/testing/manual_time.hpp>
#include <muster/workloads/search/scanner.hpp>
#include <muster/workloads/search/tree_walk.hpp>

#include "../../temporary_folder.hpp"
#include "live_bytes.hpp"
#include "models.hpp"

using namespace models;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

rule_set all_kinds() {
    return checked({
        {.name = "plain", .regex = "PermitRootLogin\\s+(?<value>\\S+)"},
        {.name = "only", .regex = "uid=[0-9]+", .only_matching = true},
        {.name = "unique", .regex = "shell (?<shell>\\S+)", .unique = true},
        {.name = "some", .regex = "uid", .max_results = 3},
        {.name = "full", .regex = "uid", .unique = true, .max_results = 3, .full_scan = true},
        {.name = "missing", .regex = "nowhere to be found", .show_missing = true},
        {.name = "record", .regex = "user (?<user>\\w+)|uid=(?<uid>\\d+)", .records = true, .record_delimiter = "^---"},
        {.name = "merged", .regex = "user (?<user>\\w+)|shell (?<shell>\\S+)", .records = true, .record_delimiter = "^===", .merge_fields = true},
        {.name = "linux", .regex = "user", .max_results = 2, .systems = {{system_attribute::family, comparison::equal, {"linux"}}}},
        {.name = "windows", .regex = "user", .show_missing = true, .systems = {{system_attribute::family, comparison::equal, {"windows"}}}},
        {.name = "named", .regex = "shell", .max_results = 1, .systems = {{system_attribute::name, comparison::equal, {"host-7"}}}},
    });
}

std::string report_text(std::mt19937_64& random, std::size_t lines) {
    static std::vector<std::string> const some{"PermitRootLogin yes", "uid=0", "uid=1000", "user root", "user bob", "shell /bin/sh", "shell /bin/false",
                                               "---", "===", "", "text without a meaning", "PermitRootLogin\tno # caf\xe9", "caf\xc3\xa9 uid=7"};
    std::string out;
    for (; lines != 0; --lines) (out += some[random() % some.size()]) += random() % 3 == 0 ? "\r\n" : "\n";
    return out;
}

// Files of all kinds; large enough for several pieces of 64 KiB.
void fill(temporary_folder const& folder) {
    std::mt19937_64 random{7};
    for (int i = 0; i < 30; ++i) {
        auto const top = i % 3 == 0 ? "KPNIXVERSION: 0.6.21\n"s : i % 3 == 1 ? "KPWINVERSION: 0.4\r\n"s : ""s;
        auto text = top + report_text(random, i % 10 == 0 ? 10'000 : 40);
        if (i % 5 == 4) text = "\xff\xfe" + to_utf16(top + "user bob\r\nuid=8\r\nshell /bin/x", false);
        if (i == 20) text += std::string(1'500'000, 'x') + "uid=99\nuser last";
        folder.put("dir" + std::to_string(i % 4) + "/host-" + std::to_string(i) + ".txt", text);
    }
    folder.put("empty", "");
    folder.put("program", "\x7f" "ELF\0\0user root\n"s);
}

struct outcome_of_search {
    search_report report;
    std::vector<kept_findings::row> rows;
};

template <class Scan>
outcome_of_search search(std::vector<std::string> roots, Scan const& scan, rule_set const& rules, search_tree_options const& options = {},
                         context const& parent = context{}) {
    tree_walk walk{std::move(roots)};
    kept_findings to;
    auto report = search_tree(walk, scan, rules, to, options, parent);
    return {std::move(report).value(), to.rows()};
}

void compare(outcome_of_search const& found, outcome_of_search const& expected) {
    CHECK(found.report.files == expected.report.files);
    CHECK(found.report.binary == expected.report.binary);
    CHECK(found.report.failed == expected.report.failed);
    CHECK(found.report.bytes == expected.report.bytes);
    CHECK(found.report.lines == expected.report.lines);
    CHECK(found.report.long_lines == expected.report.long_lines);
    CHECK(found.report.findings == expected.report.findings);
    CHECK(found.report.rules == expected.report.rules);
    CHECK(found.report.troubles.size() == expected.report.troubles.size());
    REQUIRE(found.rows.size() == expected.rows.size());
    auto const [at, other] = std::mismatch(found.rows.begin(), found.rows.end(), expected.rows.begin());
    if (at != found.rows.end()) FAIL("row " << at - found.rows.begin() << ", " << at->where.path << " line " << at->what.line);
}

/// Files whose text a test makes as they are asked for, or that are not there.
class given_files {
public:
    explicit given_files(std::vector<walked_file> files) : files_(std::move(files)) {}
    std::vector<walked_file> next(std::size_t most, context const&) {
        std::vector<walked_file> out;
        for (; at_ < files_.size() && out.size() < most; ++at_) out.push_back(files_[at_]);
        return out;
    }

private:
    std::vector<walked_file> files_;
    std::size_t at_ = 0;
};
static_assert(file_source<given_files>);
static_assert(file_source<tree_walk>);

std::uint64_t accounted(search_report const& report) { return report.files + report.binary + report.failed + report.not_reached; }

}  // namespace

TEST_CASE("search_tree: every number of workers, piece and window gives the same findings", "[search][search_tree]") {
    temporary_folder const folder;
    fill(folder);
    auto const rules = all_kinds();
    auto const expected = search({folder.path()}, scanner_of(rules), rules, {.piece_bytes = 1'000 * MiB, .collect_beside = false});
    CHECK(expected.report.is_complete());
    CHECK(expected.report.files == 31);
    CHECK(expected.report.binary == 1);
    CHECK(expected.report.long_lines == 1);
    CHECK(expected.report.findings > 5'000);
    for (auto const& each : expected.report.rules) CHECK(each.files + each.missing > 0);
    CHECK(expected.report.rules[10].files == 1);
    scanner const loose{rules, make_loose(rules.patterns()).value()};
    auto const tight = scanner_of(rules, {.most_found = 20'000});
    for (std::size_t const workers : {1u, 2u, 4u}) {
        thread_pool pool{workers};
        for (auto const& options : {search_tree_options{}, search_tree_options{.piece_bytes = 0, .window_bytes = 0, .collect_beside = false},
                                    search_tree_options{.piece_bytes = 100'000, .window_bytes = 300'000},
                                    search_tree_options{.window_files = 1}, search_tree_options{.piece_bytes = ~std::uint64_t{0}, .window_files = 0}}) {
            INFO(workers << " workers, pieces of " << options.piece_bytes << ", windows of " << options.window_bytes);
            compare(search({folder.path()}, on{pool} | scanner_of(rules), rules, options), expected);
            if (workers == 2) compare(search({folder.path()}, on{pool} | tight, rules, options), expected);
        }
    }
    thread_pool pool{2};
    compare(search({folder.path()}, on{pool} | loose, rules), expected);
}

TEST_CASE("search_tree: findings come file by file, each file's by line and those of a line by rule", "[search][search_tree]") {
    temporary_folder const folder;
    fill(folder);
    auto const rules = checked({{.name = "a", .regex = "uid"}, {.name = "b", .regex = "uid"}, {.name = "c", .regex = "user", .show_missing = true}});
    thread_pool pool{2};
    auto const found = search({folder.path()}, on{pool} | scanner_of(rules), rules, {.piece_bytes = 65'536});
    for (std::size_t i = 1; i < found.rows.size(); ++i) {
        auto const &a = found.rows[i - 1], &b = found.rows[i];
        if (a.where.path != b.where.path) CHECK(a.where.path < b.where.path);
        else if (b.what.missing()) CHECK(!a.what.missing());
        else CHECK(std::pair{a.what.line, a.what.rule} < std::pair{b.what.line, b.what.rule});
    }
}

TEST_CASE("search_tree: what cannot be searched is in the report, and all else is found", "[search][search_tree]") {
    temporary_folder const folder;
    folder.put("a/1", "x\n");
    folder.put("c", "x\n");
    auto const rules = checked({{.name = "x", .regex = "x", .show_missing = true}});
    auto file = [&](std::string const& name, std::uint64_t bytes) { return walked_file{.file = folder / name, .path = name, .bytes = bytes}; };
    std::vector<walked_file> files{file("a/1", 2), file("gone", 2), file("gone-large", 100 * MiB), file("a", 10),
                                   {.file = "f", .path = "unread", .unread = failure{cause::unavailable, "why"}, .readable = false}, file("c", 2)};
    for (bool const beside : {false, true}) {
        given_files from{files};
        kept_findings to;
        auto const report = search_tree(from, scanner_of(rules), rules, to, {.window_files = 2, .collect_beside = beside}).value();
        CHECK(report.files == 2);
        CHECK(report.failed == 4);
        CHECK(report.not_reached == 0);
        CHECK(!report.is_complete());
        REQUIRE(report.troubles.size() == 4);
        CHECK(report.troubles[0].path == "gone");
        CHECK(report.troubles[0].why.is(cause::unavailable));
        CHECK(report.troubles[1].path == "gone-large");
        CHECK(report.troubles[2].path == "a");
        CHECK(report.troubles[2].why.is(cause::invalid_input));
        CHECK(report.troubles[3].path == "unread");
        CHECK(report.troubles[3].why.text() == "why");
        REQUIRE(to.rows().size() == 2);    // none is said to be missing where nobody looked
        CHECK(to.rows()[1].where.path == "c");
    }
    given_files from{files};
    kept_findings to;
    auto const report = search_tree(from, scanner_of(rules), rules, to, {.most_troubles = 1}).value();
    CHECK(report.troubles.size() == 1);
    CHECK(report.troubles_left_off == 3);
    CHECK(!report.is_complete());
}

TEST_CASE("search_tree: a file that grew or shrank since it was seen is searched as it is", "[search][search_tree]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "x", .regex = "^x"}});
    std::string text;
    while (text.size() < 500'000) text += "x line\n";
    auto const file = folder.put("file", text);
    for (std::uint64_t const seen : {0u, 100'000u, 400'000u, 600'000u, 5'000'000u}) {
        given_files from{{{.file = file, .path = "file", .bytes = seen}}};
        kept_findings to;
        auto const report = search_tree(from, scanner_of(rules), rules, to, {.piece_bytes = 65'536}).value();
        CHECK(report.is_complete());
        CHECK(report.files == 1);
        CHECK(report.findings == (text.size() + 6) / 7);
    }
}

TEST_CASE("search_tree: of a file that fails on its way the findings before stay, and those behind are not guessed", "[search][search_tree]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "x", .regex = "x"}, {.name = "y", .regex = "y", .show_missing = true}});
    std::string text;
    while (text.size() < 300'000) text += "x\n";
    folder.put("1", text);
    folder.put("2", text);
    auto const by = scanner_of(rules);
    auto const failing = [&](piece const& what, context& cx) -> outcome<scanned_piece> {
        if (what.path == "1" && what.offset == 2 * 65'536) throw std::runtime_error{"broken disk"};
        return by(what, cx);
    };
    auto const found = search({folder.path()}, failing, rules, {.piece_bytes = 65'536});
    CHECK(found.report.files == 1);
    CHECK(found.report.failed == 1);
    REQUIRE(found.report.troubles.size() == 1);
    CHECK(found.report.troubles[0].path == "1");
    CHECK(found.report.troubles[0].line == 0);
    CHECK(!found.report.troubles[0].rule);
    CHECK(found.report.troubles[0].why.is(cause::threw));
    CHECK(found.report.rules[0].findings == 65'536 + text.size() / 2);
    CHECK(found.report.rules[1].missing == 1);
}

TEST_CASE("search_tree: a rule that gives up on lines is a trouble with its file and line", "[search][search_tree]") {
    temporary_folder const folder;
    auto const rules = checked({{.name = "good", .regex = "a"}, {.name = "bad", .regex = "^(a+)+$"}});
    std::string text;
    while (text.size() < 150'000) text += "x\n";
    auto const lines = text.size() / 2;
    folder.put("file", text + std::string(40, 'a') + "!\n" + std::string(40, 'a') + "!\n");
    auto const found = search({folder.path()}, scanner_of(rules, {.limits = {.steps = 10'000}}), rules, {.piece_bytes = 65'536});
    CHECK(found.report.files == 1);
    CHECK(found.report.failed == 0);
    CHECK(!found.report.is_complete());
    REQUIRE(found.report.troubles.size() == 1);
    CHECK(found.report.troubles[0].path == "file");
    CHECK(found.report.troubles[0].line == lines + 1);
    CHECK(found.report.troubles[0].rule == 1u);
    CHECK(found.report.troubles[0].why.is(cause::exhausted));
    CHECK(found.report.troubles[0].why.text().find("so on 2 lines") != std::string::npos);
    CHECK(found.report.rules[1].troubles == 2);
    CHECK(found.report.rules[0].findings == 2);
}

TEST_CASE("search_tree: it ends with the failure of the sink, also of one that throws", "[search][search_tree]") {
    temporary_folder const folder;
    fill(folder);
    auto const rules = all_kinds();
    struct full {
        int left;
        bool throws;
        int later = 0;
        outcome<void> put(finding_place const&, finding const&) {
            if (left-- > 0) return {};
            if (left < -1) ++later;
            if (throws) throw std::runtime_error{"disk full"};
            return failure{cause::exhausted, "disk full"};
        }
    };
    thread_pool pool{2};
    for (bool const throws : {false, true})
        for (bool const beside : {false, true})
            for (int const before : {0, 100, 5'000}) {
                tree_walk walk{{folder.path()}};
                full to{before, throws};
                auto const report = search_tree(walk, on{pool} | scanner_of(rules), rules, to, {.window_files = 4, .collect_beside = beside});
                REQUIRE(!report);
                CHECK(report.error().is(throws ? cause::threw : cause::exhausted));
                CHECK(report.error().text().find("disk full") != std::string::npos);
                CHECK(to.later == 0);    // it is not asked again
            }
}

TEST_CASE("search_tree: a stop keeps what was found, and says what is missing", "[search][search_tree]") {
    temporary_folder const folder;
    for (int i = 0; i < 100; ++i) folder.put("file" + std::to_string(1'000 + i), "x\n");
    auto const rules = checked({{.name = "x", .regex = "x"}, {.name = "y", .regex = "y", .show_missing = true}});
    auto const by = scanner_of(rules);
    for (bool const beside : {false, true})
        for (std::size_t const window : {1u, 10u, 1'000u})
            for (int const before : {0, 1, 30, 99}) {
                std::stop_source stop;
                context const cx{stop.get_token()};
                std::atomic<int> count = 0;
                auto const stopping = [&](piece const& what, context& here) {
                    auto found = by(what, here);
                    if (++count == before) stop.request_stop();
                    return found;
                };
                if (before == 0) stop.request_stop();
                auto const found = search({folder.path()}, stopping, rules, {.window_files = window, .collect_beside = beside}, cx);
                INFO("windows of " << window << ", stopped after " << before);
                CHECK(found.report.stopped);
                CHECK(!found.report.is_complete());
                CHECK(found.report.failed == 0);
                CHECK(found.report.troubles.empty());
                CHECK(found.report.files == static_cast<std::uint64_t>(before));
                CHECK(found.report.rules[0].findings == static_cast<std::uint64_t>(before));
                CHECK(found.rows.size() == 2 * static_cast<std::size_t>(before));
                CHECK(accounted(found.report) <= 100);
                if (before != 0) CHECK(accounted(found.report) == 100);    // the walk had given all of them
            }
}

TEST_CASE("search_tree: a deadline of the run leaves files that were not reached, one of a piece files that failed", "[search][search_tree]") {
    temporary_folder const folder;
    for (int i = 0; i < 10; ++i) folder.put("file" + std::to_string(i), "x\n");
    auto const rules = checked({{.name = "x", .regex = "x"}});
    auto const by = scanner_of(rules);
    {
        testing::manual_time time;
        context cx{time};
        auto const until = cx.change_deadline(time.now() + 5s);
        auto const slow = [&](piece const& what, context& here) {
            auto found = by(what, here);
            time.advance(1s);
            return found;
        };
        auto const found = search({folder.path()}, slow, rules, {.window_files = 2}, cx);
        CHECK(found.report.stopped);
        CHECK(!found.report.is_complete());
        CHECK(found.report.failed == 0);
        CHECK(found.report.files == 5);
        CHECK(found.report.not_reached == 5);
    }
    {
        testing::manual_time time;
        context const cx{time};
        auto const slow = [&](piece const& what, context& here) -> outcome<scanned_piece> {
            if (what.path == "file3") time.advance(1h);
            return by(what, here);
        };
        auto const found = search({folder.path()}, deadline{1s} | slow, rules, {}, cx);
        CHECK(!found.report.stopped);
        CHECK(!found.report.is_complete());
        CHECK(found.report.files == 9);
        CHECK(found.report.failed == 1);
        REQUIRE(found.report.troubles.size() == 1);
        CHECK(found.report.troubles[0].path == "file3");
        CHECK(found.report.troubles[0].why.is(cause::timed_out));
    }
}

TEST_CASE("search_tree: every file that is seen is counted once", "[search][search_tree]") {
    temporary_folder const folder;
    fill(folder);
    std::filesystem::create_symlink(folder.path(), folder / "dir1/loop");
    auto const rules = all_kinds();
    auto const by = scanner_of(rules);
    thread_pool pool{2};
    std::atomic<unsigned> calls = 0;
    auto const moody = [&](piece const& what, context& cx) -> outcome<scanned_piece> {
        if (++calls % 7 == 0) return failure{cause::unavailable, "not now"};
        return by(what, cx);
    };
    auto const found = search({folder.path(), folder / "missing", folder / "empty"}, on{pool} | moody, rules, {.piece_bytes = 65'536});
    CHECK(accounted(found.report) == 32 + 2);
    CHECK(found.report.failed > 1);
    CHECK(found.report.failed == found.report.troubles.size());
}

TEST_CASE("search_tree: nothing to search is complete, and no rules find nothing", "[search][search_tree]") {
    temporary_folder const folder;
    auto const rules = all_kinds();
    auto const none = search({folder.path()}, scanner_of(rules), rules);
    CHECK(none.report.is_complete());
    CHECK(none.report.rules.size() == rules.size());
    fill(folder);
    auto const found = search({folder.path()}, scanner_of(rule_set{}), rule_set{});
    CHECK(found.report.is_complete());
    CHECK(found.report.files == 31);
    CHECK(found.rows.empty());
}

TEST_CASE("search_tree: a walk over what may be there does not follow, wait or crash", "[search][search_tree]") {
    temporary_folder const folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    std::filesystem::create_symlink(".", folder / "loop");
    folder.put("new\nline", "x\n");
    folder.put("bad\xff", "x\n");
    folder.put("deep/" + std::string(200, 'd') + "/x", "x\n");
    auto const rules = checked({{.name = "x", .regex = "x"}});
    auto const found = search({folder.path(), folder / "pipe", "/dev/zero"}, scanner_of(rules), rules);
    CHECK(found.report.files == 3);
    CHECK(found.report.failed == 2);    // roots are what was asked for
    CHECK(found.rows.at(2).where.path == "new\nline");
}

namespace {

// The highest peak of a search of so many files, beyond what is there before; side by side, or one after another.
std::size_t peak_of(temporary_folder const& folder, std::string const& name, int files, bool beside) {
    std::mt19937_64 random{9};
    auto const text = report_text(random, 60);    // all alike: the most of many differs from that of few
    for (int i = 0; i < files; ++i) folder.put(name + '/' + std::to_string(i / 100) + '/' + std::to_string(i), text);
    auto const rules = all_kinds();
    thread_pool pool{2};
    tree_walk walk{{folder / name}};
    struct counting {
        std::size_t rows = 0;
        outcome<void> put(finding_place const&, finding const&) { return ++rows, outcome<void>{}; }
    } to;
    auto const scan = scanner_of(rules);
    search_tree_options const how{.piece_bytes = 64 * KiB, .window_bytes = MiB, .collect_beside = beside};
    live_bytes const live;
    auto const report = (beside ? search_tree(walk, on{pool} | scan, rules, to, how) : search_tree(walk, scan, rules, to, how)).value();
    CHECK(report.is_complete());
    CHECK(report.files == static_cast<std::uint64_t>(files));
    CHECK(to.rows > 1'000);
    return live.peak();
}

}  // namespace

TEST_CASE("search_tree: many small files on which every rule matches everywhere take bounded memory", "[search][search_tree]") {
    temporary_folder const folder;
    std::string text;
    for (int i = 0; i < 100; ++i) text += "x\n";
    for (int i = 0; i < 100; ++i) folder.put(std::to_string(i), text);
    std::vector<rule> many;
    for (int i = 0; i < 100; ++i) many.push_back({.name = std::to_string(i), .regex = "x"});
    auto const rules = checked(many);
    struct counting {
        std::size_t rows = 0;
        outcome<void> put(finding_place const&, finding const&) { return ++rows, outcome<void>{}; }
    } to;
    tree_walk walk{{folder.path()}};
    live_bytes const live;
    CHECK(search_tree(walk, scanner_of(rules), rules, to).value().is_complete());
    CHECK(to.rows == 100 * 100 * 100);
    CHECK(live.peak() < 100 * 2 * 40 * KiB + 8 * MiB);    // all hits at once take 100 MB
}

TEST_CASE("search_tree: eight times as many files take no more memory", "[search][search_tree]") {
    temporary_folder const folder;
    auto const small = peak_of(folder, "small", 700, false), large = peak_of(folder, "large", 5'600, false);
    INFO(small << " and " << large << " bytes");
    CHECK(large < small + small / 10);
    // Side by side chance adds to the highest of many windows, but not what would be kept of each.
    auto const few = peak_of(folder, "small", 700, true), many = peak_of(folder, "large", 5'600, true);
    INFO(few << " and " << many << " bytes side by side");
    CHECK(many < 3 * few);
}
