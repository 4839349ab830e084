// A stream whose last stage lets nothing through until the source has been read to its end, and what reports add up to.
#pragma once

#include "catch.hpp"
#include "testing/event.hpp"

#include <cstddef>    // size_t
#include <cstdint>    // uint64_t
#include <numeric>    // iota
#include <utility>    // move
#include <vector>     // items

#include <muster/exec/blocking_pool.hpp>
#include <muster/flow/stream.hpp>
#include <muster/policy/on.hpp>

namespace muster::testing {

using some = std::vector<int>;

inline some numbers(int n) {
    some out(static_cast<std::size_t>(n));
    std::iota(out.begin(), out.end(), 0);
    return out;
}
inline int same(int n) { return n; }

template <class Stream>
some answers_of(Stream&& from) {    // -1 for a failure
    some out;
    for (auto& one : from) out.push_back(one ? *one : -1);
    return out;
}

/// What came to a stage went on, failed or was dropped; and what went on came to the next one.
inline void check_sums(stream_report const& of) {
    INFO(to_string(of));
    std::uint64_t dropped = 0;
    auto comes = of.read;
    for (auto const& stage : of.stages) {
        CHECK(stage.in == comes);
        CHECK(stage.in == stage.out + stage.failed + stage.dropped.all());
        CHECK(stage.waiting == 0);
        dropped += stage.dropped.all();
        comes = stage.out;
    }
    CHECK(of.dropped == dropped);
    CHECK(of.over);
}

/// Waits with its second item until the first one is worked on, and says when it has been read to its end.
template <class Item>
class told_source {
public:
    told_source(std::vector<Item> items, event& begun, event& ended) : items_(std::move(items)), begun_(&begun), ended_(&ended) {}
    struct iterator {
        using iterator_concept = std::input_iterator_tag;
        using value_type = Item;
        using difference_type = std::ptrdiff_t;
        told_source* of = nullptr;
        std::size_t at = 0;
        Item operator*() const { return of->items_[at]; }
        iterator& operator++() {
            if (++at == 1) (void)of->begun_->wait();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const {
            if (at != of->items_.size()) return false;
            of->ended_->set();
            return true;
        }
    };
    iterator begin() { return {this}; }
    static std::default_sentinel_t end() { return {}; }

private:
    std::vector<Item> items_;
    event *begun_, *ended_;
};

/// What comes through `on{pool, 1} | places`: the first item is inside, and all others come while it is.
template <class Item, class Places>
std::vector<Item> through_a_jam(std::vector<Item> items, Places const& places, stream_report& report) {
    blocking_pool pool{2};
    event begun, ended;
    bool patient = true;
    std::vector<Item> seen;
    auto answers = stream(told_source{std::move(items), begun, ended}, on{pool, 1} | places | [&](Item one) {
        begun.set();
        patient = ended.wait() && patient;
        return one;
    });
    for (auto& one : answers) seen.push_back(std::move(one).value());
    CHECK(patient);
    report = answers.report();
    check_sums(report);
    return seen;
}

}  // namespace muster::testing
