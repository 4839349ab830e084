#pragma once

#include <algorithm>    // min
#include <atomic>       // what both sides write
#include <chrono>       // nanoseconds
#include <cstddef>      // size_t
#include <cstdint>      // int64_t
#include <memory>       // construct_at
#include <utility>      // move

#include <sched.h>    // sched_yield

#include <muster/core/waiter.hpp>         // instant
#include <muster/os/futex.hpp>            // futex_wait
#include <muster/os/relax.hpp>            // relax
#include <muster/os/shared_memory.hpp>    // shared_memory
#include <muster/shm/record_ring.hpp>     // record_writer, record_reader

// What a program and one of its workers share: a page of notes and a ring in each direction, nobody else's. A worker that writes
// nonsense into it harms itself.

namespace muster::detail {

/// What a record is about.
enum class message : std::uint8_t {
    program = 1,    // to the worker: what to call from now on by that number
    call,           // to the worker: an item
    quit,           // to the worker
    answer,         // from the worker: a value
    refusal,        // from the worker: a failure
};

/// How far a worker has come.
enum class worker_phase : std::uint32_t { starting, warm, ready, failed };

/// What a dying worker can still say. Written by a signal handler.
struct last_words {
    std::atomic<std::uint32_t> said{0};
    std::int32_t signal = 0;
    std::int32_t code = 0;
    std::int64_t syscall = 0;
    std::uint64_t address = 0;
    std::uint64_t stack = 0;    // where its stack pointer was
    std::uint64_t stack_end = 0;    // the lowest address that its stack may have
};

/// The page that both sides see.
struct channel_page {
    ring_positions request, response;

    // The worker's
    alignas(64) std::atomic<std::int64_t> started{0};    // when it claimed what it runs, where somebody asked for that; 0: nothing
    std::atomic<std::uint32_t> phase{0};
    int pid = 0;                                          // the kernel's note for a program that did not hear it from the server
    last_words words;
    char why[1'024]{};                                    // it could not start; or what its sandbox lacks

    // The program's
    alignas(64) std::atomic<std::uint32_t> stop{0};       // not 0: what runs is asked to stop
    std::atomic<std::uint32_t> begin{0};                  // not 0: who stands by is to become a worker
    std::atomic<std::int64_t> cpu{-1};                    // to be bound to; -1: to none
    std::atomic<std::int64_t> spin{0};                    // how long it may look out for work before it sleeps, in nanoseconds
};
static_assert(sizeof(channel_page) <= 4'096);

inline constexpr std::int64_t no_time = INT64_MAX;
/// A value that is longer travels in pieces: so it need not wait until the whole ring is free.
inline constexpr std::size_t most_at_once = std::size_t{64} << 10;
inline constexpr std::size_t page_room = 4'096;
inline constexpr std::size_t ring_room = std::size_t{256} << 10;

/// The memory of a channel, mapped.
class channel {
public:
    /// A new one. Its pages are reserved: a full machine is an error here, and no SIGBUS later.
    channel() : memory_(page_room + 2 * ring_room, "muster-channel") {
        if (int const error = memory_.reserve(0, memory_.size()); error != 0)
            throw std::system_error{error, std::system_category(), "muster: no memory for a worker's channel"};
        std::construct_at(reinterpret_cast<channel_page*>(memory_.data()));
        map();
    }
    explicit channel(fd file) : memory_(std::move(file)) {
        if (memory_.size() < page_room + 2 * ring_room) throw std::system_error{EINVAL, std::system_category(), "muster: no channel"};
        map();
    }

    [[nodiscard]] channel_page& page() const noexcept { return *std::launder(reinterpret_cast<channel_page*>(memory_.data())); }
    [[nodiscard]] fd& file() noexcept { return memory_.file(); }

    [[nodiscard]] record_writer to_worker() const noexcept { return {page().request, request_.data(), ring_room}; }
    [[nodiscard]] record_reader in_worker() const noexcept { return {page().request, request_.data(), ring_room}; }
    [[nodiscard]] record_writer to_program() const noexcept { return {page().response, response_.data(), ring_room}; }
    [[nodiscard]] record_reader in_program() const noexcept { return {page().response, response_.data(), ring_room}; }

private:
    void map() {
        request_ = memory_.twice(page_room, ring_room);
        response_ = memory_.twice(page_room + ring_room, ring_room);
    }
    shared_memory memory_, request_, response_;
};

/// What a side does before it sleeps: it looks for a while, for as long as that has paid lately.
class lookout {
public:
    /// True once `there()` is; false when it is better to sleep. `most` is how long at the most.
    template <class There>
    bool look(std::chrono::nanoseconds most, There const& there) {
        if (there()) return true;
        if (most.count() <= 0) return false;
        for (int i = 0; i < 64; ++i) {    // the other side is at work: it is not worth a look at the clock
            relax();
            if (!there()) continue;
            hopeless_ = 0;
            return true;
        }
        // Where looking did not pay it is tried briefly, and now and then in full, for the other side may have become quicker.
        auto const full = hopeless_ < 4 || ++tries_ % 16 == 0;
        auto const patience = full ? most : std::min<std::chrono::nanoseconds>(most, std::chrono::microseconds{2});
        auto const begin = std::chrono::steady_clock::now();
        do {
            for (int i = 0; i < 64; ++i) {
                if (there()) {
                    hopeless_ = 0;
                    return true;
                }
                relax();
            }
        } while (std::chrono::steady_clock::now() - begin < patience);
        if (full && hopeless_ < 4) ++hopeless_;
        return false;
    }

private:
    unsigned hopeless_ = 0, tries_ = 0;
};

}  // namespace muster::detail
