#pragma once

#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <string>           // texts
#include <unordered_set>    // what was given before
#include <utility>          // move
#include <vector>           // rules

#include <muster/core/bytes.hpp>                      // MiB
#include <muster/core/outcome.hpp>                    // outcome
#include <muster/workloads/search/finding.hpp>        // finding, finding_sink
#include <muster/workloads/search/piece.hpp>          // scanned_piece
#include <muster/workloads/search/rule_set.hpp>       // rule_set

namespace muster::searching {

/// What one rule came to over all files.
struct rule_tally {
    std::uint64_t findings = 0;     ///< that were given to the sink, missing ones not counted
    std::uint64_t files = 0;        ///< with at least one finding
    std::uint64_t missing = 0;      ///< files where it was tried and found nothing
    std::uint64_t repeated = 0;     ///< findings left out as `unique` asks
    std::uint64_t left_off = 0;     ///< findings beyond max_results, where full_scan counts them
    std::uint64_t troubles = 0;     ///< lines on which the regex gave up
    friend bool operator==(rule_tally const&, rule_tally const&) = default;
};

/// Makes findings from what scanners found: puts the pieces of a file together, gathers records, and keeps to what the rules say of
/// unique, max_results and show_missing.
///
/// Order      begin, add for each piece of the file in its order, end or abandon; then the next file.
/// Shape      findings by line, those of a line by rule; but a record comes where it is complete, and what is missing at the end of the file.
///            A record that merges fields is complete, too, where it would hold more than 1 MiB.
/// Fails      with what the sink fails with.
/// Threads    one at a time.
/// Lifetime   refers to the sink.
/// Cost       memory for the findings of one file that unique rules have given.
template <finding_sink Sink>
class collector {
public:
    collector(rule_set rules, Sink& to);

    void begin(finding_place where);
    outcome<void> add(scanned_piece part);
    /// The file was searched to its end: open records are complete, and rules that found nothing say so.
    outcome<void> end();
    /// The rest of the file is not to be had: no rule is said to be missing, open records are given as they are.
    outcome<void> abandon();

    [[nodiscard]] finding_place const& place() const noexcept { return where_; }
    [[nodiscard]] std::vector<rule_tally> const& tallies() const noexcept { return tallies_; }
    [[nodiscard]] std::uint64_t findings() const noexcept { return findings_; }

private:
    struct state {    // of a rule, in the file that is open
        bool applies = false;
        std::uint64_t given = 0;
        bool found = false;                         // anything, also what was not given
        std::uint64_t record_line = 0;              // 0: no record is open
        std::uint64_t record_present = 0;
        std::size_t record_bytes = 0;
        std::vector<std::string> record{};
        std::unordered_set<std::string> before{};
    };

    outcome<void> hit(line_hit what, std::uint64_t line);
    outcome<void> close_record(std::size_t rule);
    outcome<void> give(std::size_t rule, finding what);
    outcome<void> close_all();

    rule_set rules_;
    Sink& to_;
    finding_place where_;
    std::uint64_t lines_ = 0;       // of the file, in the pieces before
    std::uint64_t findings_ = 0;
    bool judged_ = false;           // which rules apply is known: the first piece tells the system
    std::vector<state> states_;
    std::vector<std::size_t> touched_;    // rules that found something in the file: most found nothing in most files
    std::vector<rule_tally> tallies_;
};

// Implementation

template <finding_sink Sink>
collector<Sink>::collector(rule_set rules, Sink& to) : rules_(std::move(rules)), to_(to), tallies_(rules_.size()) {
    states_.resize(rules_.size());
}

template <finding_sink Sink>
void collector<Sink>::begin(finding_place where) {
    where_ = std::move(where);
    lines_ = 0;
    judged_ = false;
    for (auto const rule : touched_) states_[rule] = {};
    touched_.clear();
}

template <finding_sink Sink>
outcome<void> collector<Sink>::add(scanned_piece part) {
    if (!judged_) {
        auto name = std::move(where_.system.name);    // that of the file, where the text tells none
        where_.system = part.look.system;
        if (where_.system.name.empty()) where_.system.name = std::move(name);
        for (std::size_t i = 0; i < rules_.size(); ++i) states_[i].applies = rules_.applies(i, where_.system);
        judged_ = true;
    }
    for (auto& each : part.hits) {
        auto const line = lines_ + each.line;
        if (auto const done = hit(std::move(each), line); !done) return done;
    }
    for (auto const& each : part.troubles) tallies_[rules_.pattern(each.pattern).rule].troubles += each.times;
    lines_ += part.lines;
    return {};
}

template <finding_sink Sink>
outcome<void> collector<Sink>::hit(line_hit what, std::uint64_t line) {
    auto const [index, is_delimiter] = rules_.pattern(what.pattern);
    auto& mine = states_[index];
    if (!mine.applies) return {};
    auto const& rule = rules_[index];
    if (is_delimiter) return close_record(index);
    if (!std::exchange(mine.found, true)) touched_.push_back(index);
    if (!rule.records) return give(index, {.rule = index, .line = line, .text = std::move(what.text), .fields = std::move(what.fields)});

    std::size_t bytes = 0;
    for (auto const& field : what.fields) bytes += field.size();
    bool const full = rule.merge_fields ? mine.record_bytes + bytes > MiB : (mine.record_present & what.present) != 0;
    if (full)
        if (auto const done = close_record(index); !done) return done;
    if (mine.record_line == 0) {
        mine.record_line = line;
        mine.record.assign(rules_.columns(index).size(), {});
        mine.record_present = 0;
        mine.record_bytes = 0;
    }
    mine.record_bytes += bytes;
    for (std::size_t i = 0; i < what.fields.size(); ++i) {
        if (what.fields[i].empty()) continue;
        if (!mine.record[i].empty()) mine.record[i] += '\n';
        mine.record[i] += what.fields[i];
    }
    mine.record_present |= what.present;
    return {};
}

template <finding_sink Sink>
outcome<void> collector<Sink>::close_record(std::size_t rule) {
    auto& mine = states_[rule];
    if (mine.record_line == 0) return {};
    finding made{.rule = rule, .line = mine.record_line, .text = {}, .fields = std::move(mine.record)};
    mine.record_line = 0;
    for (auto const& field : made.fields) {
        if (field.empty()) continue;
        if (!made.text.empty()) made.text += ", ";
        made.text += field;
    }
    return give(rule, std::move(made));
}

template <finding_sink Sink>
outcome<void> collector<Sink>::give(std::size_t index, finding what) {
    auto const& rule = rules_[index];
    auto& mine = states_[index];
    auto& tally = tallies_[index];
    if (rule.unique) {
        std::string all = std::to_string(what.text.size()) + ':' + what.text;    // lengths: any byte may stand in a text
        for (auto const& field : what.fields) ((all += std::to_string(field.size())) += ':') += field;
        if (!mine.before.insert(std::move(all)).second) return ++tally.repeated, outcome<void>{};
    }
    if (rule.max_results != 0 && mine.given >= rule.max_results) {
        if (rule.full_scan) ++tally.left_off;
        return {};
    }
    tally.files += mine.given++ == 0;
    ++tally.findings;
    ++findings_;
    return to_.put(where_, what);
}

template <finding_sink Sink>
outcome<void> collector<Sink>::close_all() {
    for (std::size_t i = 0; i < rules_.size(); ++i)
        if (auto const done = close_record(i); !done) return done;
    return {};
}

template <finding_sink Sink>
outcome<void> collector<Sink>::end() {
    if (auto const done = close_all(); !done) return done;
    for (std::size_t i = 0; judged_ && i < rules_.size(); ++i) {
        if (!states_[i].applies || states_[i].found) continue;
        ++tallies_[i].missing;
        if (!rules_[i].show_missing) continue;
        finding const nothing{.rule = i, .line = 0, .text = {}, .fields = std::vector<std::string>(rules_.columns(i).size())};
        if (auto const done = to_.put(where_, nothing); !done) return done;
    }
    return {};
}

template <finding_sink Sink>
outcome<void> collector<Sink>::abandon() {
    return close_all();
}

}  // namespace muster::searching
