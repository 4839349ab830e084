#pragma once

#include <cstddef>    // size_t
#include <string>     // texts
#include <vector>     // fields, conditions

#include <muster/workloads/search/system_condition.hpp>    // system_condition

namespace muster::searching {

/// What to look for, line by line, and what to take from the lines where it is found.
///
/// Shape      the regex is PCRE2's, over bytes: a class such as \w knows ASCII alone. `^` and `$` are the ends of the line, which its
///            line end is no part of; no match goes over two lines. A line is found once, where the regex first matches on it.
///            Named groups that took part become the fields of the finding.
///
/// A rule of records (`records`) takes one row from several lines: each line that matches fills in the fields whose groups took
/// part. The record ends before a line on which `record_delimiter` matches, at a field that it already has, and with the file.
/// With `merge_fields` a field that comes again is joined to what is there by a line feed, and the record goes on.
///
/// Default    each member says its own; a rule needs a name and a regex.
struct rule {
    std::string name{};
    std::string regex{};
    std::string comment{};
    bool ignore_case = true;                     ///< yes: what systems print differs in case from version to version
    bool only_matching = false;                  ///< the text of a finding is what matched; else the whole line
    std::vector<std::string> fields{};           ///< names of groups, in the order of the columns; none: all, in the pattern's order
    bool records = false;                        ///< see above
    std::string record_delimiter{};              ///< a regex; none: a record ends at a field that comes again
    bool merge_fields = false;                   ///< see above
    bool unique = false;                         ///< findings of one file that read alike are given once
    std::size_t max_results = 0;                 ///< findings of one file; 0: no limit
    bool full_scan = false;                      ///< goes on behind max_results, and says how many there were
    bool show_missing = false;                   ///< a file where the rule was tried and found nothing gives a row that says so
    std::vector<system_condition> systems{};     ///< all must hold; none: every file

    friend bool operator==(rule const&, rule const&) = default;
};

}  // namespace muster::searching
