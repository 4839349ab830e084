#pragma once

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <string>     // paths
#include <utility>    // move

#include <muster/core/json.hpp>                               // json_writer
#include <muster/core/outcome.hpp>                            // outcome
#include <muster/workloads/search/collected_system.hpp>       // name_of
#include <muster/workloads/search/detail/readable_text.hpp>    // readable_text
#include <muster/workloads/search/detail/row_file.hpp>         // row_file
#include <muster/workloads/search/finding.hpp>                // finding_sink
#include <muster/workloads/search/rule_set.hpp>               // rule_set

namespace muster::searching {

/// How a `json_lines_writer` writes.
struct json_lines_writer_options {
    /// false: whole or absent after a crash of the process, but perhaps older after one of the machine.
    bool durable = true;
    friend bool operator==(json_lines_writer_options const&, json_lines_writer_options const&) = default;
};

/// Writes findings to a file, a JSON object a line; it is there whole after `finish`, or not at all.
///
/// Shape      {"rule", "system", "os", "product", "version", "distribution", "file", "line", "match", "fields": {name: text}}; where nothing was
///            found "missing": true in place of the last three. UTF-8; each object on one line, whatever the texts hold.
/// Fails      as `atomic_file`; after that each call fails with the same, and the old file stands.
/// Threads    one call at a time.
/// Lifetime   dropped without `finish`, it leaves the old file, if any.
class json_lines_writer {
public:
    [[nodiscard]] static outcome<json_lines_writer> open(std::string path, rule_set rules, json_lines_writer_options options = {});

    outcome<void> put(finding_place const& where, finding const& what);
    /// Gives the file its name; answers how many findings it holds. Afterwards this is spent.
    outcome<std::uint64_t> finish() { return file_.finish(); }

private:
    json_lines_writer(rule_set rules, detail::row_file file) : rules_(std::move(rules)), file_(std::move(file)) {}

    rule_set rules_;
    detail::row_file file_;
};

// Implementation

inline outcome<json_lines_writer> json_lines_writer::open(std::string path, rule_set rules, json_lines_writer_options options) {
    auto file = detail::row_file::open(std::move(path), options.durable);
    if (!file) return std::move(file).error();
    return json_lines_writer{std::move(rules), std::move(*file)};
}

inline outcome<void> json_lines_writer::put(finding_place const& where, finding const& what) {
    json_writer json{file_.buffer()};
    auto const& from = where.system;
    json.object([&] {
        json.member("rule", rules_[what.rule].name).member("system", detail::readable_text(from.name)).member("os", name_of(from.family));
        json.member("product", from.product).member("version", from.version).member("distribution", from.distribution);
        json.member("file", detail::readable_text(where.path));
        if (what.missing()) {
            json.member("missing", true);
            return;
        }
        json.member("line", what.line).member("match", what.text).member("fields", [&] {
            json.object([&] {
                auto const& names = rules_.columns(what.rule);
                for (std::size_t i = 0; i < names.size() && i < what.fields.size(); ++i) json.member(names[i], what.fields[i]);
            });
        });
    });
    file_.buffer() += '\n';
    return file_.added();
}

static_assert(finding_sink<json_lines_writer>);

}  // namespace muster::searching
