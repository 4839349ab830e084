// What holds for the state of every operator: put away as bytes and fetched again it goes on as before, and bytes that are none do no harm.
#pragma once

#include "catch.hpp"
#include "flow/operated.hpp"

#include <cstddef>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <muster/core/wire.hpp>

namespace muster::testing {

/// As `operated` with this operator alone, whose state is put away and fetched again after about one item in `often`.
template <class Item, class O>
auto operated_in_parts(std::vector<Item> items, O const& with, std::mt19937_64& dice, unsigned often) {
    using out = operator_output<O, Item>;
    operated_result<out> result;
    struct {
        operated_result<out>& into;
        void operator()(out what) const { into.given.push_back(std::move(what)); }
        void operator()(failure what) const { into.refused.push_back(std::move(what)); }
    } emit_to{result};
    auto state = with.template make_state<Item>();
    for (auto& item : items) {
        with.push(state, std::move(item), emit_to);
        if (dice() % often == 0) state = decoded<decltype(state)>(encoded(state)).value();
    }
    with.flush(state, emit_to);
    return result;
}

/// All that is cut off `state` somewhere must be refused. Where one bit is another, `use` gets what was fetched all the same: without
/// a crash, and without memory that the bytes do not account for.
template <class State, class Use>
void hostile_bytes_of(State const& state, Use const& use) {
    auto const bytes = encoded(state);
    for (std::size_t n = 0; n < bytes.size(); ++n) CHECK_FALSE(decoded<State>(std::span{bytes}.first(n)).has_value());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            auto changed = bytes;
            changed[i] ^= static_cast<std::byte>(1 << bit);
            if (auto fetched = decoded<State>(changed)) use(*fetched);
        }
    }
}

}  // namespace muster::testing
