#include "catch.hpp"
#include "exec/model.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// cache/detail/cache_set.hpp, step by step: put, with what it evicts; find; take_away; repair. And who may do so, in with_claim of
// cache/detail/cache_segment.hpp. Stamps and ghosts are not modelled: anybody may be the next to go. A set is looked over by who has
// the claim in one step, since others only empty slots, and that is a look a little earlier. What is expired goes as by an erase; that
// `find` gives up after 64 looks is not reached.
//
// Stores are seen late in their order, as on x86; that of a relaxed exchange also after those that follow it, up to the next fence. A
// reader's loads are in order, but where a fence of his is left out. What only a weaker memory than that would show is not shown here.
//
// What is weaker than seq_cst in the two, and what it meets. "Hint": no other memory hangs on it, and seen late it costs time only.
// Modelled: (w) words and their slot, (u) units that are used again, (e) what goes without the claim, (c) the claim. First
// cache_set.hpp, then cache_segment.hpp:
//
//   where                         what                           order    partner
//   seen                          load of a slot                 acquire  the exchange in put: the entry is written                                   (w)
//   put                           exchange of the slot           release  `seen`                                                                      (w)
//   load                          words of an entry              relaxed  the fence in put, by that of the reader: judged by the slot                 (u)
//   each_tagged                   load of four tags              relaxed  hint; who looks after a put was answered sees its tag                       (w)
//   store                         words of an entry              relaxed  shown by the exchange in put                                                (w)
//   put                           fence                          release  the fences in find and take_away: who has seen one of the words sees the    (u)
//                                                                         slots of those that lay there as changed
//   find                          fence                          acquire  the fence in put                                                            (u)
//   find                          second load of the slot        relaxed  behind the fence                                                            (u)
//   find                          exchange of what is expired    relaxed  the load of who has the claim, and his fence in put                         (u) (e)
//   find                          exchange of the uses           relaxed  hint; it goes on what put has released, and undoes nothing                  (e)
//   take_away                     fence, second load             acquire  as in find                                                                  (u) (e)
//   take_away, sweep, clear       exchange of the slot           acq_rel  `seen`; relaxed where it fails, and looks again                             (e)
//   drop                          load, exchange of the slot     relaxed  the fence in put, before anything is written there                          (u)
//   evict_one                     exchange of the uses           relaxed  hint
//   evict_one                     load of a tag                  relaxed  the claim: only who has it writes tags
//   put, verify                   store of a tag                 relaxed  hint; shown by the exchange of the slot                                     (w)
//   put                           load of the slot               relaxed  the exchange decides
//   repair                        exchange of what is not whole  relaxed  none: no writer leaves such a thing
//
//   make                          ready = 1                      release  none but the lock on the file: others read it from there
//   wake_up                       claim = 0                      relaxed  none: nobody else is there
//   attach                        load of a number, of counters  relaxed  the lock on the file
//   attach                        generation += 1                acq_rel  the load in lives
//   attach                        start time                     relaxed  shown by the number
//   attach, ~cache_segment        number                         release  the load in lives
//   attach                        place                          release  the load in mine, the exchange in attach_again
//   mine, attach_again            place                          acquire  the store in attach
//   attach_again, ~cache_segment  load of place                  relaxed  its own
//   lives                         number, generation             acquire  the stores in attach
//   lives                         start time                     relaxed  loaded between the two
//   with_claim                    epoch += 1                     relaxed  none: a number of its own
//   with_claim                    load of the claim              acquire  the exchange: who is named began. For lives: who it names has released the lock on the  (c)
//                                                                         file since he attached
//   with_claim                    exchange of the claim          acq_rel  claim = 0 of the one before; of a dead one: the kernel                      (c)
//   with_claim                    claim = 0                      release  the exchange of the next one                                                (c)
//   with_claim                    load, store of stuck_          relaxed  hint                                                                        (c)
//   take_off, land                exchange of a flight           acq_rel  each other
//   add, stats, stats_of_process  counters                       relaxed  statistics
//
// Above 400 lines: what is modelled are two protocols, and the second is what the first relies on.

using namespace muster::testing;

namespace {

// A slot's word as a byte, from the top: 3 bits of version, 1 of use, 2 of where, 2 of how many units.
struct slot_byte {
    std::uint8_t word = 0;

    [[nodiscard]] unsigned first() const { return word >> 2 & 3u; }
    [[nodiscard]] unsigned units() const { return word & 3u; }
    [[nodiscard]] bool is_used() const { return units() != 0; }
    [[nodiscard]] unsigned map() const { return ((1u << units()) - 1) << first(); }
    [[nodiscard]] bool is_same(slot_byte other) const { return ((word ^ other.word) & ~0x10) == 0; }
    [[nodiscard]] slot_byte used() const { return {as_byte(word | 0x10)}; }
    [[nodiscard]] slot_byte next(unsigned first, unsigned units, bool of_another_version = true) const {
        return {as_byte(((word >> 5) + unsigned{of_another_version}) << 5 | first << 2 | units)};
    }
    friend bool operator==(slot_byte, slot_byte) = default;
};

// One set. Its writers put, one erases the key that one reads. An entry has three words: its key, and two halves of its value, the
// second of them in its last unit.
struct one_set {
    static constexpr std::size_t writers = 3, eraser = writers, reader = eraser + 1, threads = reader + 1;
    static constexpr std::size_t most_slots = 2, most_units = 3, most_values = 6, most_puts = 2;
    enum key : std::uint8_t { no_key, wanted, other, third };
    enum place : std::size_t { claim, tags, words = tags + most_slots, places = words + 3 * most_units };

    struct entry {
        key of = no_key;
        unsigned units = 1;
    };
    // How it is used. A value is known by its number, from 1.
    std::size_t slots = 2;
    unsigned units = 2;
    std::array<entry, most_values> values{};
    std::array<std::uint8_t, most_slots> there{};                              // from the beginning, each in the next units
    std::array<std::array<std::uint8_t, most_puts>, writers> puts{};           // of each writer, one after the other
    bool updates = false;       // writer 0 does not put, but stores what it makes of what was there
    bool erases = true, reads = true;
    std::size_t mortals = 1;    // so many writers may die, at any step
    bool same_tag = false;      // all keys have it
    bool late = true;           // words may be seen late

    // What is done wrong.
    bool shows_early = false;            // the slot shows the entry before that is written
    bool gives_back_early = false;       // the old entry's units are there for the new one
    bool looks_once = false;             // the reader does not look at the slot again
    bool looks_early = false;            // the reader has no fence: the second look may be done before the last word is read
    bool waits_for_claim = false;        // the reader
    bool steals_from_living = false;
    bool has_no_fence = false;           // `put`: what is dropped may be seen as dropped after what is written in its place
    bool repair_trusts_map = false;
    bool room_trusts_map = false;        // what was taken away without the claim is not looked for
    bool keeps_version = false;          // an entry has the version of the one before
    bool counts_blindly = false;         // the reader stores the slot with one use more
    bool erases_blindly = false;         // whatever the slot is by now
    bool erase_looks_once = false;       // does not look again where it has seen another key
    bool updates_blindly = false;        // looks with the claim whether all is as it was, and not when it shows the entry

    enum at_writer : std::uint8_t {
        reads_it, claims, steals,
        empties_map, marks_one,                                     // remake_map, repair
        finds_place, is_still, finds_room, drops, gives_room, finds_slot,     // put, and what it evicts
        marks, writes_key, writes_left, writes_right, tags_it, shows, gives_up, gives_back, releases, gives_way,
        finished, dead, robbed
    };
    enum at_reader : std::uint8_t { begins, looks, reads_key, reads_left, reads_right, compares, counts, takes, over };
    enum fault : std::uint8_t { well, torn, never_stored, gone_already, missed, not_his, passed_over, undone };

    struct writer {
        at_writer at;
        std::uint8_t turn;      // which of its puts
        std::uint8_t claimed;   // by whom, when it looked
        at_writer then;         // when there is room, or the map is remade
        std::uint8_t which;     // slot is marked, or dropped
        std::uint8_t old;       // slot, from 1
        std::uint8_t into;      // slot, from 1
        std::uint8_t first;     // unit
        slot_byte before;       // what was in the slot
        slot_byte saw;          // an update: what it was made from
        std::uint8_t made_of;   // the value that this was
    };
    struct looker {    // the reader, or the eraser
        at_reader at;
        std::uint8_t tagged;    // slots
        std::uint8_t slot;
        slot_byte before, after;
        std::uint8_t is_after;     // has looked again
        std::uint8_t is_mine;
        std::uint8_t left, right;
        std::uint8_t again;
        std::uint8_t may;    // a bit for each value that was there since it began, and one for none
    };
    struct slot {
        slot_byte word;           // what an exchange finds
        slot_byte shown;          // what a load finds, of others than whose change is late
        std::uint8_t whose;       // change that is, from 1
        std::uint8_t value;       // in it
        std::uint8_t shown_value;

        [[nodiscard]] slot_byte load(std::size_t who) const { return whose == who + 1 ? word : shown; }
        void show() { shown = word, shown_value = value, whose = 0; }
        void become(slot_byte next, std::uint8_t of) {
            word = next, value = of;
            show();
        }
    };
    struct state {
        memory<places, threads> shared;
        std::array<slot, most_slots> slot_of;
        std::uint8_t map;
        std::array<writer, writers> writing;
        looker erasing, reading;
        fault wrong;

        void show(std::size_t who) {
            for (auto& each : slot_of)
                if (each.whose == who + 1) each.show();
        }
    };

    state start() const {
        state first{};
        unsigned unit = 0;
        for (std::size_t i = 0; i < slots; ++i) {
            if (there[i] == 0) continue;
            auto const& one = values[there[i]];
            first.slot_of[i].become(slot_byte{}.next(unit, one.units), there[i]);
            first.shared.store(0, tags + i, tag_of(one.of));
            first.shared.store(0, key_at(unit), one.of);
            first.shared.store(0, left_at(unit), there[i]);
            first.shared.store(0, right_at(unit, one.units), there[i]);
            first.map = as_byte(first.map | first.slot_of[i].word.map());
            unit += one.units;
        }
        for (std::size_t i = 0; i < writers; ++i)
            first.writing[i].at = puts[i][0] == 0 ? finished : i == 0 && updates ? reads_it : claims;
        if (!erases) first.erasing.at = over;
        if (!reads) first.reading.at = over;
        return first;
    }
    char const* wrong(state const& now) const {
        static constexpr std::array texts{"", "a reader finds halves of two values", "a reader finds what nobody has stored under its key",
                                          "a reader finds what is there no longer", "a reader misses what is there", "an erase takes away another entry",
                                          "an erase passes over what is there", "an update is made of what is there no longer"};
        if (now.wrong != well) return texts[now.wrong];
        unsigned used = 0, keys = 0;
        for (auto const& each : now.slot_of) {
            if (!each.word.is_used()) continue;
            auto const of = 1u << values[each.value].of;
            if ((used & each.word.map()) != 0) return "a unit is used twice";
            if ((keys & of) != 0) return "a key is in two slots";
            used |= each.word.map();
            keys |= of;
        }
        bool claimed = false;
        for (auto const& each : now.writing) claimed |= (each.at > steals && each.at < finished) || each.at == dead;
        if (!claimed && (used & ~now.map) != 0) return "a unit is used, and not marked";
        if (!claimed && !erases && used != now.map) return "a unit is marked, and not used";
        if (!ends_alone(now, reader) || !ends_alone(now, eraser)) return "who holds nothing waits for others";
        return nullptr;
    }
    bool is_over(state const& now) const {
        bool all = now.erasing.at == over && now.reading.at == over;
        for (auto const& each : now.writing) all &= each.at >= finished;
        return all;
    }
    std::string name(std::size_t who) const { return who == eraser ? "eraser" : who == reader ? "reader" : "writer " + std::to_string(who); }

    void steps(state const& now, auto const& go) const {
        auto const judged = [&](state next, std::size_t who, char const* what) {
            for (auto* const each : {&next.erasing, &next.reading})
                if (each->may != 0) each->may |= seen_now(next);    // it has begun, and is not over
            go(next, who, what);
        };
        for (std::size_t who = 0; who < writers; ++who) {
            writer_steps(now, who, judged);
            if (!now.shared.hides(who)) continue;
            auto next = now;
            next.shared.show_one(who);
            judged(next, who, "a store of it is seen");
        }
        for (auto const& each : now.slot_of) {
            if (each.whose == 0) continue;
            auto next = now;
            next.slot_of[as_byte(&each - now.slot_of.data())].show();
            judged(next, each.whose - 1u, "a slot of it is seen as dropped");
        }
        eraser_steps(now, judged);
        reader_steps(now, judged);
    }

    // With the claim

    void writer_steps(state const& now, std::size_t who, auto const& go) const {
        auto next = now;
        auto& me = next.writing[who];
        auto& shared = next.shared;
        auto const value = me.at < finished ? puts[who][me.turn] : std::uint8_t{0};
        auto const& mine = values[value];
        auto const mark = slot_byte{}.next(me.first, mine.units).map();
        bool const is_update = updates && who == 0;
        auto const my_claim = as_byte(1 + who + 4u * me.turn);
        auto const to = [&](at_writer where, char const* what) {
            me.at = where;
            go(next, who, what);
        };
        auto const store = [&](std::size_t where, std::uint8_t what) { shared.store(who, where, what, late ? seen::later : seen::at_once); };
        if (who < mortals && me.at > steals && me.at < finished) {
            auto last = now;
            last.shared.show_all(who);
            last.show(who);
            last.writing[who] = {};
            last.writing[who].at = dead;
            go(last, who, "dies");
        }
        switch (me.at) {
        case reads_it:    // as the reader does
            me.saw = {};
            me.made_of = 0;
            for (auto const& each : now.slot_of)
                if (values[each.value].of == mine.of) me.saw = each.word, me.made_of = each.value;
            return to(claims, "reads what is there");
        case claims:
            me.claimed = shared.load(who, claim);
            if (me.claimed == 0) {
                shared.show_all(who);
                shared.store(who, claim, my_claim);
                return to(finds_place, "claims");
            }
            if (!steals_from_living && now.writing[(me.claimed & 3) - 1u].at != dead) return;    // until it is free
            return to(steals, "finds it claimed by the dead");
        case steals: {
            if (shared.load(who, claim) != me.claimed) {
                me.claimed = 0;
                return to(claims, "finds it claimed by another");
            }
            auto& whose = next.writing[(std::exchange(me.claimed, as_byte(0)) & 3) - 1u];
            if (whose.at == dead) whose.at = robbed;
            shared.show_all(who);
            shared.store(who, claim, my_claim);
            me.then = finds_place;
            return to(repair_trusts_map ? finds_place : empties_map, "takes the claim");
        }
        case empties_map:
            next.map = 0;
            return to(marks_one, "empties the map");
        case marks_one:
            next.map = as_byte(next.map | next.slot_of[me.which].load(who).map());
            if (++me.which < slots) return to(marks_one, "marks what a slot has");
            me.which = 0;
            return to(std::exchange(me.then, claims), "marks what a slot has");
        case finds_place:
            me.old = me.into = me.then = {};
            for (std::size_t i = 0; i < slots; ++i) {
                auto const here = next.slot_of[i].load(who);
                if (here.is_used() && shared.load(who, tags + i) == tag_of(mine.of) && shared.load(who, key_at(here.first())) == mine.of) me.old = as_byte(i + 1);
            }
            me.into = me.old;
            if (gives_back_early && me.old != 0) next.map = as_byte(next.map & ~next.slot_of[me.old - 1u].load(who).map());
            return to(is_update ? is_still : finds_room, me.old ? "finds the key" : "does not find the key");
        case is_still:
            if (me.old == 0 ? me.saw.is_used() : !me.saw.is_used() || !me.saw.is_same(now.slot_of[me.old - 1u].load(who))) return to(gives_way, "sees that it is another one");
            return to(finds_room, "sees that it is still the same");
        case finds_room:
            for (me.first = 0; me.first + mine.units <= units; ++me.first)
                if ((now.map & slot_byte{}.next(me.first, mine.units).map()) == 0) return to(finds_slot, "finds room");
            me.first = 0;
            return evict(next, who, finds_room, go);
        case drops: {
            auto& one = next.slot_of[me.which];
            me.before = one.word;
            if (is_update && me.which + 1u == me.old) {
                if (!updates_blindly && !one.word.is_same(me.saw)) return to(gives_way, "sees that it is another one");
                if (one.word.is_same(me.saw)) me.saw = {}, me.made_of = 0;    // by itself
            }
            one = {one.word.next(0, 0), one.shown, as_byte(who + 1), 0, one.shown_value};
            return to(gives_room, "drops an entry");
        }
        case gives_room:
            next.map = as_byte(next.map & ~std::exchange(me.before, {}).map());
            if (std::exchange(me.which, as_byte(0)) + 1u == me.old) return to(empties_map, "gives its units back");
            return to(std::exchange(me.then, claims), "gives its units back");
        case finds_slot:
            for (std::size_t i = 0; i < slots && me.into == 0; ++i)
                if (!next.slot_of[i].load(who).is_used()) me.into = as_byte(i + 1);
            if (me.into == 0) return evict(next, who, finds_slot, go);
            return to(marks, "has a slot");
        case marks:
            next.map = as_byte(next.map | mark);
            if (!has_no_fence) next.show(who);
            return to(shows_early ? shows : writes_key, "marks the units, has a fence");
        case writes_key: store(key_at(me.first), mine.of); return to(writes_left, "writes the key");
        case writes_left: store(left_at(me.first), value); return to(writes_right, "writes half of the value");
        case writes_right:
            store(right_at(me.first, mine.units), value);
            return to(me.into != me.old ? tags_it : shows_early ? gives_back : shows, "writes the other half");
        case tags_it: store(tags + me.into - 1u, tag_of(mine.of)); return to(shows_early ? gives_back : shows, "writes the tag");
        case shows: {
            shared.show_all(who);
            next.show(who);
            auto& one = next.slot_of[me.into - 1u];
            me.before = one.word;
            if (is_update) {
                if (!updates_blindly && me.saw.is_used() && !one.word.is_same(me.saw)) return to(gives_up, "sees that it is another one");
                if (one.value != me.made_of) next.wrong = undone;
            }
            one.become(one.word.next(me.first, mine.units, !keeps_version), value);
            return to(shows_early ? writes_key : gives_back, "shows the entry");
        }
        case gives_up:
            next.map = as_byte(next.map & ~mark);
            return to(gives_way, "gives its units back");
        case gives_back:
            if (!gives_back_early) next.map = as_byte(next.map & ~me.before.map());
            return to(releases, "gives the old units back");
        case releases:
        case gives_way: {
            bool const is_done = me.at == releases;
            auto const turn = as_byte(me.turn + is_done);
            next.show(who);
            store(claim, 0);
            me = {};
            me.turn = turn;
            if (!is_done) return to(reads_it, "gives the claim back, begins again");
            return to(turn == most_puts || puts[who][turn] == 0 ? finished : is_update ? reads_it : claims, "gives the claim back");
        }
        case finished:
        case dead:
        case robbed: return;
        }
    }
    // Makes room, and goes on with `then`.
    void evict(state next, std::size_t who, at_writer then, auto const& go) const {
        auto& me = next.writing[who];
        unsigned used = 0;
        for (auto const& each : next.slot_of) used += each.load(who).units();
        me.then = then;
        me.at = empties_map;
        if (used != static_cast<unsigned>(std::popcount(next.map))) {
            if (room_trusts_map) me.at = std::exchange(me.then, claims);
            return go(next, who, room_trusts_map ? "finds no room" : "sees that something was taken away");
        }
        me.at = drops;
        bool found = false;
        for (std::size_t i = 0; i < slots; ++i) {
            if (!next.slot_of[i].load(who).is_used() || i + 1 == me.old) continue;
            me.which = as_byte(i);
            go(next, who, i == 0 ? "decides to evict slot 0" : "decides to evict slot 1");
            found = true;
        }
        if (found) return;
        me.which = as_byte(me.old - 1);
        if (me.old != 0) return go(next, who, "has to evict the old one first");
        me.which = 0;
        me.at = empties_map;
        go(next, who, "finds nothing to evict");
    }

    // Without the claim

    void eraser_steps(state const& now, auto const& go) const {
        auto next = now;
        auto& me = next.erasing;
        auto const to = [&](at_reader where, char const* what) {
            me.at = where;
            go(next, eraser, what);
        };
        auto const leave = [&](char const* what) {
            me = {};
            to(over, what);
        };
        auto const go_on = [&](char const* what) {    // with the next slot
            ++me.slot;
            me.before = me.after = {};
            to(looks, what);
        };
        switch (me.at) {
        case begins: {
            auto const may = as_byte(me.may | seen_now(next) | seen_late(next));
            me = {};
            me.may = may;
            me.tagged = tagged_now(next, eraser);
            return to(looks, "reads the tags");
        }
        case looks:
            while (me.slot < slots && (me.tagged >> me.slot & 1) == 0) ++me.slot;
            if (me.slot == slots) {
                if (me.again) return to(begins, "begins again");
                if ((me.may & 1) == 0) next.wrong = passed_over;
                return leave("finds nothing");
            }
            me.before = next.slot_of[me.slot].load(eraser);
            if (!me.before.is_used()) return go_on("finds a slot empty");
            return to(reads_key, "looks at a slot");
        case reads_key:
            if (next.shared.load(eraser, key_at(me.before.first())) == wanted) return to(takes, "reads its key");
            if (erase_looks_once) return go_on("reads another key");
            return to(compares, "reads another key");
        case compares:
            me.again |= !next.slot_of[me.slot].load(eraser).is_same(me.before);
            return go_on("looks at the slot again");
        case takes: {
            auto& one = next.slot_of[me.slot];
            one.show();    // an exchange finds what is there, and so do the loads behind it
            if (!erases_blindly && !one.word.is_same(me.before)) return to(begins, "finds another entry there");
            if (one.value != 0 && values[one.value].of != wanted) next.wrong = not_his;
            one.become(one.word.next(0, 0), 0);
            return leave("takes it away");
        }
        default: return;
        }
    }
    void reader_steps(state const& now, auto const& go) const {
        auto next = now;
        auto& me = next.reading;
        auto& shared = next.shared;
        auto const to = [&](at_reader where, char const* what) {
            me.at = where;
            go(next, reader, what);
        };
        auto const leave = [&](char const* what) {
            if (me.left != me.right) next.wrong = torn;
            else if (me.left != 0 && values[me.left].of != wanted) next.wrong = never_stored;
            else if ((me.may >> me.left & 1) == 0) next.wrong = me.left == 0 ? missed : gone_already;
            me = {};
            to(over, what);
        };
        auto const forget = [&] { me.before = me.after = {}, me.is_mine = me.left = me.right = me.is_after = 0; };
        switch (me.at) {
        case begins:
            if (waits_for_claim && shared.load(reader, claim) != 0) return;
            me.may = as_byte(seen_now(next) | seen_late(next));
            me.tagged = tagged_now(next, reader);
            return to(looks, "reads the tags");
        case looks:
            while (me.slot < slots && (me.tagged >> me.slot & 1) == 0) ++me.slot;
            if (me.slot == slots) return leave("finds nothing");
            me.before = next.slot_of[me.slot].load(reader);
            if (me.before.is_used()) return to(reads_key, "looks at a slot");
            ++me.slot;
            me.before = {};
            return to(looks, "finds a slot empty");
        case reads_key:
            me.is_mine = shared.load(reader, key_at(me.before.first())) == wanted;
            return to(me.is_mine ? reads_left : compares, me.is_mine ? "reads its key" : "reads another key");
        case reads_left: me.left = shared.load(reader, left_at(me.before.first())); return to(reads_right, "reads half of the value");
        case reads_right:
            if (looks_early && !me.is_after) {
                auto const before = next;
                me.after = next.slot_of[me.slot].load(reader);
                me.is_after = 1;
                to(reads_right, "looks again ahead of time");
                next = before;
            }
            me.right = shared.load(reader, right_at(me.before.first(), me.before.units()));
            if (looks_once) return leave("reads the other half");
            return to(compares, "reads the other half");
        case compares:
            if (!me.is_after) me.after = next.slot_of[me.slot].load(reader);
            if (!me.after.is_same(me.before)) {
                forget();
                return to(looks, "finds another entry there");
            }
            if (me.is_mine) return to(counts, "finds the same entry there");
            forget();
            ++me.slot;
            return to(looks, "finds the same entry there");
        case counts:
            if (auto& one = next.slot_of[me.slot]; one.word == me.after) one.become(me.after.used(), one.value);
            else if (counts_blindly) one.become(me.after.used(), me.left);
            return leave("counts the use");
        default: return;
        }
    }
    // Whatever others do, or do not.
    [[nodiscard]] bool ends_alone(state now, std::size_t who) const {
        for (std::size_t left = 20; left != 0; --left) {
            if ((who == reader ? now.reading : now.erasing).at == over) return true;
            state after = now;
            auto const take = [&](state const& next, std::size_t, char const*) { after = next; };
            if (who == reader) reader_steps(now, take);
            else eraser_steps(now, take);
            now = after;
        }
        return false;
    }

    [[nodiscard]] std::uint8_t tag_of(key of) const { return same_tag ? 1 : of; }
    static std::size_t key_at(std::size_t first) { return words + 3 * first; }
    static std::size_t left_at(std::size_t first) { return words + 3 * first + 1; }
    static std::size_t right_at(std::size_t first, std::size_t units) { return words + 3 * (first + units - 1) + 2; }
    [[nodiscard]] std::uint8_t tagged_now(state const& now, std::size_t who) const {
        unsigned all = 0;
        for (std::size_t i = 0; i < slots; ++i) all |= unsigned{now.shared.load(who, tags + i) == tag_of(wanted)} << i;
        return as_byte(all);
    }
    // A bit for the value that is there, 1 for none.
    [[nodiscard]] std::uint8_t seen_now(state const& now) const {
        for (auto const& each : now.slot_of)
            if (values[each.value].of == wanted) return as_byte(1u << each.value);
        return 1;
    }
    [[nodiscard]] std::uint8_t seen_late(state const& now) const {
        for (auto const& each : now.slot_of)
            if (values[each.shown_value].of == wanted) return as_byte(1u << each.shown_value);
        return 1;
    }
};

// with_claim and lives: those who want the claim of a set. The process of the first may die, and another one takes its place.
struct claimants {
    static constexpr std::size_t many = 3;
    enum at_claimant : std::uint8_t { tries, judges, steals, waits, inside, gone, dead };

    bool another_comes = true;    // in the place of who has died

    // What is done wrong.
    bool steals_from_living = false;
    bool words_look_alike = false;      // of one place: no generation, no epoch
    bool judges_by_place = false;       // `lives` does not compare the generation
    bool trusts_stuck = false;          // who has given up on a claim once never looks again whether its owner lives

    struct one {
        at_claimant at;
        std::uint8_t there;    // the claim, when it looked
        std::uint8_t stuck;    // one that it has given up on
        std::uint8_t generation;
    };
    struct state {
        std::uint8_t claim;    // 0; or a place from 1, and its generation
        std::array<one, many> each;
    };

    state start() const { return {}; }
    char const* wrong(state const& now) const {
        unsigned in = 0;
        for (auto const& each : now.each) in += each.at == inside;
        return in > 1 ? "two hold the claim" : nullptr;
    }
    bool is_over(state const& now) const {
        bool all = true;
        for (auto const& each : now.each) all &= each.at >= gone;
        return all;
    }
    std::string name(std::size_t who) const { return "claimant " + std::to_string(who); }

    void steps(state const& now, auto const& go) const {
        for (std::size_t who = 0; who < many; ++who) step(now, who, go);
    }
    void step(state const& now, std::size_t who, auto const& go) const {
        auto next = now;
        auto& me = next.each[who];
        auto const mine = as_byte(1 + who + (words_look_alike ? 0u : 4u * me.generation));
        auto const to = [&](at_claimant where, char const* what) {
            if (where != judges && where != steals && where != waits) me.there = 0;
            me.at = where;
            go(next, who, what);
        };
        if (who == 0 && me.generation == 0 && me.at != gone && me.at != dead) {
            auto last = now;
            last.each[who] = {dead, 0, 0, 0};
            go(last, who, "dies");
        }
        switch (me.at) {
        case tries:
            me.there = now.claim;
            if (me.there == 0) {
                next.claim = mine;
                return to(inside, "claims");
            }
            if (trusts_stuck && me.there == me.stuck) return;    // it is refused, and so will be the next time
            return to(judges, "finds it claimed");
        case judges: return to(steals_from_living || !lives(now, me.there) ? steals : waits, "asks whether its owner lives");
        case steals:
            if (now.claim != me.there) return to(tries, "finds it claimed by another");
            next.claim = mine;
            return to(inside, "takes the claim");
        case waits:
            to(tries, "tries again");
            next = now;
            me.stuck = me.there;
            return to(tries, "gives up; there will be another put");
        case inside:
            next.claim = 0;
            return to(gone, "gives the claim back");
        case gone: return;
        case dead:
            if (!another_comes) return;
            me.generation = 1;
            return to(tries, "is dead, and another one has its place");
        }
    }
    [[nodiscard]] bool lives(state const& now, std::uint8_t word) const {
        auto const& owner = now.each[(word & 3) - 1u];
        if (!judges_by_place && !words_look_alike && word >> 2 != owner.generation) return false;
        return owner.at != dead;
    }
};

constexpr auto key = one_set::wanted, other = one_set::other, third = one_set::third;

// Two replace what is there, in the same slot: units go round.
one_set const replaced{.slots = 1, .units = 2, .values = {{{}, {key}, {key}, {key}}}, .there = {1}, .puts = {{{2}, {3}, {}}}};
// One replaces it, the other one needs all units, or the only slot, for another key.
one_set const evicted{.slots = 2, .units = 2, .values = {{{}, {key}, {key}, {other, 2}}}, .there = {1}, .puts = {{{2}, {3}, {}}}};
one_set const crowded = with(evicted, [](one_set& s) { s.slots = 1; });
// It is evicted, and put again: perhaps in another slot.
one_set const moved{.slots = 2, .units = 3, .values = {{{}, {key}, {other}, {third, 2}, {key}}}, .there = {2, 1}, .puts = {{{3}, {4}, {}}}};
// The new one and the old one do not fit in together: the old one has to go first.
one_set const wide{.slots = 2, .units = 3, .values = {{{}, {key, 2}, {other}, {key, 2}, {other, 2}}}, .there = {1, 2}, .puts = {{{3}, {4}, {}}}};
// Two die, and the third one still gets through.
one_set const orphaned{.slots = 2, .units = 2, .values = {{{}, {key}, {key}, {other, 2}, {other}}}, .there = {1}, .puts = {{{2}, {3}, {4}}}, .reads = false, .mortals = 2};
one_set const orphaned_unerased = with(orphaned, [](one_set& s) { s.erases = false, s.reads = true; });
one_set const updated{.slots = 2, .units = 2, .values = {{{}, {key}, {key, 2}, {key}, {other}}}, .there = {1}, .puts = {{{2}, {3, 4}, {}}}, .updates = true, .reads = false};

one_set of_one_tag(one_set const& in) {
    return with(in, [](one_set& s) { s.same_tag = true, s.late = false; });
}

void finds(auto const& in, std::string const& what) {
    auto const found = explore(in);
    INFO(found.text());
    CHECK(found.wrong == what);
    CHECK_FALSE(found.trace.empty());
}

auto const torn = "a reader finds halves of two values";
auto const used_twice = "a unit is used twice";
auto const forever = "somebody waits for ever";

}  // namespace

TEST_CASE("cache set, all orders: a reader finds what is there, whole, and misses nothing; an erase is not undone; nobody waits for the dead", "[cache][model]") {
    for (auto const& use : {replaced, evicted, crowded, moved, wide, updated, of_one_tag(evicted), of_one_tag(moved), of_one_tag(wide)}) {
        auto const found = explore(use);
        INFO(found.text());
        CHECK(found.wrong.empty());
        CHECK(found.states > 10'000);
    }
}

TEST_CASE("cache set, all orders: whoever dies, at whatever step, and whoever comes after him, leaves no unit used twice, and none leaked", "[cache][model]") {
    for (auto const& use : {orphaned, orphaned_unerased}) {
        auto const found = explore(use);
        INFO(found.text());
        CHECK(found.wrong.empty());
        CHECK(found.states > 10'000);
    }
    finds(with(orphaned, [](one_set& s) { s.repair_trusts_map = true; }), used_twice);
    finds(with(orphaned_unerased, [](one_set& s) { s.repair_trusts_map = true; }), "a unit is marked, and not used");
    finds(with(evicted, [](one_set& s) { s.room_trusts_map = true; }), forever);
}

TEST_CASE("cache set, all orders: what a writer does wrong is found", "[cache][model]") {
    finds(with(evicted, [](one_set& s) { s.shows_early = true, s.erases = false; }), "a reader misses what is there");
    finds(with(evicted, [](one_set& s) { s.gives_back_early = true; }), torn);
    finds(with(evicted, [](one_set& s) { s.steals_from_living = true; }), used_twice);
    finds(with(replaced, [](one_set& s) { s.steals_from_living = true; }), torn);
    finds(with(replaced, [](one_set& s) { s.keeps_version = true; }), torn);
}

TEST_CASE("cache set, all orders: what a reader does wrong is found", "[cache][model]") {
    finds(with(evicted, [](one_set& s) { s.looks_once = true; }), torn);
    finds(with(wide, [](one_set& s) { s.looks_once = true; }), "a reader finds what nobody has stored under its key");
    finds(with(evicted, [](one_set& s) { s.counts_blindly = true; }), "a unit is used, and not marked");
    finds(with(evicted, [](one_set& s) { s.waits_for_claim = true; }), "who holds nothing waits for others");
}

TEST_CASE("cache set, all orders: both fences are needed", "[cache][model]") {
    finds(with(wide, [](one_set& s) { s.looks_early = true; }), torn);
    finds(with(evicted, [](one_set& s) { s.has_no_fence = true; }), torn);
}

TEST_CASE("cache set, all orders: what an erase, or an update beside it, does wrong is found", "[cache][model]") {
    finds(with(evicted, [](one_set& s) { s.erases_blindly = true; }), "an erase takes away another entry");
    finds(with(updated, [](one_set& s) { s.erase_looks_once = true; }), "an erase passes over what is there");
    finds(with(updated, [](one_set& s) { s.updates_blindly = true; }), "an update is made of what is there no longer");
}

TEST_CASE("cache set, all orders: a claim has one holder, and is not lost with him", "[cache][model]") {
    for (bool const another_comes : {true, false}) {
        auto const found = explore(claimants{.another_comes = another_comes});
        INFO(found.text());
        CHECK(found.wrong.empty());
        CHECK(found.states > 500);
    }
    finds(claimants{.steals_from_living = true}, "two hold the claim");
    finds(claimants{.words_look_alike = true}, "two hold the claim");
    finds(claimants{.judges_by_place = true}, forever);
    finds(claimants{.another_comes = false, .trusts_stuck = true}, forever);
}
