#pragma once

#include <algorithm>      // min
#include <array>          // a program's bytes
#include <charconv>       // from_chars
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstdlib>        // getenv
#include <memory>         // unique_ptr
#include <span>           // bytes
#include <stdexcept>      // invalid_argument
#include <string>         // texts
#include <string_view>    // values of the environment
#include <tuple>          // policies
#include <type_traits>    // remove_cvref
#include <utility>        // move
#include <vector>         // a program's bytes

#include <muster/core/chain.hpp>                     // chain
#include <muster/core/concepts.hpp>                  // result_of
#include <muster/core/context.hpp>                   // context
#include <muster/core/invoke_task.hpp>               // guarded
#include <muster/core/outcome.hpp>                   // outcome
#include <muster/core/remote.hpp>                    // remote_program
#include <muster/core/run_info.hpp>                  // sequential_reason
#include <muster/core/stage.hpp>                     // stage
#include <muster/os/code_place.hpp>                  // code_place
#include <muster/os/cpus.hpp>                        // granted_cpus
#include <muster/process/detail/fork_server.hpp>     // fork_server
#include <muster/process/detail/keeper.hpp>          // keeper
#include <muster/process/detail/ship.hpp>            // shipping
#include <muster/process/process_pool_health.hpp>    // process_pool_health
#include <muster/process/process_pool_options.hpp>   // process_pool_options

namespace muster {

/// Worker processes for tasks that may crash, hang or eat memory: such a task fails alone, and the others never notice.
///
///     process_main start{argc, argv};                                            // the first line of main
///     process_pool cells{{.workers = 4, .memory = 512 * MiB}};
///     auto images = map(pages, on{cells} | deadline{5s} | legacy_render);        // fast: a window of calls with each worker
///     auto careful = retry{.attempts = 2} | isolate{cells} | legacy_render;      // composes: a crash is tried again
///
/// What travels (the item, the answer, the task and the policies right of the place) is checked when it is compiled:
/// see core/wire.hpp and core/transportable_callable.hpp. Globals are the worker's own copy.
///
/// Fails      crashed         by a signal: which one, where, and what was used until then
///            exited          the task ended its process
///            out_of_memory   over `memory` (the task's std::bad_alloc), or killed for memory
///            timed_out       the leftmost deadline of what was sent, `timeout`, or the caller's: the caller is answered at once, the
///                            worker ended. A deadline behind a retry bounds all its attempts
///            forbidden       the sandbox refused a system call
///            exhausted       a limit: processor time, file size, the answer's size; too many workers lost in a short time
///            rejected        this item has crashed `poison_after` workers
///            unavailable     workers cannot be started: why; another build or library on the other side
///            cancelled       by the run's stop: what runs has `drain` to end
/// Throws     the constructor: std::system_error, where the kernel lacks what it needs; std::runtime_error, where no worker can be
///            started from here, which says what to do.
/// Threads    any number of callers; each takes workers from the pool for a call or a run, in the order of asking.
/// Lifetime   must outlive its stages and calls. In a worker, and in any other child, a pool runs its tasks inline. The destructor ends
///            the workers; they end by themselves when the program dies, however it dies. A thread, and a fork server.
/// Cost       whatever the size of this process: a worker that dies is replaced within 0.3 ms and its warm-up, by a process that stands
///            by, or within 0.15 ms by a spare; a call that finds its worker awake takes under 1 us.
class process_pool {
public:
    using runner_concept = runner_tag;

    process_pool() : process_pool(process_pool_options{}) {}
    explicit process_pool(process_pool_options options);
    ~process_pool() {
        if (owner_ != ::getpid()) (void)keeper_.release();    // in a child of fork: the thread and the workers are not ours to end
    }

    [[nodiscard]] std::size_t width() const noexcept { return width_; }
    /// Up to so many items `on{pool, automatic{}}` runs in this process.
    [[nodiscard]] std::size_t threshold() const noexcept { return options_.threshold; }
    [[nodiscard]] process_pool_options const& options() const noexcept { return options_; }
    [[nodiscard]] process_pool_health health() const { return keeper_ ? keeper_->health() : process_pool_health{}; }
    /// Memory that the workers see, too: a `shared_buffer` or `shared_span<T>` of it travels without being copied. Not in a worker,
    /// where those are found by themselves.
    [[nodiscard]] muster::arena& arena() noexcept { return keeper_->arena(); }
    /// What was wrong with the variables of the environment; empty when nothing was.
    [[nodiscard]] std::vector<std::string> const& complaints() const noexcept { return complaints_; }

    // For `isolate` and the verbs

    /// One call of what is right of `isolate`, in a worker.
    template <class Result, class F, class... Ps, class Item>
    Result call(std::tuple<Ps const&...> policies, F const& task, context& cx, Item&& item);

    /// All items of a verb: `take(i, took, answer)` and `failed(i, took, failure)` are called on this thread. How long a call took is
    /// measured where it is `timed`.
    template <class Result, class Item, class Reader, class F, class... Ps, class Take, class Failed>
    void call_each(Reader items, std::size_t n, std::size_t width, std::tuple<Ps const&...> policies, F const& task,
                   std::string_view name, bool timed, context& cx, Take const& take, Failed const& failed);

private:
    template <class Result, class Item, class F, class... Ps>
    Result call_there(std::tuple<Ps const&...> policies, F const& task, context& cx, std::remove_cvref_t<Item> const& item);
    template <class Result, class Item, class Reader, class F, class... Ps, class Take, class Failed>
    void call_each_there(Reader items, std::size_t n, std::size_t width, std::tuple<Ps const&...> policies, F const& task, std::string_view name,
                         bool timed, context& cx, Take const& take, Failed const& failed);
    template <class Item, class F, class... Ps>
    std::span<std::byte const> program_bytes(std::span<std::byte> near, std::vector<std::byte>& far, std::string_view name,
                                             std::tuple<Ps const&...> policies, F const& task, bool timed) const;
    template <class... Ps>
    std::chrono::nanoseconds limit_of(std::tuple<Ps const&...> policies) const;
    [[nodiscard]] bool inline_here() const noexcept { return !keeper_ || !keeper_->arena().made_here(); }
    static process_pool_options read_environment(process_pool_options options, std::vector<std::string>& complaints);
    static std::shared_ptr<detail::fork_server> find_server(start_method how);

    std::vector<std::string> complaints_;
    process_pool_options options_;
    std::size_t width_;
    pid_t owner_ = ::getpid();
    std::unique_ptr<detail::keeper> keeper_;    // none in a worker
};

// Implementation

namespace detail {

/// The longest that one call of a chain can take, by its leftmost deadline; behind a policy that calls again, for all its calls.
template <class... Ps>
constexpr std::chrono::nanoseconds longest_call(Ps const&... policies) {
    using std::chrono::nanoseconds;
    long double times = 1, waits = 0;
    nanoseconds found = nanoseconds::max();
    bool known = true;
    [[maybe_unused]] auto const look = [&](auto const& one) {
        if (found != nanoseconds::max() || !known) return;
        if constexpr (requires { { one.after } -> std::convertible_to<nanoseconds>; one.after.count(); }) {    // deadline
            auto const all = waits + times * static_cast<long double>(one.after.count());
            found = all < static_cast<long double>(nanoseconds::max().count()) ? nanoseconds{static_cast<std::int64_t>(all)} : nanoseconds::max();
        } else if constexpr (requires { one.wait_after(1u); one.attempts; }) {    // retry
            for (unsigned i = 1; i < one.attempts; ++i) waits += times * static_cast<long double>(one.wait_after(i).count());
            times *= one.attempts;
        }
    };
    (look(policies), ...);
    return found;
}

/// In a worker already: the same task, called here with what travels or with the item itself.
template <class F, class... Ps>
auto task_here([[maybe_unused]] std::tuple<Ps const&...> policies, F const& task) {
    if constexpr (sizeof...(Ps) == 0) return task;
    else return stage{chain<Ps...>{std::tuple<Ps...>{policies}}, task};
}
template <class Result, class Item, class Task>
Result call_here(Task const& task, context& cx, std::remove_cvref_t<Item> const& item) {
    using value = std::remove_cvref_t<Item>;
    if constexpr (std::copy_constructible<value>) {
        value copy(item);
        return invoke_task(task, cx, static_cast<Item&&>(copy));
    } else {
        return invoke_task(task, cx, static_cast<Item&&>(const_cast<value&>(item)));    // lent: what lies in an arena is not copied there either
    }
}

}  // namespace detail

inline process_pool::process_pool(process_pool_options options)
    : options_(read_environment(std::move(options), complaints_)), width_(options_.workers != 0 ? options_.workers : granted_cpus()) {
    if (options_.memory != 0) options_.bounds.memory = options_.memory;
    if (detail::in_worker()) return;
    keeper_ = std::make_unique<detail::keeper>(options_, width_, find_server(options_.start));
}

inline std::shared_ptr<detail::fork_server> process_pool::find_server(start_method how) {
    auto const threads = detail::threads_of_process();
    auto const& early = detail::early_server();
    auto const must = [](outcome<std::unique_ptr<detail::fork_server>> made) -> std::shared_ptr<detail::fork_server> {
        if (!made) throw std::runtime_error{"muster: a process_pool cannot start: " + made.error().text()};
        return *std::move(made);
    };
    auto const unused = [](detail::fork_server*) {};    // process_main owns it
    if (how == start_method::automatic && early && early->ours()) return {early.get(), unused};
    if (how == start_method::anew || (how == start_method::automatic && threads != 1)) {
        if (!detail::has_process_main())
            throw std::runtime_error{"muster: this process has " + std::to_string(threads) +
                                     " threads, so a process_pool cannot start from a copy of it: write muster::process_main start{argc, argv}; "
                                     "as the first line of main"};
        return nullptr;    // the keeper makes it
    }
    if (how == start_method::copy_anyway && threads != 1) return nullptr;
    if (how == start_method::copy && threads != 1)
        throw std::runtime_error{"muster: start_method::copy needs a process with one thread, and this one has " + std::to_string(threads) +
                                 ": make the pool before the first thread, or take start_method::automatic"};
    return must(detail::fork_server::of_this_process());
}

inline process_pool_options process_pool::read_environment(process_pool_options options, std::vector<std::string>& complaints) {
    std::string prefix = "MUSTER_";
    for (char const c : options.name) {
        auto const letter = (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
        auto const fits = (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9');
        prefix += fits ? letter : '_';
    }
    auto const read = [&](char const* what, std::string_view rule, auto const& use) {
        auto const name = prefix + '_' + what;
        char const* const said = std::getenv(name.c_str());
        if (!said) return;
        std::string_view const text{said};
        double number = -1;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        auto const rest = text.substr(static_cast<std::size_t>(end - text.data()));
        if (error != std::errc{} || !(number >= 0) || !use(number, rest))
            complaints.push_back("muster: " + name + "=\"" + one_line(text.substr(0, 100)) + "\" is not used; it takes " + std::string{rule});
    };
    read("WORKERS", "a whole number from 1 to 4096", [&](double number, std::string_view rest) {
        if (!rest.empty() || number < 1 || number > 4'096 || number != static_cast<double>(static_cast<std::size_t>(number))) return false;
        options.workers = static_cast<std::size_t>(number);
        return true;
    });
    read("MEMORY", "a number of bytes, or one with K, M or G behind it", [&](double number, std::string_view rest) {
        constexpr std::string_view units = "KMG";
        if (rest.size() > 1 || (rest.size() == 1 && units.find(rest[0]) == units.npos) || number > 1e15) return false;
        auto const scale = rest.empty() ? 0 : 10 * (units.find(rest[0]) + 1);
        options.memory = static_cast<std::uint64_t>(number * static_cast<double>(std::uint64_t{1} << scale));
        return true;
    });
    read("TIMEOUT", "a number of seconds, 0 for none", [&](double number, std::string_view rest) {
        if (!rest.empty() || number > 1e9) return false;
        options.timeout = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{number});
        return true;
    });
    read("THRESHOLD", "a whole number of items", [&](double number, std::string_view rest) {
        if (!rest.empty() || number > 1e9 || number != static_cast<double>(static_cast<std::size_t>(number))) return false;
        options.threshold = static_cast<std::size_t>(number);
        return true;
    });
    return options;
}

template <class... Ps>
std::chrono::nanoseconds process_pool::limit_of(std::tuple<Ps const&...> policies) const {
    auto const said = std::apply([](auto const&... each) { return detail::longest_call(each...); }, policies);
    return options_.timeout.count() > 0 ? std::min(said, options_.timeout) : said;
}

template <class Item, class F, class... Ps>
std::span<std::byte const> process_pool::program_bytes(std::span<std::byte> near, std::vector<std::byte>& far, std::string_view name,
                                                       std::tuple<Ps const&...> policies, F const& task, bool timed) const {
    using program = detail::remote_program<Item, F, Ps...>;
    static auto const place = code_place::of(reinterpret_cast<code_place::function_type>(&program::face));
    auto const put = [&](std::span<std::byte> room) {
        wire_writer to{room.data(), room.size()};
        to.put(place.module);
        to.put(place.offset);
        to.put(program::face()->fingerprint);
        to.put(timed);
        to.put(std::string{name});
        program::put(to, policies, task, detail::functions_by_place());
        return to.size();
    };
    auto const size = put(near);
    if (size <= near.size()) return near.first(size);
    far.resize(size);
    (void)put(far);
    return far;
}

template <class Result, class F, class... Ps, class Item>
Result process_pool::call(std::tuple<Ps const&...> policies, F const& task, context& cx, Item&& item) {
    if constexpr (detail::can_go<Item, F, Ps...>()) return call_there<Result, Item>(policies, task, cx, item);
    else return {};
}

template <class Result, class Item, class F, class... Ps>
Result process_pool::call_there(std::tuple<Ps const&...> policies, F const& task, context& cx, std::remove_cvref_t<Item> const& item) {
    using value = std::remove_cvref_t<Item>;
    if (inline_here()) {    // in a worker already
        auto const here = detail::task_here<F, Ps...>(policies, task);
        return detail::call_here<Result, Item>(here, cx, item);
    }
    struct one_call {
        value const& item;
        Result answer;
    } mine{item, {}};
    detail::shipment what;
    what.items = 1;
    what.first = cx.index();
    what.attempt = cx.attempt();
    what.limit = limit_of(policies);
    what.timed = what.limit != std::chrono::nanoseconds::max();
    what.until = cx.deadline();
    what.self = &mine;
    what.write = [](void* self, std::size_t, wire_writer& to, bool quiet) {
        auto& me = *static_cast<one_call*>(self);
        auto const written = guarded<outcome<void>>([&]() -> outcome<void> { return to.put(me.item), outcome<void>{}; });
        if (!written && !quiet) me.answer = written.error();
        return written.has_value();
    };
    what.take = [](void* self, std::size_t, bool good, wire_reader& from) {
        auto& me = *static_cast<one_call*>(self);
        me.answer = guarded<Result>([&]() -> Result {
            if (!good) return from.get<failure>();
            if constexpr (std::is_void_v<typename Result::value_type>) return {};
            else return from.get<typename Result::value_type>();
        });
    };
    what.fail = [](void* self, std::size_t, failure why) { static_cast<one_call*>(self)->answer = std::move(why); };
    auto const sent = guarded<outcome<void>>([&]() -> outcome<void> {
        std::array<std::byte, 256> near;    // most programs are a few words
        std::vector<std::byte> far;
        what.program = program_bytes<Item>(near, far, cx.stage(), policies, task, what.timed);
        detail::ship_one(*keeper_, what, cx);
        return {};
    });
    if (!sent) return sent.error();
    return std::move(mine.answer);
}

template <class Result, class Item, class Reader, class F, class... Ps, class Take, class Failed>
void process_pool::call_each(Reader items, std::size_t n, std::size_t width, std::tuple<Ps const&...> policies, F const& task,
                             std::string_view name, bool timed, context& cx, Take const& take, Failed const& failed) {
    if constexpr (detail::can_go<Item, F, Ps...>()) call_each_there<Result, Item>(items, n, width, policies, task, name, timed, cx, take, failed);
}

template <class Result, class Item, class Reader, class F, class... Ps, class Take, class Failed>
void process_pool::call_each_there(Reader items, std::size_t n, std::size_t width, std::tuple<Ps const&...> policies, F const& task,
                                   std::string_view name, bool timed, context& cx, Take const& take, Failed const& failed) {
    using value = std::remove_cvref_t<Item>;
    using answer = typename Result::value_type;
    struct all_calls {
        Reader& items;
        Take const& take;
        Failed const& failed;
        context& cx;
        detail::shipment what{};
        void fail(std::size_t i, failure why) {
            cx.item(i);
            failed(i, what.took, std::move(why));
        }
    } mine{items, take, failed, cx};
    auto& what = mine.what;
    what.items = n;
    what.limit = limit_of(policies);
    what.timed = timed || what.limit != std::chrono::nanoseconds::max();
    what.until = cx.deadline();
    what.self = &mine;
    what.fail = [](void* self, std::size_t i, failure why) {
        auto& me = *static_cast<all_calls*>(self);
        me.what.took = {};
        me.fail(i, std::move(why));
    };
    what.write = [](void* self, std::size_t i, wire_writer& to, bool quiet) {
        auto& me = *static_cast<all_calls*>(self);
        auto const written = guarded<outcome<void>>([&]() -> outcome<void> {
            value const& item = me.items[i];
            return to.put(item), outcome<void>{};
        });
        if (written) return true;
        if (!quiet) me.fail(i, written.error());
        return false;
    };
    what.take = [](void* self, std::size_t i, bool good, wire_reader& from) {
        auto& me = *static_cast<all_calls*>(self);
        auto const taken = guarded<outcome<void>>([&]() -> outcome<void> {
            if (!good) return from.get<failure>();
            if constexpr (std::is_void_v<answer>) me.take(i, me.what.took);
            else me.take(i, me.what.took, from.get<answer>());
            return {};
        });
        if (!taken) [[unlikely]] me.fail(i, taken.error());
    };
    if (inline_here()) {
        auto const here = detail::task_here<F, Ps...>(policies, task);
        for (std::size_t i = 0; i != n; ++i) {
            cx.item(i);
            auto const begin = timed ? std::chrono::steady_clock::now() : instant{};
            auto result = cx.stop_requested() ? Result{cx.not_run(cx.interruption())}
                                              : guarded<Result>([&]() -> Result { return detail::call_here<Result, Item>(here, cx, items[i]); });
            std::chrono::nanoseconds const took = timed ? std::chrono::steady_clock::now() - begin : std::chrono::nanoseconds{};
            if (!result) failed(i, took, std::move(result).error());
            else if constexpr (std::is_void_v<answer>) take(i, took);
            else take(i, took, *std::move(result));
        }
        return;
    }
    std::array<std::byte, 256> near;
    std::vector<std::byte> far;
    what.program = program_bytes<Item>(near, far, name, policies, task, what.timed);
    detail::shipping{*keeper_, what, std::min(width, width_), cx}.run();
}

}  // namespace muster
