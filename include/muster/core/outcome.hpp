#pragma once

#include <cassert>        // a value or failure that is not there
#include <concepts>       // constructible_from
#include <exception>      // exception
#include <functional>     // invoke
#include <memory>         // construct_at, destroy_at
#include <string>         // bad_outcome's text
#include <type_traits>    // decay
#include <utility>        // forward, move

#include <muster/core/failure.hpp>    // failure

namespace muster {

template <class T>
class outcome;

/// Thrown by `outcome::value()` when there is none; a task that lets it pass fails with the same failure again.
class bad_outcome : public std::exception {
public:
    explicit bad_outcome(failure what) : failure_(std::move(what)), text_(to_string(failure_)) {}
    char const* what() const noexcept override { return text_.c_str(); }
    failure const& error() const noexcept { return failure_; }

private:
    failure failure_;
    std::string text_;
};

namespace detail {
template <class T>
inline constexpr bool is_outcome = false;
template <class T>
inline constexpr bool is_outcome<outcome<T>> = true;

template <class T>
inline constexpr bool is_value = std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T> && !std::is_same_v<T, failure> &&
                                 !is_outcome<T>;
}  // namespace detail

/// A `T` or a `failure`; the member names of `std::expected`.
///
/// Default    a failure that reads "did not run".
/// Throws     `value()` throws `bad_outcome`; nothing else does unless T does.
/// Cost       T, one byte, padding: 16 bytes for an int.
template <class T>
class [[nodiscard]] outcome {
    static_assert(detail::is_value<T>,
                  "muster: outcome<T> holds a plain object: not a reference, an array, a failure or another outcome");

public:
    using value_type = T;
    using error_type = failure;

    outcome() noexcept : failure_(), has_value_(false) {}
    outcome(failure what) noexcept : failure_(std::move(what)), has_value_(false) {}

    template <class U = T>
        requires(!std::same_as<std::remove_cvref_t<U>, outcome> && !std::same_as<std::remove_cvref_t<U>, failure> &&
                 !detail::is_outcome<std::remove_cvref_t<U>> && std::convertible_to<U &&, T>)
    outcome(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>) : value_(std::forward<U>(value)), has_value_(true) {}

    /// Converts between outcomes whose values convert.
    template <class U>
        requires(!std::same_as<U, T> && std::convertible_to<U &&, T>)
    outcome(outcome<U> other) : outcome() {
        if (other) emplace(std::move(*other));
        else failure_ = std::move(other).error();
    }

    outcome(outcome const& other) requires std::copy_constructible<T> : has_value_(other.has_value_) {
        if (has_value_) std::construct_at(&value_, other.value_);
        else std::construct_at(&failure_, other.failure_);
    }
    outcome(outcome&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(other.has_value_) {
        if (has_value_) std::construct_at(&value_, std::move(other.value_));
        else std::construct_at(&failure_, std::move(other.failure_));
    }
    outcome& operator=(outcome const& other) requires std::copy_constructible<T> { return *this = outcome(other); }
    outcome& operator=(outcome&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
        if (this == &other) return *this;
        if (other.has_value_) emplace(std::move(other.value_));
        else fail(std::move(other.failure_));
        return *this;
    }
    ~outcome() { destroy(); }

    /// Replaces whatever is here by a value made from `args`; a throwing constructor leaves a failure.
    template <class... Args>
    T& emplace(Args&&... args) {
        struct on_throw {       // a constructor that throws must not leave the union empty
            outcome* self;
            ~on_throw() {
                if (self) std::construct_at(&self->failure_);
            }
        };
        fail(failure{});
        std::destroy_at(&failure_);
        on_throw guard{this};
        std::construct_at(&value_, std::forward<Args>(args)...);
        guard.self = nullptr;
        has_value_ = true;
        return value_;
    }

    [[nodiscard]] bool has_value() const noexcept { return has_value_; }
    explicit operator bool() const noexcept { return has_value_; }

    /// The value; only where `has_value()` is true.
    T& operator*() & noexcept { return assert(has_value_), value_; }
    T const& operator*() const& noexcept { return assert(has_value_), value_; }
    T&& operator*() && noexcept { return assert(has_value_), std::move(value_); }
    T* operator->() noexcept { return assert(has_value_), &value_; }
    T const* operator->() const noexcept { return assert(has_value_), &value_; }

    T& value() & { return has_value_ ? value_ : throw bad_outcome{failure_}; }
    T const& value() const& { return has_value_ ? value_ : throw bad_outcome{failure_}; }
    T&& value() && {
        if (!has_value_) throw bad_outcome{std::move(failure_)};
        return std::move(value_);
    }

    /// What went wrong; only where `has_value()` is false.
    failure& error() & noexcept { return assert(!has_value_), failure_; }
    failure const& error() const& noexcept { return assert(!has_value_), failure_; }
    failure&& error() && noexcept { return assert(!has_value_), std::move(failure_); }

    template <class U>
    T value_or(U&& other) const& { return has_value_ ? value_ : static_cast<T>(std::forward<U>(other)); }
    template <class U>
    T value_or(U&& other) && { return has_value_ ? std::move(value_) : static_cast<T>(std::forward<U>(other)); }

    /// `f(value)`, an outcome itself, or this failure.
    template <class F>
    auto and_then(F&& f) const& { return chain_to(*this, std::forward<F>(f)); }
    template <class F>
    auto and_then(F&& f) && { return chain_to(std::move(*this), std::forward<F>(f)); }
    /// `f(value)` in an outcome, or this failure.
    template <class F>
    auto transform(F&& f) const& { return mapped(*this, std::forward<F>(f)); }
    template <class F>
    auto transform(F&& f) && { return mapped(std::move(*this), std::forward<F>(f)); }
    /// This value, or `f(failure)`, an outcome of the same type.
    template <class F>
    outcome or_else(F&& f) const& { return has_value_ ? *this : std::invoke(std::forward<F>(f), failure_); }
    template <class F>
    outcome or_else(F&& f) && {
        return has_value_ ? std::move(*this) : std::invoke(std::forward<F>(f), std::move(failure_));
    }

    friend bool operator==(outcome const& a, outcome const& b) requires std::equality_comparable<T> {
        if (a.has_value_ != b.has_value_) return false;
        return a.has_value_ ? a.value_ == b.value_ : a.failure_ == b.failure_;
    }

private:
    template <class Self, class F>
    static auto chain_to(Self&& self, F&& f) {
        using result = std::remove_cvref_t<decltype(std::invoke(std::forward<F>(f), *std::forward<Self>(self)))>;
        static_assert(detail::is_outcome<result>, "muster: and_then takes a function that returns an outcome");
        return self ? std::invoke(std::forward<F>(f), *std::forward<Self>(self)) : result{std::forward<Self>(self).error()};
    }
    template <class Self, class F>
    static auto mapped(Self&& self, F&& f) {
        using value = std::remove_cvref_t<decltype(std::invoke(std::forward<F>(f), *std::forward<Self>(self)))>;
        if (!self) return outcome<value>{std::forward<Self>(self).error()};
        if constexpr (std::is_void_v<value>) {
            std::invoke(std::forward<F>(f), *std::forward<Self>(self));
            return outcome<value>{};
        } else {
            return outcome<value>{std::invoke(std::forward<F>(f), *std::forward<Self>(self))};
        }
    }

    void destroy() noexcept {
        if (has_value_) std::destroy_at(&value_);
        else std::destroy_at(&failure_);
    }
    void fail(failure what) noexcept {
        destroy();
        std::construct_at(&failure_, std::move(what));
        has_value_ = false;
    }

    union {
        T value_;
        failure failure_;
    };
    bool has_value_;
};

/// Done, or a failure.
///
/// Default    done.
template <>
class [[nodiscard]] outcome<void> {
public:
    using value_type = void;
    using error_type = failure;

    outcome() noexcept = default;
    outcome(failure what) noexcept : failure_(std::move(what)), has_value_(false) {}

    [[nodiscard]] bool has_value() const noexcept { return has_value_; }
    explicit operator bool() const noexcept { return has_value_; }
    void operator*() const noexcept {}
    void value() const {
        if (!has_value_) throw bad_outcome{failure_};
    }

    failure& error() & noexcept { return assert(!has_value_), failure_; }
    failure const& error() const& noexcept { return assert(!has_value_), failure_; }
    failure&& error() && noexcept { return assert(!has_value_), std::move(failure_); }

    /// `f()`, an outcome itself, or this failure.
    template <class F>
    auto and_then(F&& f) const {
        using result = std::remove_cvref_t<decltype(std::invoke(std::forward<F>(f)))>;
        return has_value_ ? std::invoke(std::forward<F>(f)) : result{failure_};
    }
    /// `f()` in an outcome, or this failure.
    template <class F>
    auto transform(F&& f) const {
        using value = std::remove_cvref_t<decltype(std::invoke(std::forward<F>(f)))>;
        if (!has_value_) return outcome<value>{failure_};
        if constexpr (std::is_void_v<value>) {
            std::invoke(std::forward<F>(f));
            return outcome<value>{};
        } else {
            return outcome<value>{std::invoke(std::forward<F>(f))};
        }
    }
    /// Done, or `f(failure)`, an outcome<void>.
    template <class F>
    outcome or_else(F&& f) const { return has_value_ ? *this : std::invoke(std::forward<F>(f), failure_); }

    friend bool operator==(outcome const& a, outcome const& b) noexcept {
        return a.has_value_ == b.has_value_ && (a.has_value_ || a.failure_ == b.failure_);
    }

private:
    failure failure_;
    bool has_value_ = true;
};

/// A value equals an outcome that holds its equal; a failure equals no value.
// Outside the class, so that nothing converts to an outcome on its way here: test frameworks compare their own wrappers with
// whatever they find, and a friend would ask itself whether it applies.
template <class T, class U>
    requires(!detail::is_outcome<U> && !std::same_as<U, failure>) && requires(T const& held, U const& other) {
        { held == other } -> std::convertible_to<bool>;
    }
bool operator==(outcome<T> const& a, U const& b) { return a.has_value() && *a == b; }

static_assert(sizeof(outcome<int>) <= 16);
static_assert(sizeof(failure) == sizeof(void*));

}  // namespace muster
