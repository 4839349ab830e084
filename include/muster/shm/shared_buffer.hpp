#pragma once

#include <cstddef>    // byte, size_t
#include <span>       // the bytes
#include <utility>    // exchange, swap

#include <muster/core/failure.hpp>         // failure
#include <muster/core/outcome.hpp>         // outcome, bad_outcome
#include <muster/shm/arena.hpp>            // arena
#include <muster/shm/shared_handle.hpp>    // shared_handle

namespace muster {

/// Bytes of an arena: freed when this goes. As an item or an answer of a call in another process it travels as a handle of 24
/// bytes, and the bytes stay where they are: none is ever copied.
///
/// The process that made the arena *lends* what it sends; every other process *gives* it away. So the items of a call stay the
/// caller's: he may send one to several calls, and send it again when a worker died of it. The worker reads it, and may write it,
/// while the call runs. An answer becomes the caller's when he reads it, and the worker that made it no longer frees it.
///
/// Why this rule, one type, and no count of references: a count is wrong as soon as somebody is killed between using a buffer and
/// counting that he did. A chunk has one owner, in one word, which says at every instruction who frees it: the owner, or, when he
/// is dead, whoever sweeps. To lend changes nothing in shared memory. To give is one compare-and-swap: the chunk is still the
/// worker's, but on its way, so that the worker's destructor leaves it alone and a sweep after his death finds it. A second
/// type for what is lent would say the same at compile time, and every task and every `vector` of items would have to name it.
///
/// Shape      an empty one has no chunk, and travels as well.
/// Fails      `make`: as `arena::allocate`. `adopt`: cause::invalid_input for a handle that names nothing that is there.
/// Throws     `from_wire`: bad_outcome, with the same failure.
/// Threads    as a vector: one that changes it, or any number that read.
/// Lifetime   refers to the arena. What was lent is there as long as its owner keeps it: an answer that is an item which came is a
///            view of the caller's own. A buffer of a process means nothing to its child of fork, which may read it but frees nothing.
/// Cost       as `arena`: 50 ns for `make` and the destructor, when the chunk was used before.
class shared_buffer {
public:
    shared_buffer() noexcept = default;
    /// New bytes; what is in them is what somebody left there, or zeros (`arena_options::zero_on_free`).
    [[nodiscard]] static outcome<shared_buffer> make(arena& from, std::size_t bytes);
    /// What a handle names: this process's from now on when it was given, a view of another's when it was lent.
    [[nodiscard]] static outcome<shared_buffer> adopt(arena& in, shared_handle const& which);

    shared_buffer(shared_buffer&& other) noexcept
        : arena_(std::exchange(other.arena_, nullptr)), handle_(std::exchange(other.handle_, {})),
          at_(std::exchange(other.at_, nullptr)) {}
    shared_buffer& operator=(shared_buffer other) noexcept {
        std::swap(arena_, other.arena_);
        std::swap(handle_, other.handle_);
        std::swap(at_, other.at_);
        return *this;
    }
    ~shared_buffer() {
        if (arena_) arena_->try_release(handle_);    // what was given away, or is another's, is not freed
    }

    [[nodiscard]] std::byte* data() noexcept { return at_; }
    [[nodiscard]] std::byte const* data() const noexcept { return at_; }
    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(handle_.size); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {at_, size()}; }
    [[nodiscard]] std::span<std::byte const> bytes() const noexcept { return {at_, size()}; }

    [[nodiscard]] shared_handle handle() const noexcept { return handle_; }
    /// Whether it is this process that frees it: not what is lent, given away, or empty.
    [[nodiscard]] bool owns() const noexcept { return arena_ && arena_->owns(handle_); }

    // How it travels

    [[nodiscard]] shared_handle to_wire() const noexcept {
        if (arena_ && !arena_->made_here()) arena_->try_give(handle_);    // fails for what is not ours: that is passed on as it came
        return handle_;
    }
    [[nodiscard]] static shared_buffer from_wire(shared_handle const& which);

private:
    shared_buffer(arena& of, shared_handle const& handle, std::byte* at, bool owned) noexcept
        : arena_(owned ? &of : nullptr), handle_(handle), at_(at) {}

    arena* arena_ = nullptr;    // null when there is nothing to free
    shared_handle handle_;
    std::byte* at_ = nullptr;
};

// Implementation

inline outcome<shared_buffer> shared_buffer::make(arena& from, std::size_t bytes) {
    if (bytes == 0) return shared_buffer{};
    auto const made = from.allocate(bytes);
    if (!made) return made.error();
    return shared_buffer{from, *made, from.data(*made), true};
}

inline outcome<shared_buffer> shared_buffer::adopt(arena& in, shared_handle const& which) {
    if (which == shared_handle{}) return shared_buffer{};
    auto const there = in.bytes(which);
    if (!there) return there.error();
    auto const given = in.adopt(which);
    if (!given) return given.error();
    return shared_buffer{in, which, there->data(), *given};
}

inline shared_buffer shared_buffer::from_wire(shared_handle const& which) {
    if (which == shared_handle{}) return {};
    auto* const its = arena::find(which.arena);
    if (!its) throw bad_outcome{failure{cause::invalid_input, "a buffer came whose arena this process has no part in"}};
    return adopt(*its, which).value();
}

}  // namespace muster
