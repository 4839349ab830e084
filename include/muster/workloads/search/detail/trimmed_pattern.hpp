#pragma once

#include <string>         // regexes
#include <string_view>    // regexes
#include <vector>         // parts

#include <muster/workloads/search/detail/regex_tree.hpp>    // regex_tree

namespace muster::searching::detail {

/// Leaves out of a regex what only makes its matches longer: `^uid=(\w+)\s*` becomes `^uid=(\w)`. On a line, both match or neither does;
/// an engine that tells of each end of a match tells of one.
///
/// Shape      what ends a match and may be missing goes, what may come more often comes as often as it must, and `.*$` goes, for the
///            rest of a line is always there. Of what would match everywhere nothing is left out, nor where groups are referred to.
void trim(regex_tree& regex);

/// The same for a regex as text; what is not understood stays as it is.
[[nodiscard]] std::string trimmed_pattern(std::string_view regex);

// Implementation

inline bool is_rest_of_line(regex_node const& node) {
    if (node.kind == regex_node::is::any) return node.most == regex_node::no_bound;
    return node.is_group() && node.least == 1 && node.most == 1 && node.branches.size() == 1 && node.branches[0].size() == 1 &&
           is_rest_of_line(node.branches[0][0]);
}

// False where one of the branches became empty: together they then match everywhere.
inline bool trim_branches(std::vector<std::vector<regex_node>>& branches) {
    bool all_ask_for_something = true;
    for (auto& branch : branches) {
        while (!branch.empty()) {
            auto& last = branch.back();
            if (last.kind == regex_node::is::assertion) {
                if (last.text != "$" || branch.size() < 2 || !is_rest_of_line(branch[branch.size() - 2])) break;
                branch.pop_back();
                continue;
            }
            if (last.kind == regex_node::is::flags || last.kind == regex_node::is::look) break;
            if (last.least > 0) {
                last.most = last.least;
                last.manner = 0;
                if (last.least > 1 || !last.is_group() || trim_branches(last.branches)) break;
            }
            branch.pop_back();
        }
        all_ask_for_something = all_ask_for_something && !branch.empty();
    }
    return all_ask_for_something;
}

inline void trim(regex_tree& regex) {
    if (regex.refers_back) return;
    auto branches = regex.branches;
    if (trim_branches(branches)) regex.branches = std::move(branches);
}

inline std::string trimmed_pattern(std::string_view regex) {
    auto tree = regex_tree::read(regex);
    if (!tree) return std::string{regex};
    trim(*tree);
    return tree->written();
}

}  // namespace muster::searching::detail
