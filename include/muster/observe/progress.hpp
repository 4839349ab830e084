#pragma once

#include <algorithm>      // max, min
#include <atomic>         // the counts
#include <chrono>         // nanoseconds
#include <concepts>       // convertible_to
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <functional>     // words of the program
#include <mutex>          // one writer
#include <optional>       // an unknown total
#include <stop_token>     // interrupted
#include <string>         // title
#include <string_view>    // string_view

#include <muster/core/concepts.hpp>        // observer, call_event
#include <muster/core/context.hpp>         // context
#include <muster/core/invoke_task.hpp>     // guarded
#include <muster/core/outcome.hpp>         // outcome
#include <muster/core/run_info.hpp>        // run_info
#include <muster/core/waiter.hpp>          // waiter_ref
#include <muster/observe/detail/progress_text.hpp>    // progress_text
#include <muster/observe/terminal.hpp>                // screen

namespace muster {

/// Shows how far a run is; services take one as a template argument, and tests give them a fake.
template <class P>
concept progress_display = requires(P& on, std::size_t n) {
    { on.expect(n) } noexcept;         // so many items in all
    { on.advance(n) } noexcept;        // n more are finished, well or not; from many threads at once
    { on.failed(n) } noexcept;         // n more are finished and failed
    { on.interrupted() } noexcept;     // what runs was asked to stop
    { on.finish() } noexcept;          // the last line, exact; nothing is shown after it
};

/// The counts of a progress. They may lie in memory that several processes share.
struct progress_counts {
    std::atomic<std::uint64_t> done{0};      ///< finished, well or not
    std::atomic<std::uint64_t> failed{0};    ///< of these
};

struct progress_options {
    std::string title{};                                ///< "rendering"
    std::optional<std::size_t> total{};                 ///< empty: unknown, or what the first observed call's run says
    bool quiet = false;                                 ///< counts, and shows nothing
    std::chrono::nanoseconds redraw = std::chrono::milliseconds{100};    ///< on a terminal
    std::chrono::nanoseconds every = std::chrono::seconds{5};            ///< elsewhere a line; not less than 1 s
    waiter_ref time{};                                  ///< tells the time
    std::stop_token stop{};                             ///< once it stops, the display says "interrupted"
    progress_counts* counts = nullptr;                  ///< null: its own
    /// A few words of the program behind the rate, such as "1,200 tokens": asked at each drawing, by the thread that draws, one at a time.
    /// Of at most 60 characters, control characters as spaces; "", or what throws: none. Does not use this progress.
    std::function<std::string()> words{};
};

/// A bar with rate and time left on a terminal, a plain line every few seconds elsewhere.
///
/// `progress bar{screen, {.title = "rendering"}};` then `map(items, observe{bar} | render)`, or `bar.advance()` by
/// hand. `progress inner{bar, {...}}` is nested: shown behind its parent, gone when it ends.
///
/// Order      `observe{bar}` counts calls: left of `retry` items, right of it attempts.
/// Waits      never: whoever advances past the next due time draws, unless another thread is drawing. There is no
///            thread.
/// Default    off a terminal at most one line a second, the last one excepted.
/// Threads    `advance`, `failed` and `on_call` from any number at once; no count is lost.
/// Lifetime   refers to the screen (or its parent) and to `counts`. Ends with `finish()`, at the latest in its
///            destructor.
/// Cost       two atomic additions and a reading of the clock a tick; a drawing needs no memory but that of `words`.
template <screen Screen>
class progress {
public:
    explicit progress(Screen& on, progress_options options = {}) : screen_(&on), options_(std::move(options)) {
        start();
    }
    progress(progress& parent, progress_options options) : parent_(&parent), options_(std::move(options)) { start(); }
    progress(progress const&) = delete;
    progress& operator=(progress const&) = delete;
    ~progress() { finish(); }

    void expect(std::size_t total) noexcept { total_.store(total, std::memory_order_relaxed); }
    void advance(std::size_t n = 1) noexcept { count(n, 0); }
    void failed(std::size_t n = 1) noexcept { count(n, n); }
    void interrupted() noexcept { interrupted_.store(true, std::memory_order_relaxed); }
    void finish() noexcept;
    /// Draws if it is due: for whoever counts elsewhere, such as the parent of processes that share the counts.
    void refresh() noexcept { draw_if_due(options_.time.now()); }

    /// For `observe{bar}`.
    void on_call(call_event const& event) noexcept;

    [[nodiscard]] std::uint64_t done() const noexcept { return counts_->done.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t failures() const noexcept { return counts_->failed.load(std::memory_order_relaxed); }

private:
    static constexpr std::uint64_t unknown = ~std::uint64_t{0};

    void start();
    void count(std::size_t n, std::size_t of_them_failed) noexcept;
    void draw_if_due(instant now) noexcept;
    void draw(instant now) noexcept;
    void write(detail::progress_text& to, instant now, std::optional<std::size_t> columns, bool last) noexcept;
    void write_behind_root(detail::progress_text& to, instant now) const noexcept;
    progress& root() noexcept { return parent_ ? parent_->root() : *this; }
    [[nodiscard]] std::string words() const noexcept;
    detail::progress_state state(instant now, bool last, std::string_view words) const noexcept;

    Screen* screen_ = nullptr;       // null where nested
    progress* parent_ = nullptr;
    progress_options options_;
    progress_counts own_;
    progress_counts* counts_ = &own_;
    // Relaxed but for the failures: each is a number by itself, and what is shown may be a moment old. The last line
    // is written by whoever ended the work, and so has seen all of it.
    std::atomic<std::uint64_t> total_{unknown};
    std::atomic<bool> interrupted_{false};
    std::atomic<bool> finished_{false};
    std::atomic<instant::rep> due_{0};     // of the root: when it is drawn next
    instant started_{};
    std::mutex drawing_;                   // of the root: guards the screen and `nested_`
    progress* nested_ = nullptr;           // of the root: the nested one that moved last
};

template <screen Screen>
progress(Screen&, progress_options) -> progress<Screen>;
template <screen Screen>
progress(progress<Screen>&, progress_options) -> progress<Screen>;

// Implementation

template <screen Screen>
void progress<Screen>::start() {
    options_.title = detail::short_words(options_.title);
    options_.every = std::max<std::chrono::nanoseconds>(options_.every, std::chrono::seconds{1});
    if (options_.counts) counts_ = options_.counts;
    if (options_.total) expect(*options_.total);
    if (parent_) {
        options_.quiet = options_.quiet || parent_->options_.quiet;
        options_.time = parent_->options_.time;
    }
    started_ = options_.time.now();
    if (!parent_ && !options_.quiet) {
        // At once on a terminal; elsewhere a run that is over soon says its last line alone.
        auto const first = screen_->is_terminal() ? started_ : later(started_, options_.every);
        due_.store(first.time_since_epoch().count(), std::memory_order_relaxed);
        draw_if_due(started_);
    }
}

template <screen Screen>
void progress<Screen>::count(std::size_t n, std::size_t of_them_failed) noexcept {
    counts_->done.fetch_add(n, std::memory_order_relaxed);
    // release: pairs with the acquire in state(), so that no reader sees more failed than done
    if (of_them_failed != 0) counts_->failed.fetch_add(of_them_failed, std::memory_order_release);
    if (!options_.quiet) draw_if_due(options_.time.now());
}

template <screen Screen>
void progress<Screen>::on_call(call_event const& event) noexcept {
    if (event.what == call_event::kind::started) {
        if (total_.load(std::memory_order_relaxed) != unknown || !event.call || !event.call->run()) return;
        auto none = unknown;
        total_.compare_exchange_strong(none, event.call->run()->items, std::memory_order_relaxed);
        return;
    }
    count(1, event.error ? 1 : 0);
}

template <screen Screen>
void progress<Screen>::draw_if_due(instant now) noexcept {
    if (options_.quiet) return;
    auto& top = root();
    auto due = top.due_.load(std::memory_order_relaxed);
    if (now.time_since_epoch().count() < due) return;
    auto const next = later(now, top.screen_->is_terminal() ? top.options_.redraw : top.options_.every);
    // One thread passes each due time; the others go on with their work.
    if (!top.due_.compare_exchange_strong(due, next.time_since_epoch().count(), std::memory_order_relaxed)) return;
    std::unique_lock lock(top.drawing_, std::try_to_lock);
    if (!lock || finished_.load(std::memory_order_relaxed)) return;
    if (parent_) top.nested_ = this;
    top.draw(now);
}

template <screen Screen>
void progress<Screen>::draw(instant now) noexcept {
    if (finished_.load(std::memory_order_relaxed)) return;
    auto const on_terminal = screen_->is_terminal();
    std::optional<std::size_t> columns;
    // One column stays free: a full line makes some terminals scroll.
    if (on_terminal) columns = std::max<std::size_t>(screen_->columns(), 1) - 1;
    detail::progress_text text;
    write(text, now, columns, false);
    if (on_terminal) screen_->draw(text.view());
    else screen_->line(text.view());
}

template <screen Screen>
void progress<Screen>::write(detail::progress_text& to, instant now, std::optional<std::size_t> columns,
                             bool last) noexcept {
    auto const said = words();
    auto const mine = state(now, last, said);
    if (columns) detail::write_bar(to, mine, nested_ ? *columns / 2 : *columns);
    else detail::write_line(to, mine);
    if (last) return;
    if (nested_) nested_->write_behind_root(to, now);
    if (columns) to.cut(*columns);
}

template <screen Screen>
void progress<Screen>::write_behind_root(detail::progress_text& to, instant now) const noexcept {
    if (!parent_) return;
    parent_->write_behind_root(to, now);
    to.add(" > ");
    auto const said = words();
    detail::write_line(to, state(now, false, said));
}

template <screen Screen>
std::string progress<Screen>::words() const noexcept {
    if (!options_.words) return {};
    auto said = guarded<outcome<std::string>>([&]() -> outcome<std::string> { return detail::short_words(options_.words()); });
    return said ? std::move(*said) : std::string{};    // the count is worth more than its decoration
}

template <screen Screen>
detail::progress_state progress<Screen>::state(instant now, bool last, std::string_view words) const noexcept {
    auto const total = total_.load(std::memory_order_relaxed);
    auto const failed_so_far = counts_->failed.load(std::memory_order_acquire);    // before `done`: see count()
    return {.title = options_.title,
            .done = done(),
            .failed = failed_so_far,
            .total = total == unknown ? std::nullopt : std::optional{total},
            .elapsed = now - started_,
            .words = words,
            .interrupted = interrupted_.load(std::memory_order_relaxed) || options_.stop.stop_requested(),
            .last = last};
}

template <screen Screen>
void progress<Screen>::finish() noexcept {
    if (finished_.exchange(true)) return;
    auto& top = root();
    if (options_.quiet) return;
    auto const now = options_.time.now();
    std::lock_guard lock(top.drawing_);
    if (parent_) {
        if (top.nested_ != this) return;
        top.nested_ = parent_ == &top ? nullptr : parent_;
        if (top.screen_->is_terminal()) top.draw(now);
        return;
    }
    detail::progress_text text;
    write(text, now, {}, true);
    if (screen_->is_terminal()) screen_->draw({});
    screen_->line(text.view());
}

}  // namespace muster
