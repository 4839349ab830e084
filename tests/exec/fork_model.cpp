#include "catch.hpp"
#include "exec/model.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

// exec/detail/fork_stack.hpp and what exec/detail/crew.hpp does for it, step by step: fork, wish, share, take, take back, help,
// wait, done, stop; the last by itself in exec/stop_model.cpp. The joiners' bell is what exec/doorbell_model.cpp shows it to be: who looked before a ring does not sleep.
// Idle workers take whatever is offered and wish whenever they like, as those do that look, spin, or sleep for a little while.
// Above 400 lines: what a thread does next is one switch, and reads worse in pieces.

using namespace muster::testing;

namespace {

constexpr std::uint8_t nobody = 0xff;

struct forks {
    static constexpr std::size_t most_forks = 4, most_threads = 3, most_stacks = 5, most_frames = 6;
    enum wish : std::uint8_t { nothing = 0, work = 1, stop = 2 };

    // What is forked: fork 0 is the root's, `inside[i]` says by which side of which fork fork i is opened. In preorder, so that
    // of two on one stack the lower number is the older.
    struct inner {
        std::uint8_t of = nobody;
        bool other_side = false;
    };
    std::size_t threads = 2;
    std::size_t many = 2;
    std::array<inner, most_forks> inside{};
    std::array<bool, most_forks> looked_up{};    // forked by a call that looks up its place: on the second half of the stack
    bool stops = false;                          // somebody requests a stop, at any time

    // What is done wrong.
    bool keeps_place = false;           // shares a fork, and leaves it on the stack
    bool takes_back_blindly = false;    // looks whether a fork is taken, then takes it back in a second step
    bool done_early = false;            // `done` is stored before the answer
    bool touches_late = false;          // reads the fork after `done` was stored
    bool looks_late = false;            // looks at the bell after the last look at `done`
    bool begin_forgets = false;         // `begin` clears `wanted`, not `end`
    bool begin_is_blind = false;        // `begin` does not ask for a stop

    enum place : std::uint8_t { unborn, on_stack, offered, taken, back };
    enum phase : std::uint8_t {
        none,
        // a join
        forks_it, answers, asks_stop, offers, rings_offer, closes, settles, takes_back, asks_done, shares, rings_shared, looks, wishes, helps, asks_again, sleeps,
        ends,
        // a fork that was taken
        wishes_more, begins, activates, asks_for_stop, runs, answered, stores_done, rings_done
    };
    struct frame {
        phase at;
        std::uint8_t fork;
        std::uint8_t unwinding;    // an exception is on its way through it
    };
    struct one_thread {
        std::array<frame, most_frames> frames;
        std::uint8_t depth;
        std::uint8_t rung;         // since it looked
        std::uint8_t asked;        // what its answer took from `wanted`
    };
    struct one_fork {
        place at;
        std::uint8_t left;       // the place on the stack is empty
        std::uint8_t stack;      // whose it is
        std::uint8_t by;         // where whoever took it forks
        std::uint8_t calls;
        std::uint8_t answer;
        std::uint8_t done;
        std::uint8_t gone;       // its joiner has left it
        std::uint8_t longed;     // its joiner wishes for work below it
    };
    struct one_stack {
        std::uint8_t used;
        std::uint8_t wanted;
        std::uint8_t active;
        std::uint8_t of;    // the fork that is run on it
    };
    struct state {
        std::array<one_thread, most_threads> thread;
        std::array<one_fork, most_forks> fork;
        std::array<one_stack, most_stacks> stack;
        std::uint8_t stopped;
        std::uint8_t stopper;    // how far `stop_all` is
        std::uint8_t wrong;

        [[nodiscard]] bool stop_is_over() const { return stopper == 1 + 2 * most_stacks; }
        void ring() {
            for (auto& each : thread)
                if (each.depth != 0) each.rung = each.frames[each.depth - 1u].at >= wishes && each.frames[each.depth - 1u].at <= sleeps;
        }
    };
    enum fault : std::uint8_t { well, twice, too_soon, too_late, lost_wish, lost_stop, not_run };

    state start() const {
        state first{};
        for (auto& each : first.stack) each.of = nobody;
        first.stack[0] = {1, work, 1, nobody};    // `enter` wishes for the first fork
        first.thread[0].frames[0] = {forks_it, 0, 0};
        first.thread[0].depth = 1;
        return first;
    }
    char const* wrong(state const& now) const {
        static constexpr std::array texts{"", "a fork is run twice", "the joiner goes on before the answer is there", "a fork is touched after its joiner has left it",
                                          "a wish is lost", "a fork does not see the stop", "a fork is not run"};
        auto which = now.wrong;
        if (!stops && is_over(now))
            for (std::size_t i = 0; i < many; ++i)
                if (now.fork[i].calls != 1) which = not_run;
        return which == well ? nullptr : texts[which];
    }
    bool is_over(state const& now) const {
        return std::all_of(now.thread.begin(), now.thread.end(), [](auto const& each) { return each.depth == 0; });
    }
    std::string name(std::size_t who) const {
        return who == 0 ? "caller" : who == most_threads ? "stopper" : "worker " + std::to_string(who);
    }

    void steps(state const& now, auto const& go) const {
        for (std::size_t who = 0; who < threads; ++who) {
            if (auto const depth = now.thread[who].depth; depth != 0) step(now, who, go);
            else if (who != 0) idle(now, who, go);
        }
        if (stops) stop_all(now, go);
    }

    // Whoever has nothing to do.
    void idle(state const& now, std::size_t who, auto const& go) const {
        for (std::size_t i = 0; i < many; ++i)
            if (now.fork[i].at == offered) take(now, who, i, go);
        for (auto const& each : now.stack)
            if (each.active && each.wanted == nothing) {
                auto next = now;
                next.stack[as_byte(&each - now.stack.data())].wanted = work;
                go(next, who, "wishes for work");
            }
    }
    void take(state const& now, std::size_t who, std::size_t which, auto const& go) const {
        auto next = now;
        auto const free = std::find_if(next.stack.begin(), next.stack.end(), [](auto const& each) { return !each.used; });
        free->used = 1;
        free->of = as_byte(which);
        next.fork[which].at = taken;
        next.fork[which].by = as_byte(free - next.stack.begin());
        next.thread[who].rung = 0;
        push(next.thread[who], {wishes_more, as_byte(which), 0});
        go(next, who, texts_of_take[which]);
    }
    static constexpr std::array<char const*, most_forks> texts_of_take{"takes fork 0", "takes fork 1", "takes fork 2", "takes fork 3"};

    void stop_all(state const& now, auto const& go) const {
        if (now.stop_is_over()) return;
        auto next = now;
        auto const which = static_cast<std::size_t>((now.stopper + 1) / 2 - 1);
        if (now.stopper == 0) {
            next.stopped = 1;
            next.stopper = 1;
            return go(next, most_threads, "sets stopped");
        }
        if (now.stopper % 2 == 1) {
            next.stopper = as_byte(now.stopper + (now.stack[which].active ? 1 : 2));
            return go(next, most_threads, now.stack[which].active ? "finds a stack active" : "finds a stack idle");
        }
        next.stack[which].wanted |= stop;
        ++next.stopper;
        go(next, most_threads, "wishes it to stop");
    }

    static void push(one_thread& on, frame one) { on.frames[on.depth++] = one; }
    static void pop(one_thread& on) {
        auto const last = std::exchange(on.frames[--on.depth], frame{});
        if (last.unwinding && on.depth != 0) on.frames[on.depth - 1u].unwinding = 1;
    }
    // Opens the fork inside a side of `of`, if there is one.
    void call(one_thread& by, std::size_t of, bool other_side) const {
        for (std::size_t i = 0; i < many; ++i)
            if (inside[i].of == of && inside[i].other_side == other_side) push(by, {forks_it, as_byte(i), 0});
    }
    [[nodiscard]] bool is_below(std::size_t which, std::size_t top) const {    // in the side of it that others may take
        for (auto at = inside[which]; at.of != nobody; at = inside[at.of])
            if (at.of == top) return at.other_side;
        return false;
    }
    // The oldest on this half of the stack that has its place still, or `many`.
    [[nodiscard]] std::size_t oldest(state const& now, std::size_t stack, bool second_half) const {
        for (std::size_t i = 0; i < many; ++i)
            if (now.fork[i].at == on_stack && now.fork[i].stack == stack && looked_up[i] == second_half) return i;
        return many;
    }
    void offer(state& next, std::size_t which) const {
        next.fork[which].at = offered;
        next.fork[which].left = !keeps_place;
    }

    void step(state const& now, std::size_t who, auto const& go) const {
        auto next = now;
        auto& me = next.thread[who];
        auto& top = me.frames[me.depth - 1u];
        auto& one = next.fork[top.fork];
        auto const mine = stack_of(now, who);
        auto& stack = next.stack[mine];
        auto const to = [&](phase where, char const* what) {
            top.at = where;
            go(next, who, what);
        };
        auto const left_side = [&](char const* what) {
            top.at = closes;
            call(me, top.fork, false);
            go(next, who, what);
        };
        auto const other_side = [&](char const* what) {    // on this thread
            if (top.unwinding) {
                one.at = back;
                pop(me);
                return go(next, who, "drops it");
            }
            one.at = back;
            if (++one.calls > 1) next.wrong = twice;
            top.at = ends;
            call(me, top.fork, true);
            go(next, who, what);
        };
        auto const go_on = [&](char const* what) {    // it was run elsewhere
            if (!one.answer) next.wrong = too_soon;
            one.gone = 1;
            one.longed = 0;
            me.rung = 0;
            pop(me);
            go(next, who, what);
        };
        auto const touch = [&] {
            if (one.gone) next.wrong = too_late;
        };
        switch (top.at) {
        case none: return;
        case forks_it:
            one = {};
            one.at = on_stack;
            one.stack = as_byte(mine);
            if (stack.wanted != nothing) return to(answers, "forks, sees a wish");
            if (now.stop_is_over()) next.wrong = lost_stop;
            if (stack.of != nobody && next.fork[stack.of].longed) next.wrong = lost_wish;
            return left_side("forks");
        case answers:
            me.asked = std::exchange(stack.wanted, as_byte(nothing));
            if (stack.of != nobody) next.fork[stack.of].longed = 0;
            return to(asks_stop, "answers");
        case asks_stop:
            if (now.stopped) {
                me.asked = 0;
                top.unwinding = 1;
                one.at = back;
                stack.wanted |= stop;    // for the next fork too
                pop(me);
                return go(next, who, "sees that it is stopped, throws");
            }
            if (std::exchange(me.asked, as_byte(nothing)) & work) return to(offers, "sees no stop");
            return left_side("sees no stop");
        case offers:
            offer(next, oldest(now, mine, looked_up[top.fork]));
            return to(rings_offer, "offers its oldest fork");
        case rings_offer: next.ring(); return left_side("rings");
        case closes:
            if (!one.left) return other_side("finds its place as it was, calls the other side");
            return to(settles, "finds its place empty");
        case settles:
            if (one.at == taken) return to(asks_done, "sees that it was taken");
            if (takes_back_blindly) return to(takes_back, "sees that it was not taken");
            return other_side("takes it back, calls the other side");
        case takes_back: return other_side("takes it back, calls the other side");
        case asks_done:
            if (one.done) return go_on("finds it done");
            return to(oldest(now, mine, true) != many ? shares : looks_late ? wishes : looks, "finds it not done");
        case shares: offer(next, oldest(now, mine, true)); return to(rings_shared, "shares what it has");
        case rings_shared:
            next.ring();
            return to(oldest(now, mine, true) != many ? shares : looks_late ? wishes : looks, "rings");
        case looks: me.rung = 0; return to(looks_late ? sleeps : wishes, "looks");
        case wishes:
            next.stack[one.by].wanted |= work;
            one.longed = !one.done;
            return to(helps, "wishes for work below it");
        case helps: {
            bool found = false;
            top.at = asks_done;
            for (std::size_t i = 0; i < many; ++i)
                if (now.fork[i].at == offered && is_below(i, top.fork)) {
                    take(next, who, i, go);
                    found = true;
                }
            if (!found) to(asks_again, "finds nothing below it");
            return;
        }
        case asks_again:
            if (one.done) return go_on("finds it done");
            return to(looks_late ? looks : sleeps, "finds it not done");
        case sleeps:
            if (!me.rung) return;
            me.rung = 0;
            return to(asks_done, "is awake");
        case ends:
            one.gone = 1;
            pop(me);
            return go(next, who, "ends the join");

        case wishes_more:
            touch();
            next.stack[one.stack].wanted |= work;
            return to(begin_forgets ? begins : activates, "wishes for the next one");
        case begins: stack.wanted = nothing; return to(activates, "clears the wishes");
        case activates: stack.active = 1; return to(begin_is_blind ? runs : asks_for_stop, "begins");
        case asks_for_stop:
            if (now.stopped) stack.wanted |= stop;
            return to(runs, "asks for a stop");
        case runs:
            if (++one.calls > 1) next.wrong = twice;
            top.at = answered;
            call(me, top.fork, true);
            return go(next, who, "calls the fork");
        case answered:
            touch();
            if (done_early && !one.done) {
                one.done = 1;
                return to(answered, "stores done");
            }
            one.answer = 1;
            top.unwinding = 0;    // the exception is the answer
            stack.active = 0;
            if (!begin_forgets) stack.wanted = nothing;
            return to(done_early ? rings_done : stores_done, "answers the fork");
        case stores_done:
            one.done = 1;
            return to(rings_done, "stores done");
        case rings_done:
            if (touches_late) touch();
            next.ring();
            stack = {0, stack.wanted, 0, nobody};
            pop(me);
            return go(next, who, "rings");
        }
    }
    // Where it forks: on that of the innermost fork that it took.
    static std::size_t stack_of(state const& now, std::size_t who) {
        auto const& frames = now.thread[who].frames;
        for (auto i = now.thread[who].depth; i-- != 0;)
            if (frames[i].at >= wishes_more) return now.fork[frames[i].fork].by;
        return 0;
    }
};

constexpr auto left = forks::inner{0, false};
constexpr auto right = forks::inner{0, true};
std::array const two_on_the_left{forks::inner{}, left, forks::inner{1, false}, forks::inner{}};
std::array const one_on_each_side{forks::inner{}, left, right, forks::inner{}};
std::array const three_below_each_other{forks::inner{}, right, forks::inner{1, true}, forks::inner{}};

std::vector<forks> all_shapes() {
    return {
        {.threads = 2, .many = 3, .inside = two_on_the_left},
        {.threads = 2, .many = 3, .inside = two_on_the_left, .looked_up = {true, false, true}},
        {.threads = 2, .many = 3, .inside = two_on_the_left, .looked_up = {false, true, false}},
        {.threads = 2, .many = 4, .inside = {{{}, left, right, {2, true}}}},
        {.threads = 3, .many = 3, .inside = three_below_each_other},
        {.threads = 3, .many = 3, .inside = one_on_each_side},
    };
}

auto const forever = "somebody waits for ever";
auto const unseen = "a fork does not see the stop";

void finds(auto const& in, std::string const& what) {
    auto const found = explore(in);
    INFO(found.text());
    CHECK(found.wrong == what);
    CHECK(found.trace.size() > 3);
}

}  // namespace

TEST_CASE("forks, all orders: each is run once, and its joiner goes on after it and never waits for ever", "[exec][model]") {
    for (auto const& shape : all_shapes()) {
        auto const found = explore(shape);
        INFO(found.text());
        CHECK(found.wrong.empty());
        CHECK(found.states > 1'000);
    }
}

TEST_CASE("forks, all orders: after a stop no fork goes on, on any thread, and nobody is left behind", "[exec][model]") {
    for (auto const& inside : {two_on_the_left, one_on_each_side, three_below_each_other}) {
        auto const found = explore(forks{.threads = 2, .many = 3, .inside = inside, .stops = true});
        INFO(found.text());
        CHECK(found.wrong.empty());
        CHECK(found.states > 10'000);
    }
}

TEST_CASE("forks, all orders: what is done wrong is found", "[exec][model]") {
    forks const few{.threads = 2, .many = 2, .inside = {{{}, right}}};
    finds(with(few, [](forks& p) { p.keeps_place = true; }), "a fork is run twice");
    finds(with(few, [](forks& p) { p.takes_back_blindly = true; }), "a fork is run twice");
    finds(with(few, [](forks& p) { p.done_early = true; }), "the joiner goes on before the answer is there");
    finds(with(few, [](forks& p) { p.touches_late = true; }), "a fork is touched after its joiner has left it");
    finds(with(few, [](forks& p) { p.looks_late = true; }), forever);
    finds(with(few, [](forks& p) { p.begin_forgets = true; }), "a wish is lost");    // of a joiner that came before `begin`
    finds(with(few, [](forks& p) { p.stops = p.begin_is_blind = true; }), unseen);
}
