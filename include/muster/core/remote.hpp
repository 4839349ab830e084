#pragma once

#include <cstddef>        // byte
#include <cstdint>        // uint64_t
#include <memory>         // unique_ptr
#include <span>           // room
#include <string>         // name
#include <tuple>          // policies
#include <type_traits>    // conditional
#include <utility>        // move
#include <vector>         // bytes

#include <muster/core/chain.hpp>          // chain
#include <muster/core/concepts.hpp>       // result_of
#include <muster/core/context.hpp>        // context
#include <muster/core/invoke_task.hpp>    // invoke_task, guarded
#include <muster/core/outcome.hpp>        // outcome
#include <muster/core/portable.hpp>       // put_policy
#include <muster/core/stage.hpp>          // stage
#include <muster/core/wire.hpp>           // wire_writer, wire_reader

// A stage that is called elsewhere: what travels once (its policies and the values of its task), what travels each time (the item, the
// answer), and the function that knows the types on the other side. Runners move the bytes; nothing here knows how.

namespace muster::detail {

/// Where a worker writes an answer.
struct answer_room {
    void* self;
    std::span<std::byte> (*first)(void* self);                          // what is at hand
    std::span<std::byte> (*enough)(void* self, std::size_t size);       // where that is too little; throws bad_outcome
    std::size_t size = 0;                                               // what was written, to the last of the two

    template <class T>
    void put(T const& value) {
        auto const room = first(self);
        wire_writer to{room.data(), room.size()};
        to.put(value);
        if (!to.fits()) {
            auto const more = enough(self, to.size());
            wire_writer again{more.data(), more.size()};
            again.put(value);
        }
        size = to.size();
    }
};

/// What can be done with a program of a type that the caller does not know.
struct remote_face {
    std::uint64_t fingerprint;    // of all that travels
    void* (*open)(wire_reader& from, function_travel const& how);    // throws bad_outcome
    void (*close)(void* program) noexcept;
    /// True: the value is written; false: a failure is. Throws nothing but what `room` throws.
    bool (*call)(void* program, context& cx, wire_reader& item, answer_room& to);
};

template <class F, class... Ps>
struct travelling {    // what is called in the end
    using type = stage<chain<Ps...>, F>;
};
template <class F>
struct travelling<F> { using type = F; };

/// True where all of a call can go to another process; else it does not compile, and says what to write.
template <class Item, class F, class... Ps>
consteval bool can_go() {
    constexpr bool policies = (is_portable_policy<Ps> && ...);
    static_assert(policies, "muster: a policy here names something of this process (a gate, a cache, an executor, an observer), which another "
                            "one has not: write it left of isolate{pool}, or below on{threads} | policy | isolate{pool}");
    constexpr bool task = transportable_callable<F>;
    constexpr bool captures = kind_of_callable<F>() == callable_kind::captures;    // the one that everybody meets is said here: it is shorter
    static_assert(!captures, "muster: this lambda captures; write with{values..., [](item, values...){...}}");
    if constexpr (!task && !captures) require_transportable_callable<F>();
    constexpr bool item = can_travel<std::remove_cvref_t<Item>>;
    static_assert(item, "muster: the items cannot travel to another process: give them what owns its data (std::string for string_view "
                        "and char const*, std::vector for span and pointers), or specialise muster::wire<T>");
    if constexpr (policies && task && item) {
        using value = typename result_of<typename travelling<F, Ps...>::type, Item&&>::value_type;
        if constexpr (std::is_void_v<value>) return true;
        else {
            static_assert(can_travel<value>, "muster: what the task answers cannot travel to another process: answer what owns its data "
                                             "(std::string for string_view, std::vector for span and pointers), or specialise muster::wire<T>");
            return can_travel<value>;
        }
    } else {
        return false;
    }
}

/// A task with its policies, for items of one type; the reference that it is called with here is the one that it is called with there, to
/// the worker's own copy.
template <class Item, class F, class... Ps>
struct remote_program {
    using task = typename travelling<F, Ps...>::type;
    using item_value = std::remove_cvref_t<Item>;
    using result = result_of<task, Item&&>;
    using value = typename result::value_type;
    static constexpr bool answers = !std::is_void_v<value>;

    task call;

    static void put(wire_writer& to, std::tuple<Ps const&...> policies, F const& task, function_travel const& how) {
        std::apply([&](auto const&... each) { (put_policy(to, each, how), ...); }, policies);
        put_callable(to, task, how.put);
    }

    static remote_face const* face() noexcept {
        static constexpr remote_face mine{fingerprint(), &open, &close, &run};
        return &mine;
    }

private:
    template <class T>
    static constexpr std::uint64_t mark() {
        if constexpr (transportable<T>) return wire_fingerprint<T>;
        else return sizeof(T);
    }
    static constexpr std::uint64_t fingerprint() {
        std::uint64_t all = wire_fingerprint<item_value>;
        auto const add = [&all](std::uint64_t one) { all = (all * 0x9e3779b97f4a7c15) ^ one; };
        if constexpr (answers) add(wire_fingerprint<value>);
        (add(sizeof(Ps)), ...);
        add(mark<F>());
        return all;
    }
    static void* open(wire_reader& from, function_travel const& how) {
        if constexpr (sizeof...(Ps) == 0) {
            return new remote_program{get_callable<F>(from, how.get)};
        } else {
            std::tuple<Ps...> policies{get_policy<Ps>(from, how)...};
            return new remote_program{task{chain<Ps...>{std::move(policies)}, get_callable<F>(from, how.get)}};
        }
    }
    static void close(void* program) noexcept { delete static_cast<remote_program*>(program); }

    static bool run(void* program, context& cx, wire_reader& from, answer_room& to) {
        auto const& me = *static_cast<remote_program const*>(program);
        auto answer = guarded<result>([&]() -> result {
            auto item = from.get<item_value>();
            if (from.left() != 0) from.refuse("bytes are left over behind the item");
            return invoke_task(me.call, cx, static_cast<Item&&>(item));
        });
        if (answer.has_value()) [[likely]] {
            if constexpr (!answers) return to.size = 0, true;
            else {
                auto written = guarded<outcome<void>>([&]() -> outcome<void> { return to.put(*answer), outcome<void>{}; });
                if (written.has_value()) return true;
                answer = std::move(written).error();
            }
        }
        cx.stamp(answer.error());
        to.put(answer.error());
        return false;
    }
};

}  // namespace muster::detail
