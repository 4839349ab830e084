#include "exec/model.hpp"

#include "catch.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

using namespace muster::testing;

// What is weaker than seq_cst in exec/, and what it meets. "Hint": no other memory hangs on it, and seen late it costs time only.
// Modelled: (b) in doorbell_model.cpp, (f) in fork_model.cpp, (s) in stop_model.cpp.
//
//   where         what                          order    partner
//   doorbell      ring: rung = 1                release  is_rung, acquire. What was done before the ring is seen by who was woken   (b)
//   doorbell      is_rung                       acquire  the store in ring                                                       (b)
//   fork_stack    open_fork: wanted             relaxed  hint: a wish is seen by a later fork. Not so a stop, see `answer`         (f) (s)
//   fork_stack    end: active = false           relaxed  hint: a stop wishes in vain
//   fork_stack    end: wanted = nothing         relaxed  hint: who wants work asks again; a stop is seen by the next `begin`     (f)
//   fork_stack    wish: wanted |= what          release  the exchange in `answer`: it sees what the wish is about               (s)
//   fork_stack    answer: exchange of wanted    acquire  the release of `wish`: `stopped` is not read before it                 (s)
//   crew          run_fork: done = true         release  the acquires in settle and await: the answer is seen                      (f)
//   crew          settle, await: done           acquire  the store in run_fork                                                    (f)
//   crew          grain_, in four places        relaxed  hint; a lost update is one lesson less
//   crew          look_for_work: active , wanted  relaxed  hints: a wish in vain, or one that comes a round later                    (f)
//   crew          look_for_work: offers_        relaxed  hint: the queue's mutex hands the fork over
//   crew          started(), refused()         relaxed  statistics; the loops over the queues load `started_` seq_cst
//   crew          loop.offered = false          relaxed  none: nobody knows the loop yet
//   crew          loop.offered                  relaxed  hint, in wait_until and work_off: the exchange in `offer` decides
//   crew          loop.next += chunk            relaxed  none: items are handed over by the mutex of the queue, and back by `inside`
//   estimate      bits_, in three places        relaxed  hint: one word says all
//
// What is seq_cst and has to be, since each of two stores one thing and then loads the other: `asleep_` and `rings_` (b);
// `stopped` and `active` (s); `running_` and `offers_` in leave and worker, by way of the bell. What is announced by a ring
// (`offers_`, `done`, a queue) need not be: the ring orders it (b).

namespace {

// Two threads, each of which raises its flag and then looks at that of the other: at most one may find it down.
struct dekker {
    seen how = seen::at_once;
    struct state {
        memory<2, 2> flags;
        std::array<std::uint8_t, 2> at;
        std::array<std::uint8_t, 2> alone;
    };
    state start() const { return {}; }
    char const* wrong(state const& now) const { return now.alone[0] && now.alone[1] ? "both are alone" : nullptr; }
    bool is_over(state const& now) const { return now.at[0] == 2 && now.at[1] == 2; }
    std::string name(std::size_t who) const { return who == 0 ? "a" : "b"; }
    void steps(state const& now, auto const& go) const {
        for (std::size_t who = 0; who < 2; ++who) {
            auto next = now;
            if (now.at[who] == 0) {
                next.flags.store(who, who, 1, how);
                next.at[who] = 1;
                go(next, who, "raises its flag");
            } else if (now.at[who] == 1) {
                next.alone[who] = next.flags.load(who, 1 - who) == 0;
                next.at[who] = 2;
                go(next, who, "looks");
            }
            if (!now.flags.hides(who)) continue;
            next = now;
            next.flags.show_one(who);
            go(next, who, "a store of it is seen");
        }
    }
};

// Two locks that two threads take, in the same order or not.
struct two_locks {
    bool crossed;
    struct state {
        std::array<std::uint8_t, 2> owner;    // from 1
        std::array<std::uint8_t, 2> has;
    };
    state start() const { return {}; }
    char const* wrong(state const&) const { return nullptr; }
    bool is_over(state const& now) const { return now.has[0] == 3 && now.has[1] == 3; }
    std::string name(std::size_t who) const { return who == 0 ? "a" : "b"; }
    void steps(state const& now, auto const& go) const {
        for (std::size_t who = 0; who < 2; ++who) {
            auto next = now;
            if (now.has[who] == 2) {
                for (auto& each : next.owner) each = 0;
                next.has[who] = 3;
                go(next, who, "unlocks both");
            } else if (now.has[who] < 2) {
                auto const which = now.has[who] ^ (crossed ? who : 0u);
                if (now.owner[which] != 0) continue;
                next.owner[which] = as_byte(who + 1);
                ++next.has[who];
                go(next, who, which == 0 ? "locks 0" : "locks 1");
            }
        }
    }
};

// Turns for ever between two states; may leave by a door, if there is one. Wrong behind so many steps, the short way or the long.
struct wheel {
    bool door;
    std::uint8_t wrong_at = 0xff;
    using state = std::array<std::uint8_t, 1>;
    state start() const { return {}; }
    char const* wrong(state const& now) const { return now[0] == wrong_at ? "there" : nullptr; }
    bool is_over(state const& now) const { return now[0] >= 8; }
    std::string name(std::size_t) const { return "it"; }
    void steps(state const& now, auto const& go) const {
        if (now[0] >= 8) return;
        go(state{as_byte((now[0] + 1) % 8)}, 0, "turns by one");
        go(state{as_byte((now[0] + 3) % 8)}, 0, "turns by three");
        if (door && now[0] == 5) go(state{8}, 0, "leaves");
    }
};

}  // namespace

TEST_CASE("model: a store that is seen late is told from one that is seen at once", "[exec][model]") {
    CHECK(explore(dekker{}).wrong.empty());
    auto const found = explore(dekker{.how = seen::later});
    CHECK(found.wrong == "both are alone");
    CHECK(found.trace.size() == 4);    // each raises, each looks: neither store need be seen
}

TEST_CASE("model: locks taken crosswise are seen to block for ever, those in one order not", "[exec][model]") {
    CHECK(explore(two_locks{.crossed = false}).wrong.empty());
    auto const found = explore(two_locks{.crossed = true});
    CHECK(found.wrong == "somebody waits for ever");
    CHECK(found.trace == std::vector<std::string>{"a: locks 0", "b: locks 1"});
}

TEST_CASE("model: going round for ever without a way out is found, with one it is not", "[exec][model]") {
    CHECK(explore(wheel{.door = true}).wrong.empty());
    CHECK(explore(wheel{.door = true}).states == 9);
    CHECK(explore(wheel{.door = false}).wrong == "somebody waits for ever");
}

TEST_CASE("model: the trace is the shortest", "[exec][model]") {
    auto const found = explore(wheel{.door = true, .wrong_at = 4});
    CHECK(found.wrong == "there");
    CHECK(found.trace.size() == 2);
}

TEST_CASE("model: stores are seen in their order, and by their own thread at once", "[exec][model]") {
    memory<2, 2> m;
    m.store(0, 0, 5, seen::later);
    m.add(0, 0, 2, seen::later);
    m.store(0, 1, 1, seen::later);
    CHECK(m.load(0, 0) == 7);
    CHECK(m.load(1, 0) == 0);
    m.show_one(0);
    CHECK(m.load(1, 0) == 5);
    m.add(1, 0, 10);
    CHECK(m.load(0, 0) == 17);    // an addition adds to what is there when it is seen
    CHECK(m.load(1, 1) == 0);
    m.store(0, 1, 2);    // seq_cst: with all before it
    CHECK(m.load(1, 0) == 17);
    CHECK(m.load(1, 1) == 2);
    CHECK_FALSE(m.hides(0));
}
