#pragma once

#include <algorithm>      // min, max
#include <cstddef>        // size_t
#include <optional>       // no core
#include <string>         // regexes
#include <string_view>    // regexes
#include <utility>        // exchange, move
#include <vector>         // parts

#include <muster/workloads/search/detail/regex_tree.hpp>    // regex_tree

namespace muster::searching::detail {

/// The letters that every match of a regex has in it: of `^\s*MaxAuthTries\s+(\d+)` it is `MaxAuthTries`, of `^(?:server|pool)\s+(\S+)` it is
/// `(?:server|pool)`. A line on which the regex matches has them; the few others that do are sorted out by whoever confirms. Engines look for
/// letters in one pass, whatever the number of regexes, where parts that repeat need a machine of their own each.
///
/// Shape      the run of letters, with alternatives, that is rarest, by how often its characters come in the text of systems: few say `KB`, many
///            `the`. None where no run is rare enough, for confirming a line costs as much as looking through a hundred of its bytes.
///            (?i) is kept. Nothing else of the regex is: no groups, references, looks, begins of lines. (A `^` before the letters finds a
///            tenth fewer lines, and Hyperscan, which then looks for more than letters, takes twice as long.)
[[nodiscard]] std::optional<regex_tree> literal_core(regex_tree const& of);

// Implementation

class core_finder {
public:
    static std::optional<regex_tree> find(regex_tree const& of) {
        auto const best = best_of(of.branches, false);
        if (!best) return std::nullopt;
        return regex_tree::read(best->written());
    }

private:
    using is = regex_node::is;
    using sequence = std::vector<regex_node>;

    static constexpr double rare_enough = 14;    // bits: one of 16,000 characters begins such a run
    static constexpr double a_choice = 4;         // bits that another alternative costs, which engines have to look for as well


    struct run {
        std::string text{};           // as a regex
        double weight = 0;            // in bits, of its letters; of the least of alternatives
        std::size_t choices = 1;
        bool fold = false;
        bool empty = true;

        double score() const noexcept { return std::min(weight, 50.0) - a_choice * static_cast<double>(choices - 1); }
        std::string written() const { return fold ? "(?i:" + text + ')' : text; }
    };

    // A character that stands for itself, as it is written; empty for any other part.
    static std::string_view letter(regex_node const& node) noexcept {
        if (node.kind != is::character) return {};
        std::string_view const text = node.text;
        if (text.size() == 1) return text;
        bool const escaped = text.size() == 2 && text[0] == '\\' && text[1] > ' ' && text[1] <= '~' && !is_letter(text[1]);
        return escaped ? text : std::string_view{};
    }
    static bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
    // How rare a character is, in bits, to half a bit or so: sources, prose, logs and settings together.
    static double weight_of(char c, char before, bool fold) noexcept {
        if (c == before) return 1;
        if (c == ' ') return 2.5;
        if (fold && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (std::string_view{"etnoairs"}.find(c) != std::string_view::npos) return 4;
        if (std::string_view{"jkqvwxyz"}.find(c) != std::string_view::npos) return 7;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || std::string_view{"_-./"}.find(c) != std::string_view::npos) return 5.5;
        return 7;
    }
    static bool once(regex_node const& node) noexcept { return node.least == 1 && node.most == 1; }

    void take_letter(std::string_view text, bool fold) {
        if (!current_.empty && current_.fold != fold) flush();
        if (current_.empty) current_.fold = fold, current_.empty = false;
        current_.weight += weight_of(text.back(), last_, fold);
        last_ = text.back();
        current_.text += text;
    }

    // Alternatives of letters alone, as one part of the run; false where they are something else.
    bool take_choices(regex_node const& group, bool fold) {
        std::string text = "(?:";
        double least = 1'000;
        for (auto const& branch : group.branches) {
            if (branch.empty()) return false;
            if (&branch != &group.branches.front()) text += '|';
            double weight = 0;
            char before = 0;
            for (auto const& node : branch) {
                auto const one = letter(node);
                if (one.empty() || !once(node)) return false;
                weight += weight_of(one.back(), before, fold);
                before = one.back();
                text += one;
            }
            least = std::min(least, weight);
        }
        if (!current_.empty && current_.fold != fold) flush();
        if (current_.empty) current_.fold = fold, current_.empty = false;
        current_.text += text + ')';
        current_.weight += least;
        current_.choices *= group.branches.size();
        last_ = 0;
        return true;
    }

    void flush() {
        auto const done = std::exchange(current_, {});
        last_ = 0;
        offer(done);
    }
    void offer(run const& what) {
        if (what.weight >= rare_enough && what.choices <= 16 && (!best_ || what.score() > best_->score())) best_ = what;
    }

    // Each branch needs a run of its own; then they are alternatives. A (?i) holds to the end of its group, over branches too.
    static std::optional<run> best_of(std::vector<sequence> const& branches, bool fold) {
        run all;
        for (auto const& branch : branches) {
            core_finder one;
            if (!one.walk(branch, fold)) return std::nullopt;
            one.flush();
            if (!one.best_) return std::nullopt;
            if (branches.size() == 1) return one.best_;
            all.text += (all.text.empty() ? "(?:" : "|") + one.best_->written();
            all.weight = all.empty ? one.best_->weight : std::min(all.weight, one.best_->weight);
            all.choices = (all.empty ? 0 : all.choices) + one.best_->choices;
            all.empty = false;
        }
        all.text += ')';
        return all;
    }

    bool walk(sequence const& parts, bool& fold) {
        for (auto const& node : parts) {
            switch (node.kind) {
                case is::flags:
                    if (node.text != "(?i)") return false;
                    flush();
                    fold = true;
                    break;
                case is::character:
                    if (auto const one = letter(node); !one.empty() && node.least > 0) {
                        take_letter(one, fold);
                        if (!once(node)) flush();
                    } else {
                        flush();
                    }
                    break;
                case is::group:
                case is::atomic_group: {
                    if (node.least == 0) {
                        flush();
                        break;
                    }
                    auto within = node.text == "(?i:" || (node.text != "(?-i:" && fold);
                    if (once(node) && node.branches.size() == 1) {
                        if (!walk(node.branches[0], within)) return false;
                    } else if (once(node) && take_choices(node, within)) {
                        break;
                    } else {
                        flush();
                        if (auto const inner = best_of(node.branches, within)) offer(*inner);
                    }
                    break;
                }
                default: flush();    // sets, dots, assertions, looks, references
            }
        }
        return true;
    }

    run current_;
    char last_ = 0;
    std::optional<run> best_;
};

inline std::optional<regex_tree> literal_core(regex_tree const& of) { return core_finder::find(of); }

}  // namespace muster::searching::detail
