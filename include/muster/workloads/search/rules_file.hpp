#pragma once

#include <cstddef>        // size_t
#include <string>         // paths, texts
#include <string_view>    // text
#include <utility>        // move
#include <vector>         // rules, flaws

#include <muster/core/bytes.hpp>                                // MiB
#include <muster/core/json.hpp>                                 // json_text
#include <muster/core/outcome.hpp>                              // outcome
#include <muster/workloads/search/detail/rules_reader.hpp>      // rules_reader
#include <muster/workloads/search/detail/rules_source.hpp>      // open_source
#include <muster/workloads/search/rule.hpp>                     // rule
#include <muster/workloads/search/rule_flaw.hpp>                // rule_flaw, rule_place

namespace muster::searching {

/// What reading rules is bounded by.
struct rules_options {
    std::size_t max_bytes = 4 * MiB;      ///< of all files together: 10,000 rules and more; what is made to hurt takes 50 times its bytes of memory
    std::size_t max_files = 256;          ///< read for one call, the first among them
    std::size_t max_depth = 8;            ///< of files that include files; the first has 0
    std::size_t max_flaws = 1'000;        ///< kept; those beyond are counted
    friend bool operator==(rules_options const&, rules_options const&) = default;
};

/// Rules as they stand in files, and what is wrong with those that are left out.
///
/// Shape      rules in the order of the text, those of included files where they are included; `places` has one for each of them.
///            A rule with any flaw is not among them; the caller decides whether it goes on with the others.
struct rules_file {
    std::vector<rule> rules{};
    std::vector<rule_place> places{};
    std::vector<rule_flaw> flaws{};
    std::size_t more_flaws = 0;    ///< beyond `rules_options::max_flaws`

    [[nodiscard]] bool flawless() const noexcept { return flaws.empty() && more_flaws == 0; }
};

/// Reads rules from a file of YAML and from those that it includes.
///
/// Shape      a mapping of names to rules; a rule is a mapping of options, of which only `regex` must be there:
///                regex, comment, rs_delimiter (record_delimiter)                                   text
///                ignore_case (yes if unsaid), only_matching, multiline (records), merge_fields, unique, full_scan, show_missing
///                                                                                                  true or false
///                max_results                                                                       a number; 0 or -1: no limit
///                field_list (fields)                                                               a list of names of groups
///                sys_filter (systems)                                                              a list of conditions, all of which hold
///            A condition is `{attr: os_family, comp: eq, value: Linux}`. attr is os_family, os_version, os_product, distro_family,
///            producer, producer_version or name; comp is eq, ne, lt, le, gt, ge, or in with a list as value.
///            What `global` says holds for each rule of the same file that does not say otherwise, not for included files.
///            `include`, `includes` and names that begin with `include_` name other files, relative to the one that they stand in:
///            one, a list, or either below `files`. A file is read once, however often it is named.
/// Fails      cause::unavailable and others of `system_failure`, invalid_input (no regular file), for the first file only. All else is a
///            flaw with its file, line and column: no YAML, an option that is none (and which was meant), a value of the wrong type,
///            no regex, a name or an option twice, an attribute or comparison that is none, an included file that cannot be read or
///            that includes itself, a limit. Anchors are read over, aliases and tags are flaws.
/// Lifetime   copies all that it keeps. Paths are followed wherever they lead, also through `..` and symbolic links: who does not trust
///            the writer of rules lets the process see no more than they may name.
/// Cost       one pass over each file; 250,000 values and 16 levels a file at most.
[[nodiscard]] outcome<rules_file> read_rules(std::string const& path, rules_options const& options = {});

/// Reads rules from a text; `file` is how flaws and places call it. An include is a flaw: a text has no folder.
[[nodiscard]] rules_file parse_rules(std::string_view text, std::string const& file = {}, rules_options const& options = {});

// Implementation

namespace detail {

// Goes from file to file; what is in them the rules_reader knows.
class rules_walk {
public:
    explicit rules_walk(rules_options const& by) : options_(by), left_(by.max_bytes), reader_(by.max_flaws) {}

    outcome<void> first(std::string const& path) {
        auto source = open_source(path);
        if (!source) return std::move(source).error();
        return follow(path, *source);
    }
    // Includes are told as flaws.
    void text(std::string_view content, std::string const& file) {
        if (content.size() > options_.max_bytes) return reader_.say(file, {0, 0}, {}, too_large());
        reader_.read(content, file, [&](rules_include const& what) {
            reader_.say(file, what.at, what.name, "a text includes no files: only rules that are read from a file may");
        });
    }
    rules_file take() && {
        auto found = std::move(reader_).take();
        return {.rules = std::move(found.rules), .places = std::move(found.places), .flaws = std::move(found.flaws), .more_flaws = found.more_flaws};
    }

private:
    std::string too_large() const { return "there are more than " + std::to_string(options_.max_bytes) + " bytes of rules"; }

    outcome<void> follow(std::string const& path, rules_source const& source) {
        auto const text = read_source(source, path, left_);
        if (!text) return text.error();
        if (text->size() > left_) return reader_.say(path, {0, 0}, {}, too_large()), outcome<void>{};
        left_ -= text->size();
        seen_.push_back(source.is);
        open_.push_back(source.is);
        reader_.read(*text, path, [&](rules_include const& what) { include(path, what); });
        open_.pop_back();
        return {};
    }
    void include(std::string const& from, rules_include const& what) {
        auto const flaw = [&](std::string text) { reader_.say(from, what.at, what.name, std::move(text)); };
        auto const path = beside(from, what.path);
        auto const source = open_source(path);
        if (!source) return flaw(source.error().text());
        auto const among = [&](std::vector<file_mark> const& files) {
            for (auto const& each : files)
                if (each == source->is) return true;
            return false;
        };
        if (among(open_)) return flaw(in_quotes(what.path) + " includes this file, or is it: no file may include itself");
        if (among(seen_)) return;
        if (open_.size() > options_.max_depth) return flaw("files include files deeper than " + std::to_string(options_.max_depth) + " levels");
        if (seen_.size() >= options_.max_files) return flaw("more than " + std::to_string(options_.max_files) + " files are included");
        if (auto done = follow(path, *source); !done) flaw(done.error().text());
    }

    rules_options options_;
    std::size_t left_;
    rules_reader reader_;
    std::vector<file_mark> seen_;
    std::vector<file_mark> open_;    // from the first file to the one that is read
};

}  // namespace detail

inline outcome<rules_file> read_rules(std::string const& path, rules_options const& options) {
    detail::rules_walk walk{options};
    if (auto done = walk.first(path); !done) return std::move(done).error();
    return std::move(walk).take();
}

inline rules_file parse_rules(std::string_view text, std::string const& file, rules_options const& options) {
    detail::rules_walk walk{options};
    walk.text(text, file);
    return std::move(walk).take();
}

}  // namespace muster::searching
