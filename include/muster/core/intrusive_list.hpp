#pragma once

#include <cstddef>    // size_t

namespace muster {

/// A list of objects that live elsewhere, on the stacks of calls that wait, say: first in, first out, and out of the middle.
///
/// Shape      T has members `T* before` and `T* after`, both null outside a list; it is in one list at most.
/// Threads    none: whoever owns the list guards it.
/// Lifetime   an object leaves the list before it is gone.
/// Cost       no allocation, and nothing throws.
template <class T>
class intrusive_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// The oldest, or null; `after` leads on to the others.
    [[nodiscard]] T* first() const noexcept { return first_; }

    void push_back(T& one) noexcept {
        one.before = last_;
        (last_ ? last_->after : first_) = &one;
        last_ = &one;
        ++size_;
    }
    void erase(T& one) noexcept {
        (one.before ? one.before->after : first_) = one.after;
        (one.after ? one.after->before : last_) = one.before;
        one.before = one.after = nullptr;
        --size_;
    }
    /// Takes the oldest out, or null.
    T* pop_front() noexcept {
        auto* const one = first_;
        if (one) erase(*one);
        return one;
    }
    /// Takes the youngest out, or null.
    T* pop_back() noexcept {
        auto* const one = last_;
        if (one) erase(*one);
        return one;
    }

private:
    T* first_ = nullptr;
    T* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace muster
