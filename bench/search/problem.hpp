#pragma once

#include <cstddef>     // size_t
#include <cstdint>     // uint64_t
#include <optional>    // a rival that is not there
#include <string>      // paths
#include <vector>      // files

#include <muster/workloads/search/engine.hpp>    // line_pattern

namespace bench {

using patterns = std::vector<muster::searching::line_pattern>;

/// A corpus on disk, in the page cache, removed at the end.
struct corpus_files {
    std::string folder;
    std::vector<std::string> files;
    std::uint64_t bytes = 0;
};

/// What a contender found and how long it took, without compiling its patterns; a program's time is that of the whole program.
struct search_run {
    double seconds = 0;
    std::uint64_t found = 0;    ///< lines, pairs of rule and line, or events: each rival counts what it can
};

/// ripgrep, bytes in place of Unicode, lines and their numbers into a file; none where it is not installed.
std::optional<search_run> run_ripgrep(corpus_files const& in, patterns const& by, int threads);

/// The least that one can do with Hyperscan: each file read into one buffer, and scanned; the events are counted.
class bare_hyperscan {
public:
    explicit bare_hyperscan(patterns const& by);
    ~bare_hyperscan();
    search_run run(corpus_files const& in, int threads) const;

private:
    struct parts;
    parts* made_;
};

/// RE2::Set, line by line; PCRE2's machine code, one pattern after another over each file. On the first `bytes` of the corpus.
search_run run_re2_set(corpus_files const& in, patterns const& by, std::uint64_t bytes);
search_run run_pcre2(corpus_files const& in, patterns const& by, std::uint64_t bytes);

/// Bytes of the files that these two went through.
std::uint64_t first_bytes(corpus_files const& in, std::uint64_t bytes);

}  // namespace bench
