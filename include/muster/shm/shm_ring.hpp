#pragma once

#include <algorithm>       // min
#include <array>           // bytes of a value
#include <bit>             // bit_cast, bit_ceil
#include <cerrno>          // EINVAL
#include <chrono>          // milliseconds
#include <cstddef>         // size_t
#include <cstdint>         // uint64_t
#include <new>             // launder
#include <optional>        // a value that may not be there
#include <span>            // several values
#include <stdexcept>       // length_error
#include <stop_token>      // stop_callback
#include <system_error>    // system_error
#include <type_traits>     // is_trivially_copyable
#include <utility>         // move

#include <fcntl.h>    // F_GET_SEALS

#include <muster/core/context.hpp>                // context
#include <muster/core/failure.hpp>                // failure
#include <muster/core/outcome.hpp>                // outcome
#include <muster/os/fd.hpp>                       // fd
#include <muster/os/shared_memory.hpp>            // shared_memory
#include <muster/shm/detail/mpmc_cells.hpp>       // mpmc_cells
#include <muster/shm/detail/ring_head.hpp>        // ring_head
#include <muster/shm/detail/ring_patience.hpp>    // ring_patience
#include <muster/shm/detail/spsc_cells.hpp>       // spsc_cells

namespace muster {

/// Who uses a ring at the same time.
enum class ring_kind {
    spsc,    ///< one producer and one consumer; who that is may change, but never while he is in a call
    mpmc     ///< any number of both
};

/// A bounded queue of values between processes, or threads, that may be killed at any instruction.
///
/// Nothing is locked. A producer that is killed in a push takes along that one value at most, a consumer that is killed in a pop the
/// values that this call was taking; no value is torn, and none is delivered twice. Nobody waits for the dead, and nobody for long
/// for those who are merely stopped: a consumer who comes upon a value that has been about to be written for too long (20 us, and
/// 10 ns for each byte) goes on to the next. The producer, if he lives, finds that out and puts his value at the end instead, where
/// it is as if he had come later: his push was not over. As long as he stands still the ring is one value smaller.
///
/// Order      first in, first out: pushes of one producer come in his order; of pushes at the same time, any may be first.
/// Shape      room for `capacity` values, rounded up to a power of two. A batch takes as many as there is room for, or gives as many
///            as there are; of an mpmc ring, those of others may stand between them.
/// Waits      `push` until there is room, `pop` until there is a value: first by looking, for 100 us at most, then asleep. The try
///            forms never, but for the moment named above. Whoever sleeps looks again every 50 ms (5 where the waiter may hear of a
///            stop from elsewhere): that is how long it takes when who was to wake him was killed just then. A worker
///            of a pool that sleeps here is not replaced meanwhile; under a waiter that rules the time, it looks each millisecond
///            of that.
/// Fails      `push` and `pop`, once they had to wait: cause::timed_out, cancelled. cause::unavailable when the ring is closed: `push`
///            at once, `pop` when it is empty. `push` also cause::exhausted, where 1,023 living processes push into one mpmc ring.
/// Throws     `make`: std::length_error for a capacity of 0, or beyond 1 TiB of memory; std::system_error, as `attach`: no memory,
///            or a file that is no ring of such values.
/// Threads    as the kind says; `close`, `closed` and `capacity` always. The children of a fork are processes of their own. Processes
///            are of one pid namespace. One that writes what it likes into the memory can garble values, lose them, and keep others
///            busy with looking; it cannot make them write elsewhere.
/// Lifetime   the memory lives as long as a process has it mapped. At the end of a ring nobody is in a call of it in this process.
/// Cost       of 8 bytes: spsc 15 to 20 ns for a push and a pop, of an atomic exchange each, or of one each for a batch; mpmc 16 to
///            40 ns, of five. The first push of a process into an mpmc ring reads a file of /proc, as does whoever comes upon one who was slow.
/// Source     mpmc: a number in each cell, after D. Vyukov, "Bounded MPMC queue" (1024cores.net).
template <class T, ring_kind Kind>
class shm_ring {
    static_assert(std::is_trivially_copyable_v<T>,
                  "muster: a value of a shm_ring is copied as bytes: write a struct of numbers and arrays, or push a shared_handle");
    static_assert(!std::is_pointer_v<T> && !std::is_member_pointer_v<T>,
                  "muster: a pointer means nothing in another process: write an index, an offset or a shared_handle");

public:
    /// New memory for at least so many values.
    [[nodiscard]] static shm_ring make(std::size_t capacity) { return shm_ring{create(capacity)}; }
    /// The ring of another process, by the descriptor that it handed on: `file()`, inherited or sent.
    [[nodiscard]] static shm_ring attach(fd from) { return shm_ring{shared_memory{std::move(from)}}; }
    shm_ring(shm_ring const&) = delete;
    shm_ring& operator=(shm_ring const&) = delete;

    /// What `attach` takes in another process.
    [[nodiscard]] fd const& file() const noexcept { return memory_.file(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(capacity_); }

    /// False when there is no room, or the ring is closed.
    [[nodiscard]] bool try_push(T const& value) noexcept { return try_push(std::span{&value, 1}) == 1; }
    /// As many from the beginning as there is room for: how many.
    [[nodiscard]] std::size_t try_push(std::span<T const> values) noexcept;
    /// None when there is nothing.
    [[nodiscard]] std::optional<T> try_pop() noexcept;
    /// Overwrites as many from the beginning as there are: how many.
    [[nodiscard]] std::size_t try_pop(std::span<T> values) noexcept;

    outcome<void> push(T const& value, context& cx);
    [[nodiscard]] outcome<T> pop(context& cx);

    /// From now on nothing is pushed, by nobody; what is there can be popped. Wakes all who wait.
    void close() noexcept;
    [[nodiscard]] bool closed() const noexcept { return cells_.closed(); }

private:
    using ring_head = detail::ring_head;
    using ring_bell = detail::ring_bell;
    using cells = std::conditional_t<Kind == ring_kind::spsc, detail::spsc_cells<T>, detail::mpmc_cells<T>>;

    static constexpr std::uint64_t most_bytes = std::uint64_t{1} << 40;

    static shared_memory create(std::size_t capacity);
    static std::uint64_t capacity_of(shared_memory const& memory);
    explicit shm_ring(shared_memory memory)
        : memory_(std::move(memory)), capacity_(capacity_of(memory_)),
          head_(*std::launder(reinterpret_cast<ring_head*>(memory_.data()))), cells_(memory_.data(), head_, capacity_) {}

    template <class Done>
    static outcome<void> wait(ring_bell& bell, detail::ring_patience& patience, context& cx, Done done);
    static void sleep(ring_bell& bell, std::uint32_t heard, context& cx);
    static failure is_closed() { return {cause::unavailable, "the ring is closed"}; }

    shared_memory memory_;
    std::uint64_t capacity_;    // what stands in the memory now is not asked
    ring_head& head_;
    cells cells_;
    detail::ring_patience for_values_, for_room_;
};

// Implementation

template <class T, ring_kind Kind>
shared_memory shm_ring<T, Kind>::create(std::size_t capacity) {
    if (capacity == 0 || capacity > cells::most || cells::size(std::bit_ceil(capacity)) > most_bytes)
        throw std::length_error{"muster: a shm_ring has a capacity of at least 1, and 1 TiB of memory at most"};
    auto const whole = std::bit_ceil(capacity);
    auto const size = static_cast<std::size_t>(cells::size(whole));
    shared_memory memory{size, "muster ring"};
    int error = EINTR;
    while (error == EINTR) error = memory.reserve(0, size);    // else whoever writes first where there is no memory left dies
    if (error != 0) throw std::system_error{error, std::system_category(), "muster: no memory for a shm_ring"};
    auto& head = *::new (memory.data()) ring_head;    // the cells are zeros, as they are to be
    head.mark = ring_head::current;
    head.kind = static_cast<std::uint64_t>(Kind);
    head.capacity = whole;
    head.element = sizeof(T);
    return memory;
}

template <class T, ring_kind Kind>
std::uint64_t shm_ring<T, Kind>::capacity_of(shared_memory const& memory) {
    auto const none = [](char const* why) { return std::system_error{EINVAL, std::system_category(), why}; };
    // Whoever could cut the file off would kill all who have it mapped.
    auto const seals = ::fcntl(memory.file().get(), F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || memory.size() < sizeof(ring_head)) throw none("muster: this is no shm_ring");
    auto const& head = *std::launder(reinterpret_cast<ring_head const*>(memory.data()));
    if (head.mark != ring_head::current) throw none("muster: this is no shm_ring, or one of another version");
    if (head.kind != static_cast<std::uint64_t>(Kind)) throw none("muster: this shm_ring is of another kind");
    if (head.element != sizeof(T)) throw none("muster: this shm_ring has values of another size");
    auto const capacity = head.capacity;
    if (!std::has_single_bit(capacity) || capacity > cells::most || cells::size(capacity) > memory.size())
        throw none("muster: this shm_ring is cut off");
    return capacity;
}

template <class T, ring_kind Kind>
std::size_t shm_ring<T, Kind>::try_push(std::span<T const> values) noexcept {
    auto const pushed = cells_.push(values.data(), values.size());
    if (pushed != 0) head_.values.ring();
    return pushed;
}

template <class T, ring_kind Kind>
std::size_t shm_ring<T, Kind>::try_pop(std::span<T> values) noexcept {
    auto const popped = cells_.pop(values.data(), values.size());
    if (popped != 0) head_.room.ring();
    return popped;
}

template <class T, ring_kind Kind>
std::optional<T> shm_ring<T, Kind>::try_pop() noexcept {
    std::array<std::byte, sizeof(T)> bytes;    // NOLINT: written before it is read
    if (cells_.pop(bytes.data(), 1) == 0) return std::nullopt;
    head_.room.ring();
    return std::bit_cast<T>(bytes);
}

template <class T, ring_kind Kind>
outcome<void> shm_ring<T, Kind>::push(T const& value, context& cx) {
    bool pushed = false;
    auto const over = [&] { return (pushed = try_push(value)) || closed(); };
    if (!over()) {
        if (!cells_.enter()) return failure{cause::exhausted, "1,023 living processes push into this ring, which is all it has room for"};
        if (auto waited = wait(head_.room, for_room_, cx, over); !waited) return waited;
    }
    if (!pushed) return is_closed();
    return {};
}

template <class T, ring_kind Kind>
outcome<T> shm_ring<T, Kind>::pop(context& cx) {
    std::optional<T> value;
    auto const over = [&] {
        if ((value = try_pop())) return true;
        if (!closed()) return false;
        value = try_pop();    // what was pushed before it was closed is there by now
        return true;
    };
    if (!over())
        if (auto waited = wait(head_.values, for_values_, cx, over); !waited) return std::move(waited).error();
    if (!value) return is_closed();
    return *value;
}

template <class T, ring_kind Kind>
template <class Done>
outcome<void> shm_ring<T, Kind>::wait(ring_bell& bell, detail::ring_patience& patience, context& cx, Done done) {
    if (patience.spin(done)) return {};
    auto const wake = [&bell] { bell.ring(); };    // all look again, also those for whom it is not
    std::stop_callback const on_stop(cx.stop(), wake);
    for (;;) {
        auto const heard = bell.listen();
        if (done()) return {};
        if (cx.stop_requested()) return cx.interruption();
        sleep(bell, heard, cx);
    }
}

template <class T, ring_kind Kind>
void shm_ring<T, Kind>::sleep(ring_bell& bell, std::uint32_t heard, context& cx) {
    using std::chrono::milliseconds;
    if (cx.waiting().rules_time()) {    // the kernel does not know that time
        (void)cx.pause(milliseconds{1});
        return;
    }
    auto const look = cx.waiting().may_stop() ? milliseconds{5} : milliseconds{50};
    bell.sleep(heard, std::min(cx.deadline(), later(std::chrono::steady_clock::now(), look)));
}

template <class T, ring_kind Kind>
void shm_ring<T, Kind>::close() noexcept {
    cells_.close();
    head_.values.ring();
    head_.room.ring();
}

}  // namespace muster
