#include <atomic>        // the next file
#include <cstdio>        // fopen
#include <cstdlib>       // abort
#include <filesystem>    // beside the corpus
#include <fstream>       // patterns
#include <memory>        // RE2's set
#include <thread>        // bare ones

#include <fcntl.h>       // open
#include <spawn.h>       // posix_spawnp
#include <sys/wait.h>    // waitpid
#include <unistd.h>      // read

#include <hs/hs.h>      // hs_scan
#include <re2/re2.h>    // RE2
#include <re2/set.h>    // RE2::Set

#include <measure.hpp>

#include <muster/adapt/pcre2.hpp>    // pcre2_pattern

#include "corpus.hpp"
#include "problem.hpp"

namespace bench {

namespace {

// A file's text, in a buffer that is used again.
std::string_view text_of(std::string const& path, std::vector<char>& into) {
    int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) std::abort();
    std::size_t size = 0;
    for (;;) {
        if (into.size() - size < 64 * 1'024) into.resize(into.size() * 2 + 1'024 * 1'024);
        auto const got = ::read(file, into.data() + size, into.size() - size);
        if (got < 0) std::abort();
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    ::close(file);
    return {into.data(), size};
}

}  // namespace

std::optional<search_run> run_ripgrep(corpus_files const& in, patterns const& by, int threads) {
    auto const patterns_file = in.folder + ".patterns", found_file = in.folder + ".found";
    {
        std::ofstream out{patterns_file};
        for (auto const& each : by) out << search::in_alternation((each.ignore_case ? "(?i)" : "") + each.regex) << '\n';
    }
    std::vector<std::string> words{"rg", "--no-unicode", "--no-config", "--no-ignore", "--hidden", "--no-messages", "-n", "--no-heading", "-j",
                                   std::to_string(threads), "-f", patterns_file, in.folder};
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    search_run out;
    int status = 0;
    out.seconds = seconds([&] {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, found_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        pid_t pid = -1;
        if (posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0) status = -1;
        else waitpid(pid, &status, 0);
        posix_spawn_file_actions_destroy(&actions);
    });
    std::vector<char> buffer;
    if (status != -1)
        for (char const c : text_of(found_file, buffer)) out.found += c == '\n';
    std::filesystem::remove(patterns_file);
    std::filesystem::remove(found_file);
    if (status == -1 || WEXITSTATUS(status) > 1) return std::nullopt;    // 1: nothing found
    return out;
}

struct bare_hyperscan::parts {
    hs_database_t* database = nullptr;
};

bare_hyperscan::bare_hyperscan(patterns const& by) : made_(new parts) {
    std::vector<char const*> regexes;
    std::vector<unsigned> flags, ids;
    for (auto const& each : by) {
        regexes.push_back(each.regex.c_str());
        flags.push_back(HS_FLAG_MULTILINE | (each.ignore_case ? HS_FLAG_CASELESS : 0u));
        ids.push_back(static_cast<unsigned>(ids.size()));
    }
    hs_compile_error_t* wrong = nullptr;
    if (hs_compile_multi(regexes.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()), HS_MODE_BLOCK, nullptr, &made_->database, &wrong) !=
        HS_SUCCESS) {
        std::fprintf(stderr, "Hyperscan: %s\n", wrong->message);
        std::abort();
    }
}

bare_hyperscan::~bare_hyperscan() {
    hs_free_database(made_->database);
    delete made_;
}

search_run bare_hyperscan::run(corpus_files const& in, int threads) const {
    search_run out;
    std::atomic<std::size_t> next{0};
    std::atomic<std::uint64_t> events{0};
    auto const work = [&] {
        hs_scratch_t* scratch = nullptr;
        if (hs_alloc_scratch(made_->database, &scratch) != HS_SUCCESS) std::abort();
        std::vector<char> buffer(4 * 1'024 * 1'024);
        std::uint64_t mine = 0;
        for (auto i = next++; i < in.files.size(); i = next++) {
            auto const text = text_of(in.files[i], buffer);
            auto const count = [](unsigned, unsigned long long, unsigned long long, unsigned, void* to) { return ++*static_cast<std::uint64_t*>(to), 0; };
            if (hs_scan(made_->database, text.data(), static_cast<unsigned>(text.size()), 0, scratch, count, &mine) != HS_SUCCESS) std::abort();
        }
        events += mine;
        hs_free_scratch(scratch);
    };
    out.seconds = seconds([&] {
        std::vector<std::jthread> others;
        for (int i = 1; i < threads; ++i) others.emplace_back(work);
        work();
    });
    out.found = events;
    return out;
}

std::uint64_t first_bytes(corpus_files const& in, std::uint64_t bytes) {
    std::uint64_t sum = 0;
    for (auto const& file : in.files) {
        if (sum >= bytes) break;
        sum += std::filesystem::file_size(file);
    }
    return sum;
}

search_run run_re2_set(corpus_files const& in, patterns const& by, std::uint64_t bytes) {
    RE2::Options options{RE2::Latin1};
    options.set_log_errors(false);
    options.set_max_mem(std::int64_t{256} << 20);
    RE2::Set set{options, RE2::UNANCHORED};
    for (auto const& each : by)
        if (set.Add(search::in_alternation((each.ignore_case ? "(?i)" : "") + each.regex), nullptr) < 0) std::abort();
    if (!set.Compile()) std::abort();
    search_run out;
    std::vector<char> buffer(4 * 1'024 * 1'024);
    std::vector<int> which;
    out.seconds = seconds([&] {
        std::uint64_t done = 0;
        for (auto const& file : in.files) {
            if (done >= bytes) break;
            auto text = text_of(file, buffer);
            done += text.size();
            while (!text.empty()) {
                auto const end = text.find('\n');
                auto const line = text.substr(0, end);
                if (set.Match({line.data(), line.size()}, &which)) out.found += which.size();
                text.remove_prefix(end == text.npos ? text.size() : end + 1);
            }
        }
    });
    return out;
}

search_run run_pcre2(corpus_files const& in, patterns const& by, std::uint64_t bytes) {
    std::vector<muster::pcre2_pattern> compiled;
    for (auto const& each : by) {
        auto made = muster::pcre2_pattern::compile(each.regex, {.ignore_case = each.ignore_case, .multi_line = true});
        if (!made) std::abort();
        compiled.push_back(std::move(*made));
    }
    muster::pcre2_matcher matcher;
    search_run out;
    std::vector<char> buffer(4 * 1'024 * 1'024);
    out.seconds = seconds([&] {
        std::uint64_t done = 0;
        for (auto const& file : in.files) {
            if (done >= bytes) break;
            auto const text = text_of(file, buffer);
            done += text.size();
            for (auto const& each : compiled)
                for (std::size_t at = 0; at < text.size();) {
                    auto const matched = matcher.match(each, text, at);
                    if (!matched) std::abort();
                    if (!*matched) break;
                    ++out.found;
                    auto const whole = *matcher.group(0);
                    auto const end = text.find('\n', static_cast<std::size_t>(whole.data() + whole.size() - text.data()));    // one a line
                    if (end == text.npos) break;
                    at = end + 1;
                }
        }
    });
    return out;
}

}  // namespace bench
