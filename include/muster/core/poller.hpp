#pragma once

#include <chrono>      // nanoseconds

namespace muster {

/// A library that serves many calls from one thread: transfers, sockets, timers. It has a thread of its own for that, unless an
/// executor whose calls hold no thread polls it instead; nothing then hops between two threads.
///
/// Waits      in `poll`, and nowhere else; it does not throw. `wake` waits for nothing that is held while a wait_point is woken: it is
///            called under the lock of one.
/// Threads    `poll` on the thread that called `begin_polling`, which also calls `end_polling`; `wake` from any.
template <class P>
concept poller = requires(P& at, std::chrono::nanoseconds most) {
    at.begin_polling();    // the calling thread polls from now on; std::logic_error where another one does
    at.end_polling();      // what is under way goes on by the poller's own thread
    at.poll(most);         // handles what is ready; where nothing is, waits for it, `most` at the longest, 0: not at all
    at.wake();             // ends the wait that is going on, or the next one
};

}  // namespace muster
