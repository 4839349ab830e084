#include "catch.hpp"
#include "exec/model.hpp"

#include <cstdint>
#include <string>

// How a stop reaches those who fork, in exec/detail/fork_stack.hpp and `crew::enter`, with what each store and load promises.

using namespace muster::testing;

namespace {

// One stack, which is begun for a run while that run is stopped, and forks twice. The code that forks catches what the first
// fork throws.
struct stopping {
    enum place : std::size_t { stopped, active, wanted, places };
    enum role : std::size_t { forker, stopper, threads };

    seen stopped_is = seen::at_once, active_is = seen::at_once;
    bool answer_acquires = true;    // the exchange in `answer` does, and the wish for a stop releases; else `stopped` may be read before it
    bool stop_stays = true;         // who answers a stop wishes it again
    bool end_clears = true;         // `wanted`; else `begin` does
    bool begin_asks = true;

    enum forker_at : std::uint8_t { clears, activates, asks, wishes, forks, answers, reads_stopped, done };
    enum stopper_at : std::uint8_t { sets, finds, wishes_stop, over };
    struct state {
        memory<places, threads> shared;
        forker_at forker_is;
        stopper_at stopper_is;
        std::uint8_t forked;        // how often
        std::uint8_t early;         // what was read of `stopped` ahead of time, and 2
        std::uint8_t after_stop;    // this fork began when the stop was over
        std::uint8_t lost;
    };

    state start() const { return {}; }
    char const* wrong(state const& now) const { return now.lost ? "a fork does not see the stop" : nullptr; }
    bool is_over(state const& now) const { return now.forker_is == done && now.stopper_is == over; }
    std::string name(std::size_t who) const { return who == forker ? "forker" : "stopper"; }

    void steps(state const& now, auto const& go) const {
        for (std::size_t who = 0; who < threads; ++who)
            if (now.shared.hides(who)) {
                auto next = now;
                next.shared.show_one(who);
                go(next, who, "a store of it is seen");
            }
        stopper_step(now, go);
        forker_step(now, go);
    }
    static void wish_stop(state& next, std::size_t who) {
        next.shared.show_all(who);    // a read-modify-write
        next.shared.store(who, wanted, 1);
    }
    void stopper_step(state next, auto const& go) const {
        auto const to = [&](stopper_at where, char const* what) {
            next.stopper_is = where;
            go(next, stopper, what);
        };
        switch (next.stopper_is) {
        case sets: next.shared.store(stopper, stopped, 1, stopped_is); return to(finds, "sets stopped");
        case finds:
            if (next.shared.load(stopper, active)) return to(wishes_stop, "finds the stack active");
            return to(over, "finds the stack idle");
        case wishes_stop: wish_stop(next, stopper); return to(over, "wishes it to stop");
        case over: return;
        }
    }
    void forker_step(state const& now, auto const& go) const {
        auto next = now;
        auto& shared = next.shared;
        auto const to = [&](forker_at where, char const* what) {
            next.forker_is = where;
            go(next, forker, what);
        };
        auto const next_fork = [&](char const* what) {
            next.early = next.after_stop = 0;
            to(++next.forked < 2 ? forks : done, what);
        };
        switch (now.forker_is) {
        case clears:
            if (!end_clears) shared.store(forker, wanted, 0, seen::later);
            return to(activates, "begins");
        case activates: shared.store(forker, active, 1, active_is); return to(begin_asks ? asks : forks, "is active");
        case asks: return to(shared.load(forker, stopped) ? wishes : forks, "asks for a stop");
        case wishes: wish_stop(next, forker); return to(forks, "wishes itself to stop");
        case forks:
            if (!answer_acquires && now.early == 0) {
                next.early = as_byte(2 + shared.load(forker, stopped));
                to(forks, "reads stopped ahead of time");
                next.early = 0;
            }
            next.after_stop |= now.stopper_is == over && !shared.hides(stopper);
            if (shared.load(forker, wanted)) return to(answers, "forks, sees a wish");
            if (next.after_stop) next.lost = 1;
            return next_fork("forks");
        case answers:
            shared.show_all(forker);
            shared.store(forker, wanted, 0);
            return to(reads_stopped, "answers");
        case reads_stopped:
            if (now.early ? now.early == 3 : shared.load(forker, stopped) == 1) {
                if (stop_stays) wish_stop(next, forker);
                return next_fork("sees that it is stopped, throws");
            }
            if (now.after_stop) next.lost = 1;
            return next_fork("sees no stop");
        case done: return;
        }
    }
};

auto const unseen = "a fork does not see the stop";

void finds(auto const& in, std::string const& what) {
    auto const found = explore(in);
    INFO(found.text());
    CHECK(found.wrong == what);
    CHECK(found.trace.size() > 3);
}

}  // namespace

TEST_CASE("stop, all orders: set at any time it is seen by every later fork", "[exec][model]") {
    for (bool const end_clears : {true, false}) {    // both will do for a stop
        auto const found = explore(stopping{.end_clears = end_clears});
        INFO(found.text());
        CHECK(found.wrong.empty());
        CHECK(found.states > 50);
    }
    finds(stopping{.stop_stays = false}, unseen);
    finds(stopping{.begin_asks = false}, unseen);
}

TEST_CASE("stop, all orders: `stopped` and `active` need seq_cst, and the wish for a stop carries it along", "[exec][model]") {
    finds(stopping{.stopped_is = seen::later}, unseen);
    finds(stopping{.active_is = seen::later}, unseen);
    finds(stopping{.answer_acquires = false}, unseen);
}
