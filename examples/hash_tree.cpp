// Hashes files and folder trees in parallel, and checks a list of digests as sha256sum -c does.
//
//   hash_tree [OPTIONS] PATH...       a line a file: its digest, two spaces, its path; as sha256sum writes it
//   hash_tree --check LIST            reads such lines, and says of each file whether it still has its digest; - is standard input
//
// Ends 0 when all is well, 1 when a file could not be read or has another digest, 2 for a wrong command line or list, 130 after
// Ctrl-C.
// ctest: README.md LICENSE include
// ctest: --hash xxh3 --json include/muster/core
// ctest: --check examples/data/tree.sha256

#include <algorithm>        // sort
#include <cstdint>          // uint64_t
#include <cstdio>           // stdout
#include <exception>        // exception
#include <filesystem>       // folders
#include <fstream>          // lists
#include <iostream>         // standard input
#include <string>           // paths
#include <system_error>     // error_code
#include <vector>           // paths

#include <CLI/CLI.hpp>      // the command line

#include "command_line.hpp"

#include <muster/muster.hpp>
#include <muster/observe/interrupts.hpp>
#include <muster/observe/progress.hpp>
#include <muster/observe/tally.hpp>
#include <muster/observe/terminal.hpp>
#include <muster/workloads/hash/fnv1a.hpp>
#include <muster/workloads/hash/hash_file.hpp>
#include <muster/workloads/hash/hex.hpp>
#include <muster/workloads/hash/sha256.hpp>
#include <muster/workloads/hash/xxh3.hpp>
#include <muster/workloads/hash/xxh64.hpp>

using namespace muster;

namespace {

constexpr int some_failed = 1;

struct arguments {
    std::vector<std::string> paths;
    std::string hash = "sha256", workers = "auto", list;
    bool json = false, quiet = false;
};

arguments read(int argc, char** argv) {
    arguments said;
    CLI::App app{"Hashes of files and folder trees, in parallel. Ends 0 when all is well, 1 when a file could not be read or has another "
                 "digest, 2 for a wrong command line or list."};
    app.add_option("paths", said.paths, "files, and folders with all that is below them; links to folders are not followed");
    app.add_option("--hash", said.hash, "sha256, xxh3, xxh64 or fnv1a")->check(CLI::IsMember({"sha256", "xxh3", "xxh64", "fnv1a"}));
    app.add_option("-c,--check", said.list, "a list of digests and paths, as this program or sha256sum writes it; - is standard input");
    app.add_option("-p,--parallel", said.workers, "auto, or how many files at once");
    app.add_flag("--json", said.json, "the report as JSON on standard output, in place of the lines");
    app.add_flag("-q,--quiet", said.quiet, "no progress and no report; with --check no line for what is well");
    parse(app, argc, argv);
    if (said.paths.empty() == said.list.empty()) refuse("give paths, or --check and a list; see --help");
    return said;
}

// A file to hash, and what it is to have: the text of a digest, or nothing. Or a folder, and why it could not be listed.
struct entry {
    std::string path;
    std::string wanted{};
    std::string unlisted{};
};

// A path in one line: sha256sum marks it by a backslash in front of the digest where it had to be written in another way.
std::string escaped(std::string const& path) {
    std::string out;
    for (char const c : path) {
        if (c == '\\') out += "\\\\";
        else if (c == '\n') out += "\\n";
        else if (c == '\r') out += "\\r";
        else out += c;
    }
    return out;
}
outcome<std::string> unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        auto const next = ++i < text.size() ? text[i] : '\0';
        if (next != 'n' && next != 'r' && next != '\\') return failure{cause::invalid_input, "a backslash stands before n, r or another one"};
        out += next == 'n' ? '\n' : next == 'r' ? '\r' : '\\';
    }
    return out;
}

// Everything below the paths, sorted.
std::vector<entry> entries_below(std::vector<std::string> const& paths) {
    namespace fs = std::filesystem;
    std::vector<entry> out;
    for (auto const& path : paths) {
        std::error_code failed;
        if (!fs::is_directory(path, failed)) {
            out.push_back({.path = path});
            continue;
        }
        std::vector<entry> found;
        // one folder at a time, so that one that may not be read is no end of the others
        std::vector<fs::path> folders{path};
        while (!folders.empty()) {
            auto const folder = std::move(folders.back());
            folders.pop_back();
            fs::directory_iterator at{folder, failed}, end;
            for (; !failed && at != end; at.increment(failed)) {
                std::error_code ignored;    // one that goes meanwhile is a file that is not there
                if (at->is_directory(ignored) && !at->is_symlink(ignored)) folders.push_back(at->path());
                else if (!at->is_directory(ignored)) found.push_back({.path = at->path().string()});
            }
            if (failed) found.push_back({.path = folder.string(), .unlisted = "cannot list " + json_text(folder.string()) + ": " + failed.message()});
        }
        std::sort(found.begin(), found.end(), [](entry const& a, entry const& b) { return a.path < b.path; });
        for (auto& each : found) out.push_back(std::move(each));
    }
    return out;
}

template <class Digest>
std::vector<entry> entries_of_list(std::string const& list) {
    std::ifstream file;
    if (list != "-") {
        file.open(list, std::ios::binary);
        if (!file) refuse("cannot read " + json_text(list));
    }
    auto& in = list == "-" ? std::cin : file;
    std::vector<entry> out;
    std::string line;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
        auto const wrong = [&](std::string const& why) { refuse(json_text(list) + ", line " + std::to_string(number) + ": " + why); };
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        std::string_view text = line;
        auto const marked = text.front() == '\\';
        if (marked) text.remove_prefix(1);
        auto const space = text.find(' ');
        if (space == text.npos || space + 2 >= text.size() || (text[space + 1] != ' ' && text[space + 1] != '*'))
            wrong("a digest, two spaces and a path are wanted");
        auto const digest = hashing::parse_hex<Digest>(text.substr(0, space));
        if (!digest) wrong(digest.error().text());
        auto path = marked ? unescaped(text.substr(space + 2)) : outcome<std::string>{std::string{text.substr(space + 2)}};
        if (!path) wrong(path.error().text());
        out.push_back({.path = std::move(*path), .wanted = hashing::to_hex(*digest)});
    }
    if (out.empty()) refuse(json_text(list) + " holds no digest");
    return out;
}

template <class H>
int run(arguments const& said, H const& hash) {
    auto const checking = !said.list.empty();
    auto const entries = checking ? entries_of_list<typename H::digest_type>(said.list) : entries_below(said.paths);

    terminal screen;
    settings const switches{{.complain = screen}};
    auto const workers = width_of("-p", said.workers);
    interrupts signals{{.say = screen}};
    progress bar{screen, {.title = "hashing", .total = entries.size(), .quiet = said.quiet || said.json, .stop = signals.token()}};
    tally sums;

    thread_pool pool{workers.fixed().value_or(0)};
    context const until_stopped{signals.token()};
    hashing::hash_file const hash_one{hash};
    auto const hash_entry = [&](entry const& each, context& cx) -> outcome<typename H::digest_type> {
        if (!each.unlisted.empty()) return failure{cause::unavailable, each.unlisted};
        return hash_one(each.path, cx);
    };
    auto const digests = map(entries, on{pool, workers, switches} | observe{bar} | observe{sums} | hash_entry, until_stopped);
    bar.finish();

    std::size_t differ = 0, failed = 0;
    std::string text;
    json_writer json{text, 2};
    auto const line = [&](std::size_t i) {    // of the text
        auto const& [path, wanted, unlisted] = entries[i];
        auto const shown = escaped(path);
        auto const mark = shown != path ? "\\" : "";
        if (!digests[i]) {
            if (checking) std::printf("%s%s: FAILED open or read\n", mark, shown.c_str());
            std::fprintf(stderr, "hash_tree: %s\n", digests[i].error().text().c_str());
        } else if (!checking) {
            std::printf("%s%s  %s\n", mark, hashing::to_hex(*digests[i]).c_str(), shown.c_str());
        } else if (hashing::to_hex(*digests[i]) != wanted) {
            std::printf("%s%s: FAILED\n", mark, shown.c_str());
        } else if (!said.quiet) {
            std::printf("%s%s: OK\n", mark, shown.c_str());
        }
    };
    for (std::size_t i = 0; i < entries.size(); ++i) {
        failed += !digests[i];
        differ += checking && digests[i] && hashing::to_hex(*digests[i]) != entries[i].wanted;
        if (!said.json) line(i);
    }
    auto const report = sums.report();
    if (said.json) {
        json.object([&] {
            json.member("hash", said.hash).member("failed", failed);
            if (checking) json.member("differ", differ);
            json.member("run", report);
            json.member("files", [&] {
                json.array([&] {
                    for (std::size_t i = 0; i < entries.size(); ++i)
                        json.value([&] {
                            json.object([&] {
                                json.member("path", entries[i].path);
                                if (!digests[i]) {
                                    json.member("error", to_string(digests[i].error()));
                                    return;
                                }
                                auto const found = hashing::to_hex(*digests[i]);
                                json.member("digest", found);
                                if (checking) json.member("ok", found == entries[i].wanted);
                            });
                        });
                });
            });
        });
        std::puts(text.c_str());
    } else if (!said.quiet) {
        if (differ != 0) std::fprintf(stderr, "hash_tree: %zu with another digest\n", differ);
        std::fprintf(stderr, "%s\n", to_string(report).c_str());
    }
    if (signals.interrupted()) return signals.exit_code();
    return failed != 0 || differ != 0 ? some_failed : 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        auto const said = read(argc, argv);
        if (said.hash == "xxh3") return run(said, hashing::xxh3{});
        if (said.hash == "xxh64") return run(said, hashing::xxh64{});
        if (said.hash == "fnv1a") return run(said, hashing::fnv1a{});
        return run(said, hashing::sha256{});
    } catch (std::exception const& broken) {
        std::fprintf(stderr, "hash_tree: %s\n", broken.what());
        return some_failed;
    }
}
