#pragma once

#include <concepts>       // same_as
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <span>           // fields
#include <string>         // texts
#include <string_view>    // texts
#include <vector>         // fields

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/search/collected_system.hpp>    // collected_system

namespace muster::searching {

/// One row of the results: what a rule found in a file, or that it found nothing there.
///
/// Shape      text is UTF-8: what is none in the file was read as Latin-1. `fields` has one text for each name of the rule's
///            `columns` in the rule_set, empty where its group took no part.
struct finding {
    std::size_t rule = 0;                 ///< its index in the rule_set
    std::uint64_t line = 0;               ///< from 1; of a record its first; 0: nothing was found (`show_missing`)
    std::string text{};                   ///< the line, or what matched; of a record its fields with ", " between them
    std::vector<std::string> fields{};

    [[nodiscard]] bool missing() const noexcept { return line == 0; }
    friend bool operator==(finding const&, finding const&) = default;
};

/// Where a finding is from: a file, and the system that it tells of.
struct finding_place {
    std::string path{};         ///< relative to the folder that was searched, with / between its parts
    collected_system system{};
    friend bool operator==(finding_place const&, finding_place const&) = default;
};

/// Takes findings, one file after another: those of a file by line, those of a line by rule; but a record where it is complete, and what is
/// missing at the end of the file. What fails ends the search: a full disk, say.
///
/// Threads    one call at a time, not always from the same thread.
template <class S>
concept finding_sink = requires(S& to, finding_place const& where, finding const& what) {
    { to.put(where, what) } -> std::same_as<outcome<void>>;
};

/// A finding_sink that keeps them all, for tests and small searches.
class kept_findings {
public:
    struct row {
        finding_place where;
        finding what;
        friend bool operator==(row const&, row const&) = default;
    };
    outcome<void> put(finding_place const& where, finding const& what) {
        rows_.push_back({where, what});
        return {};
    }
    [[nodiscard]] std::vector<row> const& rows() const noexcept { return rows_; }

private:
    std::vector<row> rows_;
};

static_assert(finding_sink<kept_findings>);

}  // namespace muster::searching
