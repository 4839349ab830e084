#pragma once

#include <algorithm>     // min
#include <cstddef>       // size_t
#include <functional>    // invoke
#include <mutex>         // the failure that counts
#include <optional>      // a failure, a sum
#include <stop_token>    // stop_source
#include <utility>       // move

#include <muster/core/context.hpp>    // context
#include <muster/core/failure.hpp>    // failure
#include <muster/core/outcome.hpp>    // outcome

// What reduce and scan share: the blocks that they combine in, how they fail, and the steps of a sum.

namespace muster::detail {

/// How a range is parted: by the number of its items alone, so that its answers are grouped alike on every width.
class blocks {
public:
    explicit constexpr blocks(std::size_t items) noexcept : items_(items), size_(items / most + (items % most != 0)) {}

    [[nodiscard]] constexpr std::size_t count() const noexcept { return items_ == 0 ? 0 : (items_ - 1) / size_ + 1; }
    [[nodiscard]] constexpr std::size_t first(std::size_t block) const noexcept { return block * size_; }
    [[nodiscard]] constexpr std::size_t last(std::size_t block) const noexcept { return std::min(items_, (block + 1) * size_); }

private:
    static constexpr std::size_t most = 512;    // enough for balance on any machine, few enough to combine at the end
    std::size_t items_;
    std::size_t size_;
};

/// A run that fails as a whole, with the failure of the lowest index among those seen: the first one stops the others.
// A template, so that a program without such a run does not compile it.
template <class Failure>
class all_or_none {
public:
    /// Where only a stop or the deadline of `parent` can end the run, it needs no stop of its own.
    all_or_none(context const& parent, bool may_fail)
        : parent_(parent), own_(may_fail ? std::stop_source{} : std::stop_source{std::nostopstate}), cx_(context::below(parent)),
          stop_(cx_.change_stop(may_fail ? own_.get_token() : parent.stop())), passed_on_(parent.stop(), pass_on{own_}) {}

    /// What the calls inherit from.
    [[nodiscard]] context const& inside() const noexcept { return cx_; }

    void add(Failure what) {
        std::lock_guard lock(mutex_);
        // What was only cancelled by our own stop tells nothing.
        auto const ours = lowest_ && what.is(cause::cancelled) && !parent_.stopped();
        if (!ours && (!lowest_ || what.index() < lowest_->index())) lowest_ = std::move(what);
        own_.request_stop();
    }
    /// Once all calls are over.
    [[nodiscard]] std::optional<Failure>& lowest() noexcept { return lowest_; }

private:
    struct pass_on {
        std::stop_source& to;
        void operator()() const noexcept { to.request_stop(); }
    };
    context const& parent_;
    std::stop_source own_;
    context cx_;
    context_change<std::stop_token> stop_;
    std::stop_callback<pass_on> passed_on_;
    std::mutex mutex_;
    std::optional<Failure> lowest_;
};

/// Begins a sum with the answer of the first item of a block.
template <class T, class Value>
struct begin_sum {
    std::optional<T>* sum;
    void operator()(std::size_t, Value&& answer) const noexcept(std::is_nothrow_constructible_v<T, Value>) {
        sum->emplace(static_cast<T>(std::move(answer)));
    }
};

/// Adds an answer to a sum.
template <class T, class Value, class Combine>
struct add_to_sum {
    static constexpr bool quiet = std::is_nothrow_invocable_r_v<T, Combine const&, T, T> && std::is_nothrow_constructible_v<T, Value> &&
                                  std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>;
    T* sum;
    Combine const* combine;
    void operator()(std::size_t, Value&& answer) const noexcept(quiet) {
        *sum = std::invoke(*combine, std::move(*sum), static_cast<T>(std::move(answer)));
    }
};

}  // namespace muster::detail
