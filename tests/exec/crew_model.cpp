#include "catch.hpp"
#include "exec/model.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>

// What exec/detail/crew.hpp does to have as many threads awake as there is work and room for: post into the inbox, summon where it
// was empty, enter, empty the inbox, pass on, lend a place while a job waits, sleep, close. The bell is what exec/doorbell_model.cpp shows it to be: who looked before a ring does
// not sleep, and a ring for one wakes one of those that sleep, whichever. All steps are seq_cst, as they are in the header.

using namespace muster::testing;

namespace {

constexpr std::uint8_t nothing = 0xff;

struct crew {
    static constexpr std::size_t most_workers = 3, most_jobs = 3;

    struct job {
        std::uint8_t waits_for = nothing;    // a job: it waits in a policy until that one has run
        bool blocks = false;                 // waits for it without the crew's knowing
        bool is_fork = false;                // offered by a caller that forks: nobody is summoned, and it needs room beside that caller
    };
    std::size_t width = 1;
    std::size_t spares = 1;
    std::size_t jobs = 2;
    std::array<job, most_jobs> each{};
    bool visited = false;    // by a caller that forks; it takes its fork back where nobody took it
    bool started = false;    // as many as the width are there from the beginning, awake
    std::size_t resized_to = 0;    // the width that the caller makes it when all is posted; 0: it stays
    bool patient = false;          // closed when all has run, so that no ring but those for work can bring a job to a thread

    bool relies_on_bell = false;    // a worker that has freed its place does not look at `offers_` again

    // What is done wrong.
    bool looks_late = false;          // a worker looks at the bell after it has looked for work
    bool leaves_silently = false;     // who lends its place summons nobody
    bool passes_nothing_on = false;   // who takes a job does not look whether there is more
    bool ends_silently = false;       // the last does not ring when the crew is closed
    bool forgets_the_inbox = false;   // work is only what is counted
    bool searcher_trusts = false;     // who has searched in vain does not look once more, when it has said so
    bool grows_silently = false;      // who makes it wider rings, and starts nobody
    bool visitor_leaves_silently = false;    // who has forked and goes summons nobody
    bool turns_in_vain = false;       // tries again as long as something is offered, be there room for it or not

    enum at_worker : std::uint8_t {
        unborn, looks, enters, enlists, takes, opens_box, starts_search, searches, ends_search, looks_once_more, looks_once_more_box, adds, passes_on, passes_on_box, checks_room, rings_on, runs, absents, unruns, checks_offers, checks_box, rings_away, waits, returns, unabsents, done_with_it,
        asks_searcher, counts, counts_absent, starts, frees_place, unlists, looks_again, looks_again_box, asks_room, closes, asks_offers, asks_box, asks_busy, rings_all, looks_after, sleeps, gone
    };
    enum at_caller : std::uint8_t {
        posts, summons, caller_rings, caller_counts, caller_counts_absent, caller_starts, resizes, resized_box, resized_rings, takes_back, stops_visiting, asks_box_again, summons_others, awaits,
        closing, rings_closing, over
    };

    struct worker {
        at_worker at;
        at_worker then;          // after a summons
        std::uint8_t job;
        std::uint8_t rest;       // of what was in the inbox
        std::uint8_t rung;       // since it looked
        std::uint8_t seen;       // what it has counted so far
        std::uint8_t in_vain;    // turns without anybody else's doing
    };
    struct state {
        std::array<worker, most_workers> of;
        at_caller caller;
        std::uint8_t next_job, caller_seen;
        std::uint8_t boxed, offered, ran;    // a bit for each job
        std::uint8_t offers, running, absent, busy, visitors, threads, closed, width, searching;
        std::uint8_t spins, crowded;
    };

    state start() const {
        state first{};
        for (auto& each_worker : first.of) each_worker.job = nothing;
        first.visitors = visited;
        first.width = as_byte(width);
        if (started)
            for (; first.threads < width; ++first.threads) first.of[first.threads].at = looks;
        return first;
    }
    char const* wrong(state const& now) const { return now.spins ? "a worker turns in vain" : now.crowded ? "a job is run twice" : nullptr; }
    bool is_over(state const& now) const {
        if (now.caller != over || now.ran != (1u << jobs) - 1) return false;
        for (auto const& one : now.of)
            if (one.at != unborn && one.at != gone) return false;
        return true;
    }
    std::string name(std::size_t who) const { return who == most_workers ? "caller" : "worker " + std::to_string(who); }

    void steps(state const& now, auto const& go) const {
        for (std::size_t i = 0; i < most_workers; ++i) worker_steps(now, i, go);
        caller_steps(now, go);
    }

    [[nodiscard]] bool left_in_box(state const& now) const { return now.boxed != 0 && !forgets_the_inbox; }
    static constexpr std::size_t all = ~std::size_t{0};
    // A ring: `go_on` with each of the sleepers that it may wake.
    static void ring(state next, std::size_t how_many, auto const& go_on) {
        for (auto& one : next.of)
            if (one.at >= enters && one.at < sleeps) one.rung = 1;
        if (how_many == all)
            for (auto& one : next.of)
                if (one.at == sleeps) one.at = looks;
        bool any = false;
        for (std::size_t i = 0; i < most_workers; ++i) {
            if (next.of[i].at != sleeps) continue;
            any = true;
            auto woken = next;
            woken.of[i].at = looks;
            go_on(woken);
        }
        if (!any) go_on(next);
    }
    [[nodiscard]] bool may_start(state const& now) const {
        auto const taken = static_cast<std::size_t>(now.running + now.absent);
        return now.threads <= taken && now.threads < now.width + std::min<std::size_t>(spares, now.absent) && now.threads < most_workers;
    }
    static void start_one(state& next) { next.of[next.threads++].at = looks; }

    void worker_steps(state const& now, std::size_t i, auto const& go_to) const {
        auto next = now;
        auto& me = next.of[i];
        auto const go = [&](state to, char const* what) {
            for (std::size_t other = 0; other < most_workers; ++other)
                if (other != i) to.of[other].in_vain = 0;
            go_to(to, i, what);
        };
        auto const to = [&](at_worker where, char const* what) {
            me.at = where;
            go(next, what);
        };
        auto const summon = [&](at_worker afterwards) {    // unless somebody looks for work anyway: a ring; the count and perhaps a start follow
            if (now.searching) return to(afterwards, "sees somebody search");
            next.of[i].then = afterwards;
            return to(asks_searcher, "sees nobody search");
        };
        switch (me.at) {
        case unborn: case gone: return;
        case looks: me.rung = 0; return to(enters, "looks");
        case enters:
            if (now.running >= now.width) return to(closes, "finds no place");
            ++next.running;
            return to(enlists, "enters");
        case enlists: ++next.busy; return to(takes, "is busy");
        case takes:
            for (std::size_t j = 0; j < jobs; ++j) {
                if (!(now.offered >> j & 1) || (each[j].is_fork && now.running + now.visitors > now.width)) continue;
                next.offered ^= as_byte(1u << j);
                --next.offers;
                me.job = as_byte(j);
                me.in_vain = 0;
                return to(passes_nothing_on ? runs : passes_on, "takes a job");
            }
            return to(opens_box, "finds nothing to take");
        case opens_box:
            if (now.boxed == 0) return to(starts_search, "finds the inbox empty");
            me.job = as_byte(static_cast<unsigned>(std::countr_zero(now.boxed)));
            me.rest = as_byte(now.boxed & (now.boxed - 1u));
            next.boxed = 0;
            me.in_vain = 0;
            return to(me.rest ? adds : passes_nothing_on ? runs : passes_on, "empties the inbox");
        case starts_search:
            if (now.searching) return to(frees_place, "sees another one search");
            next.searching = 1;
            return to(searches, "begins to search");
        case searches:
            if (now.offers != 0 || left_in_box(now)) to(ends_search, "sees work");
            me.in_vain = 0;
            next.of[i].rest = 1;
            return to(ends_search, "gives up");
        case ends_search: {
            next.searching = 0;
            bool const found = !std::exchange(me.rest, as_byte(0u));
            return to(found ? takes : searcher_trusts ? frees_place : looks_once_more, "searches no more");
        }
        case looks_once_more: return to(now.offers != 0 ? takes : looks_once_more_box, "looks once more");
        case looks_once_more_box: return to(left_in_box(now) ? takes : frees_place, "looks into the inbox once more");
        case adds:
            next.offered |= now.of[i].rest;
            next.offers = as_byte(next.offers + std::popcount(now.of[i].rest));
            me.rest = 0;
            return to(passes_nothing_on ? runs : passes_on, "offers the rest of it");
        case passes_on: return to(now.offers != 0 ? checks_room : passes_on_box, "looks whether more is offered");
        case passes_on_box: return to(left_in_box(now) ? checks_room : runs, "looks whether more is in the inbox");
        case checks_room: return to(now.running < now.width ? rings_on : runs, "looks whether there is room");
        case rings_on: return summon(runs);
        case runs:
            if (auto const for_what = each[me.job].waits_for; for_what != nothing && !(now.ran >> for_what & 1)) {
                if (!each[me.job].blocks) to(absents, "has to wait");
                return;
            }
            return to(done_with_it, "runs its job");
        case absents: ++next.absent; return to(unruns, "is absent");
        case unruns: --next.running; return to(leaves_silently ? waits : checks_offers, "lends its place");
        case checks_offers: return to(now.offers != 0 ? rings_away : checks_box, "looks whether something is offered");
        case checks_box: return to(left_in_box(now) ? rings_away : waits, "looks into the inbox");
        case rings_away: return summon(waits);
        case waits:
            if (now.ran >> each[me.job].waits_for & 1) to(returns, "has waited");
            return;
        case returns:
            ++next.running;    // first: it is never taken for a free one in between
            return to(unabsents, "comes back");
        case unabsents:
            --next.absent;
            return to(done_with_it, "is back");
        case done_with_it:
            if (now.ran >> me.job & 1) next.crowded = 1;
            next.ran |= as_byte(1u << me.job);
            me.job = nothing;
            return to(now.running > now.width ? frees_place : takes, "is done with it");

        case asks_searcher:
            me.at = counts;
            return ring(next, 1, [&](state const& rung) { go(rung, "rings for one"); });
        case counts: me.seen = now.running; return to(counts_absent, "counts who runs");
        case counts_absent: me.seen = as_byte(me.seen + now.absent); return to(starts, "counts the absent");
        case starts:
            if (now.threads <= me.seen && may_start(now)) start_one(next);
            me.seen = 0;
            return to(std::exchange(me.then, unborn), "starts a thread if none is free");

        case frees_place: --next.running; return to(unlists, "frees its place");
        case unlists: --next.busy; return to(relies_on_bell ? closes : looks_again, "is not busy");
        case looks_again: return to(now.offers != 0 ? asks_room : looks_again_box, "looks whether something is offered");
        case looks_again_box: return to(left_in_box(now) ? asks_room : closes, "looks into the inbox");
        case asks_room:
            if (now.running + (turns_in_vain ? 0 : now.visitors) >= now.width) return to(closes, "sees no room");
            if (me.in_vain == 2) next.spins = 1;
            else ++me.in_vain;
            return to(looks, "tries again");
        case closes: return to(now.closed ? asks_offers : looks_late ? looks_after : sleeps, "asks whether it is over");
        case asks_offers: return to(now.offers == 0 ? asks_box : sleeps, "asks what is left");
        case asks_box: return to(left_in_box(now) ? sleeps : asks_busy, "asks what is in the inbox");
        case asks_busy: return to(now.busy == 0 ? (ends_silently ? gone : rings_all) : sleeps, "asks who is busy");
        case rings_all:
            me.at = gone;
            me.rung = 0;
            return ring(next, all, [&](state const& rung) { go(rung, "rings for all, ends"); });
        case looks_after: me.rung = 0; return to(sleeps, "looks");
        case sleeps:
            if (me.rung) to(looks, "is rung");
            return;
        }
    }

    void caller_steps(state const& now, auto const& go_to) const {
        auto next = now;
        auto const go = [&](state to, char const* what) {
            for (auto& one : to.of) one.in_vain = 0;
            go_to(to, most_workers, what);
        };
        auto const to = [&](at_caller where, char const* what) {
            next.caller = where;
            go(next, what);
        };
        auto const gone_on = visited ? takes_back : patient ? awaits : closing;
        auto const posted = [&] { return now.next_job + 1u < jobs ? posts : resized_to ? resizes : gone_on; };
        switch (now.caller) {
        case posts:
            if (!each[now.next_job].is_fork) {
                next.boxed |= as_byte(1u << now.next_job);
                if (now.boxed == 0) return to(summons, "puts a job into the empty inbox");
            } else {
                next.offered |= as_byte(1u << now.next_job);
                ++next.offers;
            }
            next.caller = posted();
            ++next.next_job;
            return go(next, each[now.next_job].is_fork ? "offers a fork" : "puts a job behind the others");
        case summons:
            if (!now.searching) return to(caller_rings, "sees nobody search");
            next.caller = posted();
            ++next.next_job;
            return go(next, "sees somebody search");
        case caller_rings:
            next.caller = caller_counts;
            return ring(next, 1, [&](state const& rung) { go(rung, "rings for one"); });
        case caller_counts: next.caller_seen = now.running; return to(caller_counts_absent, "counts who runs");
        case caller_counts_absent: next.caller_seen = as_byte(now.caller_seen + now.absent); return to(caller_starts, "counts the absent");
        case caller_starts:
            if (now.threads <= now.caller_seen && may_start(now)) start_one(next);
            next.caller_seen = 0;
            if (now.next_job == jobs) {
                next.caller = gone_on;
            } else {
                next.caller = posted();
                ++next.next_job;
            }
            return go(next, "starts a thread if none is free");
        case takes_back:
            for (std::size_t j = 0; j < jobs; ++j) {
                if (!each[j].is_fork) continue;
                if (now.offered >> j & 1) {
                    next.offered ^= as_byte(1u << j);
                    --next.offers;
                    next.ran |= as_byte(1u << j);
                } else if (!(now.ran >> j & 1)) {
                    return;    // waits for it
                }
            }
            return to(stops_visiting, "has its forks back, or done");
        case stops_visiting:
            next.visitors = 0;
            return to(visitor_leaves_silently ? patient ? awaits : closing : now.offers != 0 ? summons_others : asks_box_again, "forks no more");
        case asks_box_again: return to(left_in_box(now) ? summons_others : patient ? awaits : closing, "looks into the inbox");
        case summons_others:    // also where somebody searches: one ring too many does no harm
            next.caller = patient ? awaits : closing;
            return ring(next, 1, [&](state const& rung) { go(rung, "rings for one"); });
        case awaits:
            if (now.ran == (1u << jobs) - 1) to(closing, "sees that all has run");
            return;
        case resizes:
            next.width = as_byte(resized_to);
            return to(now.offers != 0 ? resized_rings : resized_box, "resizes it");
        case resized_box: return to(left_in_box(now) ? resized_rings : gone_on, "looks into the inbox");
        case resized_rings:
            if (now.searching) return to(gone_on, "sees somebody search");
            next.caller = grows_silently ? gone_on : caller_counts;
            return ring(next, 1, [&](state const& rung) { go(rung, "rings for one"); });
        case closing: next.closed = 1; return to(rings_closing, "closes");
        case rings_closing:
            next.caller = over;
            return ring(next, all, [&](state const& rung) { go(rung, "rings for all"); });
        case over: return;
        }
    }
};

crew const two_jobs{.width = 2, .spares = 0, .jobs = 2};
crew const three_jobs_on_one{.width = 1, .spares = 0, .jobs = 3};
crew const first_waits_for_last{.width = 1, .spares = 2, .jobs = 3, .each = {{{.waits_for = 2}, {}, {}}}};
crew const each_waits_for_the_next{.width = 1, .spares = 2, .jobs = 3, .each = {{{.waits_for = 1}, {.waits_for = 2}, {}}}};
crew const waits_beside_work{.width = 2, .spares = 1, .jobs = 2, .each = {{{.waits_for = 1}, {}}}};
crew const blocks_beside_work{.width = 2, .spares = 0, .jobs = 2, .each = {{{.waits_for = 1, .blocks = true}, {}}}};
crew const shrinks_beside_a_visitor{.width = 2, .spares = 0, .jobs = 3, .each = {{{}, {}, {.is_fork = true}}}, .visited = true, .started = true, .resized_to = 1};
crew const grows_beside_a_blocked_job{.width = 1, .spares = 0, .jobs = 2, .each = {{{.waits_for = 1, .blocks = true}, {}, {}}}, .resized_to = 2};
crew const shrinks{.width = 2, .spares = 0, .jobs = 3, .each = {}, .visited = false, .started = true, .resized_to = 1};
crew const beside_a_visitor{.width = 2, .spares = 0, .jobs = 2, .each = {{{}, {.is_fork = true}}}, .visited = true, .started = true};

}  // namespace

TEST_CASE("crew, all orders: what is posted is run, once, and all threads end", "[exec][model]") {
    for (auto const& use : {two_jobs, three_jobs_on_one, first_waits_for_last, each_waits_for_the_next, waits_beside_work, blocks_beside_work, beside_a_visitor, shrinks,
                            shrinks_beside_a_visitor, grows_beside_a_blocked_job}) {
        for (bool const patient : {false, true}) {
            auto const found = explore(with(use, [=](crew& c) { c.patient = patient; }));
            INFO(found.text());
            CHECK(found.wrong.empty());
            CHECK(found.states > 200);
        }
    }
}

TEST_CASE("crew, all orders: what is done wrong is found", "[exec][model]") {
    auto const finds = [](crew const& in, std::string const& what) {
        auto const found = explore(in);
        INFO(found.text());
        CHECK(found.wrong == what);
        CHECK(found.trace.size() > 3);
    };
    auto const forever = "somebody waits for ever";
    finds(with(two_jobs, [](crew& c) { c.looks_late = true; }), forever);
    finds(with(blocks_beside_work, [](crew& c) { c.passes_nothing_on = true; }), forever);
    finds(with(first_waits_for_last, [](crew& c) { c.leaves_silently = true; }), forever);
    finds(with(two_jobs, [](crew& c) { c.ends_silently = true; }), forever);
    finds(with(first_waits_for_last, [](crew& c) { c.forgets_the_inbox = true; }), forever);
    finds(with(two_jobs, [](crew& c) { c.searcher_trusts = c.relies_on_bell = c.patient = true; }), forever);
    finds(with(grows_beside_a_blocked_job, [](crew& c) { c.grows_silently = c.patient = true; }), forever);
    finds(with(shrinks_beside_a_visitor, [](crew& c) { c.visitor_leaves_silently = c.patient = true; }), forever);
    finds(with(beside_a_visitor, [](crew& c) { c.turns_in_vain = true; }), "a worker turns in vain");
}

TEST_CASE("crew, all orders: the second look at what is offered saves a ring, and nothing hangs on it", "[exec][model]") {
    for (auto const& use : {two_jobs, first_waits_for_last, each_waits_for_the_next, waits_beside_work, blocks_beside_work}) {
        auto const found = explore(with(use, [](crew& c) { c.relies_on_bell = true; }));
        INFO(found.text());
        CHECK(found.wrong.empty());
    }
}
