#pragma once

#include <chrono>         // nanoseconds
#include <concepts>       // copy_constructible
#include <cstddef>        // size_t
#include <optional>       // what there is
#include <stdexcept>      // why there are no processes
#include <string>         // why
#include <string_view>    // name of a stage
#include <tuple>          // policies
#include <type_traits>    // remove_cvref
#include <utility>        // forward
#include <vector>         // outcomes by position

#include <muster/core/concepts.hpp>           // runner_tag
#include <muster/core/context.hpp>            // context
#include <muster/core/invoke_task.hpp>        // invoke_task, guarded
#include <muster/core/outcome.hpp>            // outcome
#include <muster/core/stage.hpp>              // stage
#include <muster/exec/thread_pool.hpp>        // thread_pool
#include <muster/process/process_pool.hpp>    // process_pool

namespace muster {

/// Who has served the calls of `automatic_workers`.
enum class served_by : unsigned char { processes, threads, this_thread };

[[nodiscard]] constexpr std::string_view name_of(served_by whom) noexcept {
    switch (whom) {
        case served_by::processes: return "processes";
        case served_by::threads: return "threads";
        case served_by::this_thread: return "this thread";
    }
    return "unknown";
}

/// The workers that can be had: processes; where those cannot be started, threads; where there are none, or one core, this thread. It
/// says which, and why: `serves()`, `why()`.
///
///     automatic_workers workers;
///     auto out = map(items, on{workers, automatic{}} | parse);    // one or two items here, else min(cores, cap, items) workers
///
/// Order      as a process_pool: the task and its policies must be able to travel, wherever they then run.
/// Fails      as whoever serves: a crash of the task ends the program where no process contains it.
/// Throws     nothing but std::bad_alloc: what a process_pool throws is `why()`.
/// Threads    as process_pool and thread_pool.
/// Lifetime   must outlive its stages.
class automatic_workers {
public:
    using runner_concept = runner_tag;

    explicit automatic_workers(process_pool_options options = {});

    [[nodiscard]] std::size_t width() const noexcept { return processes_ ? processes_->width() : threads_->width(); }
    [[nodiscard]] std::size_t threshold() const noexcept { return threshold_; }
    [[nodiscard]] served_by serves() const noexcept {
        return processes_ ? served_by::processes : width() > 1 ? served_by::threads : served_by::this_thread;
    }
    /// Why no processes serve; empty when they do.
    [[nodiscard]] std::string const& why() const noexcept { return why_; }
    /// Null where they could not be started.
    [[nodiscard]] process_pool* processes() noexcept { return processes_ ? &*processes_ : nullptr; }

    // For `isolate` and the verbs

    template <class Result, class F, class... Ps, class Item>
    Result call(std::tuple<Ps const&...> policies, F const& task, context& cx, Item&& item) {
        if (processes_) return processes_->call<Result>(policies, task, cx, std::forward<Item>(item));
        auto const here = detail::task_here<F, Ps...>(policies, task);
        return detail::call_here<Result, Item>(here, cx, item);
    }

    template <class Result, class Item, class Reader, class F, class... Ps, class Take, class Failed>
    void call_each(Reader items, std::size_t n, std::size_t width, std::tuple<Ps const&...> policies, F const& task, std::string_view name,
                   bool timed, context& cx, Take const& take, Failed const& failed) {
        if (processes_) return processes_->call_each<Result, Item>(items, n, width, policies, task, name, timed, cx, take, failed);
        if constexpr (detail::can_go<Item, F, Ps...>()) call_each_on_threads<Result, Item>(items, n, width, policies, task, timed, cx, take, failed);
    }

private:
    template <class Result, class Item, class Reader, class F, class... Ps, class Take, class Failed>
    void call_each_on_threads(Reader items, std::size_t n, std::size_t width, std::tuple<Ps const&...> policies, F const& task, bool timed,
                              context& cx, Take const& take, Failed const& failed);

    std::size_t threshold_;
    std::optional<process_pool> processes_;
    std::optional<thread_pool> threads_;
    std::string why_;
};

// Implementation

inline automatic_workers::automatic_workers(process_pool_options options) : threshold_(options.threshold) {
    auto const workers = options.workers;
    try {
        processes_.emplace(std::move(options));
        threshold_ = processes_->options().threshold;
    } catch (std::runtime_error const& refused) {    // std::system_error among them
        why_ = refused.what();
        threads_.emplace(workers);
    }
}

template <class Result, class Item, class Reader, class F, class... Ps, class Take, class Failed>
void automatic_workers::call_each_on_threads(Reader items, std::size_t n, std::size_t width, std::tuple<Ps const&...> policies, F const& task,
                                             bool timed, context& cx, Take const& take, Failed const& failed) {
    struct done {
        Result answer;
        std::chrono::nanoseconds took{};
    };
    std::vector<done> all(n);    // answers are taken by one thread, as of processes
    auto const here = detail::task_here<F, Ps...>(policies, task);
    threads_->bulk(n, width, [&](std::size_t first, std::size_t last) noexcept {
        auto mine = context::below(cx);
        for (auto i = first; i != last; ++i) {
            mine.item(i);
            auto const begin = timed ? mine.now() : instant{};
            put_answer(all[i].answer, mine.stop_requested()
                                          ? Result{mine.not_run(mine.interruption())}
                                          : guarded<Result>([&]() -> Result { return detail::call_here<Result, Item>(here, mine, items[i]); }));
            if (timed) all[i].took = mine.now() - begin;
        }
    });
    for (std::size_t i = 0; i != n; ++i) {
        cx.item(i);
        if (!all[i].answer) failed(i, all[i].took, std::move(all[i].answer).error());
        else if constexpr (std::is_void_v<typename Result::value_type>) take(i, all[i].took);
        else take(i, all[i].took, *std::move(all[i].answer));
    }
}

static_assert(runner<automatic_workers>);

}  // namespace muster
