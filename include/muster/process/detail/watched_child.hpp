#pragma once

#include <atomic>         // done
#include <chrono>         // grace
#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <string>         // what it wrote
#include <string_view>    // what it is still to read

#include <sys/types.h>    // pid_t

#include <muster/core/waiter.hpp>    // wait_point, instant, never
#include <muster/os/fd.hpp>          // fd

namespace muster::detail {

/// One running child, on the stack of the call that waits for it. The watcher writes to it until it is `done`.
struct watched_child {
    enum class ending : std::uint8_t { by_itself, timed_out, cancelled, over_cap, no_memory, closing };

    /// Something about the child that can become ready.
    struct channel {
        enum class kind : std::uint8_t { out, err, in, exit };
        watched_child* of;
        kind what;
        fd end{};
        std::string bytes{};
        bool open = false;    // something is still to come
    };

    watched_child() = default;
    watched_child(watched_child const&) = delete;
    watched_child& operator=(watched_child const&) = delete;

    pid_t pid = -1;    // also its group; reserved until it is reaped
    channel out{this, channel::kind::out}, err{this, channel::kind::err}, in{this, channel::kind::in}, exit{this, channel::kind::exit};
    std::string_view input;    // what it has not read yet
    std::size_t cap = 0;
    std::chrono::nanoseconds grace{};

    // Under the watcher's mutex
    ending why = ending::by_itself;
    instant kill_at = never;    // when its group is killed
    bool killed = false;
    watched_child* before = nullptr;
    watched_child* after = nullptr;

    std::atomic<bool> done{false};    // set by the watcher, as the last thing but waking the point
    wait_point point;
};

}  // namespace muster::detail
