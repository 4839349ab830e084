#pragma once

#include <string>     // describe
#include <utility>    // move

#include <muster/core/concepts.hpp>    // place_tag
#include <muster/core/stage.hpp>       // operator|

namespace muster {

/// Keeps the order among the items of one key across a stage of a stream that runs several at once, and never runs two of one key at the
/// same time: `on{pool} | in_order_by{&order::customer} | book`. Others overtake. `map` does not read it.
///
/// Order      a place: first in the chain; not beside `in_order` and `batched`. Of what comes to this stage: for the order of the source
///            each stage before it that is wider than one needs it, too.
/// Waits      what comes for a key that is busy waits for it, as part of what the buffer in front of the stage may hold: where one key
///            alone has so much, it holds back all.
/// Fails      an item of which the key cannot be told fails with what that threw.
/// Threads    the key, anything that `std::invoke` takes with the item const and with a `std::hash`, is asked by one thread at a time.
/// Cost       a lock for each handful, and a hash for each item. Keys share eight lanes for each call that the stage is wide: now and then
///            one waits for another that has its lane.
template <class Key>
class in_order_by {
public:
    using policy_concept = place_tag;

    explicit constexpr in_order_by(Key of) : key_(std::move(of)) {}

    [[nodiscard]] constexpr Key const& key() const noexcept { return key_; }
    [[nodiscard]] std::string describe() const { return "in_order_by"; }
    friend constexpr bool operator==(in_order_by const&, in_order_by const&) noexcept = default;

private:
    [[no_unique_address]] Key key_;
};

}  // namespace muster
