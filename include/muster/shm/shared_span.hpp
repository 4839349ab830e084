#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // SIZE_MAX
#include <span>           // the elements
#include <string>         // text of failures
#include <type_traits>    // is_trivially_copyable
#include <utility>        // move

#include <muster/core/failure.hpp>         // failure
#include <muster/core/outcome.hpp>         // outcome, bad_outcome
#include <muster/shm/arena.hpp>            // arena
#include <muster/shm/shared_buffer.hpp>    // shared_buffer
#include <muster/shm/shared_handle.hpp>    // shared_handle

namespace muster {

/// Elements in an arena, passed between processes without copying one: a `shared_buffer` that knows their type, and says who
/// owns what when it travels.
///
/// Shape      contiguous; const elements when it is const.
/// Fails      `make`: as `arena::allocate`. `adopt`: cause::invalid_input, also for a size that is no number of elements.
/// Throws     `from_wire`: bad_outcome, with the same failure.
/// Lifetime   as a shared_buffer.
template <class T>
class shared_span {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_const_v<T>,
                  "muster: shared_span<T> holds elements that may be copied as bytes");
    static_assert(!std::is_pointer_v<T> && !std::is_member_pointer_v<T>,
                  "muster: a pointer means nothing in another process; write an index");
    static_assert(alignof(T) <= 4'096, "muster: an element is aligned to a page at most");

public:
    using element_type = T;
    using value_type = T;

    shared_span() noexcept = default;
    /// New elements, which are what the bytes there happen to be.
    [[nodiscard]] static outcome<shared_span> make(arena& from, std::size_t count);
    /// What a handle names: this process's from now on when it was given, a view of another's when it was lent.
    [[nodiscard]] static outcome<shared_span> adopt(arena& in, shared_handle const& which);

    [[nodiscard]] T* data() noexcept { return reinterpret_cast<T*>(buffer_.data()); }
    [[nodiscard]] T const* data() const noexcept { return reinterpret_cast<T const*>(buffer_.data()); }
    [[nodiscard]] std::size_t size() const noexcept { return buffer_.size() / sizeof(T); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] T* begin() noexcept { return data(); }
    [[nodiscard]] T* end() noexcept { return data() + size(); }
    [[nodiscard]] T const* begin() const noexcept { return data(); }
    [[nodiscard]] T const* end() const noexcept { return data() + size(); }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return data()[i]; }
    [[nodiscard]] T const& operator[](std::size_t i) const noexcept { return data()[i]; }
    [[nodiscard]] std::span<T> span() noexcept { return {data(), size()}; }
    [[nodiscard]] std::span<T const> span() const noexcept { return {data(), size()}; }

    [[nodiscard]] shared_handle handle() const noexcept { return buffer_.handle(); }
    /// Whether it is this process that frees it: not what is lent, given away, or empty.
    [[nodiscard]] bool owns() const noexcept { return buffer_.owns(); }

    [[nodiscard]] shared_handle to_wire() const noexcept { return buffer_.to_wire(); }
    [[nodiscard]] static shared_span from_wire(shared_handle const& which) {
        if (auto const wrong = check(which); !wrong) throw bad_outcome{wrong.error()};
        return shared_span{shared_buffer::from_wire(which)};
    }

private:
    explicit shared_span(shared_buffer buffer) noexcept : buffer_(std::move(buffer)) {}
    static outcome<void> check(shared_handle const& which);

    shared_buffer buffer_;
};

// Implementation

template <class T>
outcome<shared_span<T>> shared_span<T>::make(arena& from, std::size_t count) {
    auto made = shared_buffer::make(from, count > SIZE_MAX / sizeof(T) ? SIZE_MAX : count * sizeof(T));    // no arena has so much
    if (!made) return std::move(made).error();
    return shared_span{*std::move(made)};
}

template <class T>
outcome<void> shared_span<T>::check(shared_handle const& which) {
    if (which.size % sizeof(T) == 0) return {};
    return failure{cause::invalid_input, std::to_string(which.size) + " bytes came, which are no number of elements of " +
                                             std::to_string(sizeof(T))};
}

template <class T>
outcome<shared_span<T>> shared_span<T>::adopt(arena& in, shared_handle const& which) {
    if (auto const wrong = check(which); !wrong) return wrong.error();
    auto there = shared_buffer::adopt(in, which);
    if (!there) return std::move(there).error();
    return shared_span{*std::move(there)};
}

}  // namespace muster
