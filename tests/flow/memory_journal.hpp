// A journal that keeps in memory what was committed, and fails when it is told to.
#pragma once

#include <cstddef>       // size_t
#include <cstdint>       // numbers
#include <functional>    // what each commit answers
#include <map>           // positions
#include <string>        // names
#include <utility>       // move
#include <vector>        // what was committed

#include <muster/flow/journal.hpp>    // journal_for

template <class T>
class memory_journal {
public:
    static constexpr bool keeps_states = true;

    muster::outcome<muster::journal_start> begin(muster::context&, std::string_view source, std::uint64_t partitions) {
        muster::journal_start start{.epoch = ++epoch, .positions = {}};
        for (std::uint64_t i = 0; i < partitions; ++i) start.positions.push_back(positions[{std::string{source}, i}]);
        for (auto const& [at, each] : states) start.states.push_back(each);
        return start;
    }
    muster::outcome<void> commit(muster::context& cx, muster::journal_entry<T> const& entry) {
        if (entry.epoch != epoch) return muster::failure{muster::cause::rejected, "a later run has begun"};
        if (answer)
            if (auto said = answer(cx, entry); !said) return said;
        std::string did;
        if (!entry.outputs.empty() || !entry.dead.empty()) did += "work " + std::to_string(entry.outputs.size() + entry.dead.size());
        if (!entry.states.empty()) did += (did.empty() ? "" : ", ") + ("remembers " + std::to_string(entry.states.size()));
        if (entry.next) did += (did.empty() ? "" : ", ") + ("to " + std::to_string(entry.next->offset));
        log.push_back(did);
        for (auto const& each : entry.outputs) {
            sources.push_back(std::string{each.from.source});
            outputs.push_back(each);
            outputs.back().from.source = {};
        }
        dead.insert(dead.end(), entry.dead.begin(), entry.dead.end());
        for (auto const& each : entry.states) {
            if (each.bytes) states[{each.place, each.key}] = each;
            else states.erase({each.place, each.key});
        }
        if (entry.next) positions[{std::string{entry.source}, entry.partition}] = *entry.next;
        return {};
    }

    std::vector<T> values() const {
        std::vector<T> out;
        for (auto const& each : outputs) out.push_back(each.value);
        return out;
    }

    std::uint64_t epoch = 0;
    std::map<std::pair<std::string, std::uint64_t>, muster::source_position> positions;
    std::map<std::pair<std::uint64_t, std::vector<std::byte>>, muster::journal_state> states;    // of one source
    std::vector<muster::journal_output<T>> outputs;
    std::vector<std::string> sources;    // of the outputs
    std::vector<muster::dead_letter> dead;
    std::vector<std::string> log;
    std::function<muster::outcome<void>(muster::context&, muster::journal_entry<T> const&)> answer;
};
