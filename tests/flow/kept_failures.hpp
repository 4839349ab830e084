// A sink that keeps what failed, each with the item that the failing stage was given, where that is one of these.
#pragma once

#include <mutex>       // from many threads
#include <optional>    // none came along
#include <utility>     // move
#include <vector>      // all

#include <muster/core/outcome.hpp>

namespace muster::testing {

template <class Item>
struct kept_failures {
    struct record {
        failure what;
        std::optional<Item> item;
    };
    std::mutex mutex;
    std::vector<record> all;

    void put(failure what) {
        std::lock_guard lock(mutex);
        all.push_back({std::move(what), std::nullopt});
    }
    void put(failure what, Item const& item) {
        std::lock_guard lock(mutex);
        all.push_back({std::move(what), item});
    }
    template <class Other>
    void put(failure what, Other const&) { put(std::move(what)); }    // or no stage lends what it was given
};

}  // namespace muster::testing
