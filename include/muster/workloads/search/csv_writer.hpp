#pragma once

#include <cstdint>        // uint64_t
#include <string>         // cells
#include <string_view>    // cells
#include <utility>        // move

#include <muster/core/json.hpp>                               // json_writer
#include <muster/core/outcome.hpp>                            // outcome
#include <muster/workloads/search/collected_system.hpp>       // name_of
#include <muster/workloads/search/detail/readable_text.hpp>    // is_utf8, readable_text
#include <muster/workloads/search/detail/row_file.hpp>         // row_file
#include <muster/workloads/search/finding.hpp>                // finding_sink
#include <muster/workloads/search/rule_set.hpp>               // rule_set

namespace muster::searching {

/// How a `csv_writer` writes.
struct csv_writer_options {
    /// false: RFC 4180 has none. Excel takes a file without one for that of an older encoding.
    bool byte_order_mark = false;
    /// false: whole or absent after a crash of the process, but perhaps older after one of the machine.
    bool durable = true;
    friend bool operator==(csv_writer_options const&, csv_writer_options const&) = default;
};

/// Writes findings to a CSV file, which is there whole after `finish`, or not at all.
///
/// Shape      a header, then a row a finding: rule, system, os (Linux, Windows, Darwin, unknown), os_version, file, line, match, fields (a
///            JSON object). UTF-8, lines ended by CRLF; cells in quotes where they hold a comma, a quote or a line end. Line 0 says that
///            nothing was found. A text cell that starts with = + - @, a tab or a line end gets a ' in front: spreadsheets take those for
///            formulas, and what was collected from a machine must not run on another.
/// Fails      as `atomic_file`; after that each call fails with the same, and the old file stands.
/// Threads    one call at a time.
/// Lifetime   dropped without `finish`, it leaves the old file, if any.
/// Source     RFC 4180; OWASP, "CSV Injection".
class csv_writer {
public:
    [[nodiscard]] static outcome<csv_writer> open(std::string path, rule_set rules, csv_writer_options options = {});

    outcome<void> put(finding_place const& where, finding const& what);
    /// Gives the file its name; answers how many findings it holds. Afterwards this is spent.
    outcome<std::uint64_t> finish() { return file_.finish(); }

private:
    csv_writer(rule_set rules, detail::row_file file) : rules_(std::move(rules)), file_(std::move(file)) {}
    void cell(std::string_view text, char behind = ',');

    rule_set rules_;
    detail::row_file file_;
};

// Implementation

inline outcome<csv_writer> csv_writer::open(std::string path, rule_set rules, csv_writer_options options) {
    auto file = detail::row_file::open(std::move(path), options.durable);
    if (!file) return std::move(file).error();
    csv_writer made{std::move(rules), std::move(*file)};
    if (options.byte_order_mark) made.file_.buffer() += "\xef\xbb\xbf";
    made.file_.buffer() += "rule,system,os,os_version,file,line,match,fields\r\n";
    return made;
}

inline void csv_writer::cell(std::string_view text, char behind) {
    if (!detail::is_utf8(text)) return cell(detail::readable_text(text), behind);
    auto& out = file_.buffer();
    constexpr std::string_view formula{"=+-@\t\r\n"}, quoted{",\"\r\n"};
    bool const guard = !text.empty() && formula.find(text.front()) != formula.npos;
    bool const quotes = text.find_first_of(quoted) != text.npos;
    if (quotes) out += '"';
    if (guard) out += '\'';
    for (char const c : text) {
        if (c == '"') out += '"';
        if (c == '\0') out += "\xef\xbf\xbd";    // many readers end there
        else out += c;
    }
    if (quotes) out += '"';
    if (behind != '\0') out += behind;
}

inline outcome<void> csv_writer::put(finding_place const& where, finding const& what) {
    cell(rules_[what.rule].name);
    cell(where.system.name);
    cell(name_of(where.system.family));
    cell(where.system.version);
    cell(where.path);
    file_.buffer().append(std::to_string(what.line)) += ',';
    cell(what.text);
    std::string fields;
    json_writer json{fields};
    json.object([&] {
        auto const& names = rules_.columns(what.rule);
        for (std::size_t i = 0; i < names.size() && i < what.fields.size(); ++i) json.member(names[i], what.fields[i]);
    });
    cell(fields, '\0');
    file_.buffer() += "\r\n";
    return file_.added();
}

static_assert(finding_sink<csv_writer>);

}  // namespace muster::searching
