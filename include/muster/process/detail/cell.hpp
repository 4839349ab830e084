#pragma once

#include <algorithm>    // clamp, min
#include <array>        // known programs
#include <atomic>       // dead
#include <chrono>       // nanoseconds
#include <cstdint>      // uint64_t
#include <deque>        // what is out
#include <optional>     // a group
#include <span>         // bytes
#include <string>       // texts
#include <utility>      // move
#include <vector>       // bytes

#include <sys/types.h>    // pid_t

#include <muster/core/failure.hpp>               // failure
#include <muster/core/waiter.hpp>                // instant, wait_point
#include <muster/core/wire.hpp>                  // wire_writer, wire_reader
#include <muster/os/fd.hpp>                      // fd
#include <muster/os/futex.hpp>                   // futex_wake
#include <muster/os/memory_group.hpp>            // memory_group
#include <muster/os/process_identity.hpp>        // process_identity
#include <muster/process/detail/channel.hpp>     // channel

namespace muster::detail {

/// Items for one program, by functions that know their types: what a pool is given to do.
struct shipment {
    std::span<std::byte const> program;    // where its function is, the fingerprint, its name, its policies and values
    std::size_t items = 0;
    std::size_t first = 0;                 // the number of the first: what a task sees as its index
    unsigned attempt = 1;
    bool timed = false;
    std::chrono::nanoseconds limit = std::chrono::nanoseconds::max();    // that one call may take
    instant until = never;                                               // when all must be over

    mutable std::chrono::nanoseconds took{};    // by the call whose answer is taken, where it is timed

    void* self = nullptr;
    bool (*write)(void* self, std::size_t i, wire_writer& to, bool quiet) = nullptr;      // false: it failed, and, unless quiet, that is told
    void (*take)(void* self, std::size_t i, bool good, wire_reader& from) = nullptr;      // an answer, or a failure
    void (*fail)(void* self, std::size_t i, failure what) = nullptr;
};

/// One worker process, as the program sees it. Lent to one thread at a time, which talks to it; the keeper watches over it.
class cell {
public:
    enum class status : std::uint8_t { standing_by, idle, lent, ending, gone };

    /// A call that is sent and not answered.
    struct call {
        std::size_t item;
        std::uint64_t claim;    // where its claim is in the ring; `unsent` until all of it is there
        std::int64_t kill_at;   // when it has had its time; 0: it was not seen to have begun
        std::int64_t due = 0;   // since when it is the next to begin
    };
    static constexpr std::uint64_t unsent = ~std::uint64_t{0};

    explicit cell(std::size_t which) : slot(which), to_(memory.to_worker()), from_(memory.in_program()) {}
    cell(cell const&) = delete;
    cell& operator=(cell const&) = delete;

    // For whom it is lent to

    enum class sending { sent, no_room, failed };
    /// Sends item `i`, or says that there is no room now.
    sending send(shipment const& what, std::size_t i);
    /// Goes on with what was too long for the room there was. True when nothing is left of it.
    bool pump();
    [[nodiscard]] bool has_rest() const noexcept { return !rest_.empty(); }
    /// It is the ring's room that the next step waits for.
    [[nodiscard]] bool wants_room() const noexcept { return has_rest() || no_room_; }
    /// Lets the worker see what was sent.
    void publish();
    /// Wakes it, if it sleeps.
    void rouse();
    /// Takes the answers that are there; how many. False `sound()` afterwards: the worker talks nonsense.
    std::size_t drain(shipment const& what);
    [[nodiscard]] bool sound() const noexcept { return sound_ && !to_.broken() && !from_.broken(); }
    [[nodiscard]] bool has_answer() const noexcept { return !from_.is_empty(); }
    [[nodiscard]] bool is_ready() const noexcept {
        return memory.page().phase.load(std::memory_order_relaxed) == static_cast<std::uint32_t>(worker_phase::ready);    // a look
    }
    /// As it is lent: who is killed for memory from now on is this caller's.
    void count_kills() {
        if (group) kills_before.store(group->kills().value_or(0), std::memory_order_relaxed);    // a number alone
    }
    /// It has said that it dies, of a signal: nothing more comes, though it is not gone yet.
    [[nodiscard]] bool is_dying() const noexcept { return memory.page().words.said.load(std::memory_order_seq_cst) != 0; }

    /// What the worker has not begun is taken back, the last first; `again(item)` for each. Items that it has begun stay out.
    template <class Again>
    void withdraw(Again const& again, std::size_t most = ~std::size_t{0});
    /// The same with a worker that is not to be asked: it is dead, or about to be.
    template <class Again>
    void abandon(Again const& again) {
        while (!out_.empty()) {
            again(out_.back().item);
            out_.pop_back();
        }
    }
    /// True when the first call that is out was begun. Asked of the dead: whose fault it was.
    [[nodiscard]] bool has_begun() noexcept;
    /// When it has had its time, as far as that is known.
    [[nodiscard]] instant expires(shipment const& what);
    /// When to look again: the earliest time for that, where it is not known to have begun.
    [[nodiscard]] instant look_again(shipment const& what) {
        auto const until = expires(what);
        if (out_.empty() || out_.front().kill_at != 0 || what.limit == std::chrono::nanoseconds::max()) return until;
        return std::min(until, later(std::chrono::steady_clock::now(), what.limit));
    }

    /// Nothing of one caller's is left that the next one could take for his.
    [[nodiscard]] bool is_clean() const noexcept {
        return sound() && out_.empty() && gathered_.empty() && (rest_.empty() || rest_kind_ == message::program);
    }
    [[nodiscard]] bool is_out() const noexcept { return !out_.empty(); }
    [[nodiscard]] std::size_t out() const noexcept { return out_.size(); }
    [[nodiscard]] call const& first() const noexcept { return out_.front(); }
    void forget_first() { out_.pop_front(); }
    /// How many calls may be out: what is over in 100 us, at least 2.
    [[nodiscard]] std::size_t window() const noexcept { return window_; }
    void measure(std::size_t answers, instant now);

    /// Before sleeping: how is 1 for a futex, 2 for a point that the keeper wakes.
    void park(std::uint32_t how) noexcept {
        from_.positions().parked.store(how, std::memory_order_seq_cst);
        if (wants_room()) to_.positions().starved.store(how, std::memory_order_seq_cst);
    }
    void unpark() noexcept {    // ours again: looks at the tails follow
        from_.positions().parked.store(0, std::memory_order_relaxed);
        to_.positions().starved.store(0, std::memory_order_relaxed);
    }
    [[nodiscard]] std::atomic<std::uint32_t>& park_word() noexcept { return from_.positions().parked; }
    [[nodiscard]] std::atomic<std::uint32_t>& room_word() noexcept { return to_.positions().starved; }
    /// Room for what is left of a long value.
    [[nodiscard]] bool can_pump() noexcept {
        if (!has_rest()) return no_room_ && to_.room(most_at_once).any;
        auto const part = std::min(rest_.size() - rest_at_, most_at_once);
        auto const space = to_.room(part);
        return space.any && space.bytes >= part;
    }
    /// From any thread, of the dead: who sleeps looks again. Whatever the word says: its owner may have died between taking back what
    /// was parked there and waking who did.
    void nudge() noexcept {
        from_.positions().parked.store(0, std::memory_order_seq_cst);
        futex_wake(from_.positions().parked, 1, futex_reach::shared);
    }

    std::size_t const slot;
    channel memory;
    pid_t pid = -1;
    std::size_t place = 0;                    // among those that live at a time
    fd exit, output;
    std::optional<memory_group> group{};      // it and what it starts are in
    std::atomic<std::uint64_t> kills_before{0};    // in that, when it was lent
    instant born{};
    std::uint64_t served = 0;                 // calls answered; of whom it is lent to
    std::uint64_t most_answer = ~std::uint64_t{0};    // bytes that are taken from it
    std::uint64_t first_memory = 0;           // in bytes, after the first look
    lookout looks;
    bool yields = false;                      // no more is sent: others wait for it

    // Under the keeper's lock
    status is = status::standing_by;
    instant kill_at = never;
    instant lent{};                           // since when
    bool killed = false;                      // by us
    bool was_stopped = false, held = false;   // by a signal; and ended for that
    bool counted = false;                     // among the losses
    bool late = false;                        // ended, as it was not ready in time
    bool clean = false;                       // nothing of the arena is its any more
    bool kept = false;                        // the arena keeps back what is released, as this one may still write
    process_identity who{};
    wait_point* relay = nullptr;
    std::string line{};                       // of its output, up to now

    // Set by the keeper, as the last thing about it
    std::atomic<bool> dead{false};
    failure end;
    std::atomic<bool> retire{false};

private:
    bool know(shipment const& what);
    void send_in_parts(message kind, std::vector<std::byte> bytes, std::size_t item, unsigned attempt, std::int64_t until);
    record& header(message kind, std::size_t item, unsigned attempt, std::int64_t until) noexcept;

    struct known {
        std::uint32_t number = 0;
        std::vector<std::byte> bytes{};
    };
    static constexpr std::size_t most_known = 4;    // as many as the worker keeps

    record_writer to_;
    record_reader from_;
    bool sound_ = true;
    std::deque<call> out_;
    std::array<known, most_known> known_;
    std::uint32_t programs_ = 0, program_ = 0;
    std::vector<std::byte> rest_;    // what was too long
    std::size_t rest_at_ = 0;
    message rest_kind_ = message::call;
    unsigned rest_attempt_ = 1;
    std::int64_t rest_until_ = no_time;
    std::size_t rest_item_ = 0;
    bool no_room_ = false;
    std::vector<std::byte> gathered_;
    std::size_t window_ = 2;
    double cost_ = 0;                // of a call, in nanoseconds
    instant since_{};
};

// Implementation

inline record& cell::header(message kind, std::size_t item, unsigned attempt, std::int64_t until) noexcept {
    auto& made = to_.begin();
    made.kind = static_cast<std::uint16_t>(static_cast<unsigned>(kind) | std::min(attempt, 255u) << 8);
    made.program = program_;
    made.id = item;
    made.until = until;
    return made;
}

inline bool cell::know(shipment const& what) {
    auto const same = [&](known const& one) {
        return one.number != 0 && one.bytes.size() == what.program.size() && std::memcmp(one.bytes.data(), what.program.data(), what.program.size()) == 0;
    };
    for (auto const& one : known_)
        if (same(one)) {
            program_ = one.number;
            return true;
        }
    program_ = ++programs_;
    auto& mine = known_[program_ % most_known];
    mine.number = 0;    // known once the message is there: what follows may find no memory
    mine.bytes.assign(what.program.begin(), what.program.end());
    send_in_parts(message::program, mine.bytes, 0, 1, no_time);
    mine.number = program_;
    return pump();
}

inline void cell::send_in_parts(message kind, std::vector<std::byte> bytes, std::size_t item, unsigned attempt, std::int64_t until) {
    rest_ = std::move(bytes);
    rest_at_ = 0;
    rest_kind_ = kind;
    rest_item_ = item;
    rest_attempt_ = attempt;
    rest_until_ = until;
}

inline bool cell::pump() {
    while (rest_at_ != rest_.size()) {
        auto const part = std::min(rest_.size() - rest_at_, most_at_once);
        auto const space = to_.room(part);
        if (!space.any || space.bytes < part) return false;
        auto& made = header(rest_kind_, rest_item_, rest_attempt_, rest_until_);
        std::memcpy(made.bytes(), rest_.data() + rest_at_, part);
        made.size = static_cast<std::uint32_t>(part);
        rest_at_ += part;
        made.more = rest_at_ != rest_.size();
        if (rest_kind_ == message::call && made.more == 0) out_.back().claim = to_.position();
        to_.end(made);
    }
    rest_.clear();
    rest_at_ = 0;
    return true;
}

inline cell::sending cell::send(shipment const& what, std::size_t i) {
    if (!rest_.empty() && !pump()) return sending::no_room;
    if (!know(what)) return sending::no_room;    // from the next time on it is known
    auto const until = what.until == never ? no_time : what.until.time_since_epoch().count();
    auto space = to_.room();
    no_room_ = !space.any && out_.empty();    // else an answer comes first
    if (!space.any) return sending::no_room;
    auto& made = header(message::call, what.first + i, what.attempt, until);
    wire_writer writer{made.bytes(), std::min(space.bytes, most_at_once)};
    if (!what.write(what.self, i, writer, false)) return sending::failed;
    if (!writer.fits()) {
        auto const size = writer.size();
        if (size <= most_at_once && out_.size() > 0) return sending::no_room;
        std::vector<std::byte> bytes(size);
        wire_writer again{bytes.data(), bytes.size()};
        if (!what.write(what.self, i, again, false)) return sending::failed;
        if (what.timed && out_.empty()) since_ = std::chrono::steady_clock::now();
        out_.push_back({i, unsent, 0});
        send_in_parts(message::call, std::move(bytes), what.first + i, what.attempt, until);
        (void)pump();
        return sending::sent;
    }
    made.size = static_cast<std::uint32_t>(writer.size());
    if (what.timed && out_.empty()) since_ = std::chrono::steady_clock::now();
    out_.push_back({i, to_.position(), 0});
    to_.end(made);
    return sending::sent;
}

inline void cell::publish() {
    if (to_.publish()) rouse();
}

inline void cell::rouse() {
    if (to_.unpark() != 0) futex_wake(to_.positions().parked, 1, futex_reach::shared);
}

inline std::size_t cell::drain(shipment const& what) {
    std::size_t answers = 0;
    bool passed = false;
    while (auto const next = from_.next()) {
        auto const kind = static_cast<message>(next->kind & 0xff);
        auto const more = next->more;
        auto const id = next->id;
        what.took = std::chrono::nanoseconds{what.timed ? std::clamp<std::int64_t>(next->until, 0, std::int64_t{1} << 53) : 0};
        if (out_.empty() || id != what.first + out_.front().item || out_.front().claim == unsent ||
            (kind != message::answer && kind != message::refusal) || gathered_.size() > most_answer) {
            sound_ = false;
            break;
        }
        auto const* const bytes = next->bytes();
        if (more != 0 || !gathered_.empty()) gathered_.insert(gathered_.end(), bytes, bytes + next.size);
        if (more == 0) {
            auto const item = out_.front().item;
            out_.pop_front();
            if (what.timed) since_ = std::chrono::steady_clock::now();
            if (gathered_.empty()) {
                wire_reader reader{bytes, next.size};
                what.take(what.self, item, kind == message::answer, reader);
            } else {
                wire_reader reader{gathered_.data(), gathered_.size()};
                what.take(what.self, item, kind == message::answer, reader);
                gathered_ = {};
            }
            ++served;
            ++answers;
        }
        from_.pass(next);
        passed = true;
    }
    if (passed && from_.release() != 0) futex_wake(from_.positions().starved, 1, futex_reach::shared);
    return answers;
}

template <class Again>
void cell::withdraw(Again const& again, std::size_t most) {
    for (; !out_.empty() && most != 0; --most) {
        auto const& last = out_.back();
        if (last.claim == unsent) {    // the worker cannot have begun: it is told the end of it, and that it is withdrawn
            auto const space = to_.room();
            if (!space.any) return;    // later: it stays out
            auto& made = header(message::call, rest_item_, rest_attempt_, rest_until_);
            made.claim.store(record::withdrawn, std::memory_order_relaxed);    // not published yet
            to_.end(made);
            rest_.clear();
            rest_at_ = 0;
        } else {
            auto free = record::queued;
            if (!to_.at(last.claim).claim.compare_exchange_strong(free, record::withdrawn, std::memory_order_seq_cst)) return;
        }
        auto const item = last.item;
        out_.pop_back();
        again(item);
    }
}

inline bool cell::has_begun() noexcept {
    return !out_.empty() && out_.front().claim != unsent && to_.at(out_.front().claim).claim.load(std::memory_order_seq_cst) == record::claimed;
}

inline instant cell::expires(shipment const& what) {
    if (out_.empty()) return never;
    if (what.limit == std::chrono::nanoseconds::max()) return what.until;
    auto& running = out_.front();
    if (running.kill_at == 0) {
        auto const now = std::chrono::steady_clock::now();
        if (!has_begun()) {
            // It is the next one, so a worker that lives begins it at once, but for its warm-up. One that does not is held by something.
            auto const warm = memory.page().phase.load(std::memory_order_relaxed) >= static_cast<std::uint32_t>(worker_phase::ready);
            if (running.due == 0 || !warm) running.due = now.time_since_epoch().count();
            auto const patience = std::max<std::chrono::nanoseconds>(what.limit, std::chrono::seconds{1});
            return std::min(what.until, later(instant{instant::duration{running.due}}, patience));
        }
        // It says when it began. Who would say a later time than this gains nothing: the first look counts.
        instant const said{instant::duration{memory.page().started.load(std::memory_order_relaxed)}};
        // Nor did it begin before it had done with the one before.
        auto const begun = std::clamp(said, std::min(since_, now), now);
        running.kill_at = later(begun, what.limit).time_since_epoch().count();
    }
    return std::min(what.until, instant{instant::duration{running.kill_at}});
}

inline void cell::measure(std::size_t answers, instant now) {
    auto const took = static_cast<double>(std::chrono::nanoseconds{now - since_}.count());
    since_ = now;
    if (answers == 0) return;
    auto const each = took / static_cast<double>(answers);
    cost_ = cost_ == 0 ? each : cost_ + (each - cost_) / 8;
    constexpr double work = 100'000;    // nanoseconds
    auto const fitting = cost_ <= work / 1'024 ? std::size_t{1'024} : static_cast<std::size_t>(work / cost_);
    window_ = std::clamp<std::size_t>(std::min(fitting, 2 * window_), 2, 1'024);
}

}  // namespace muster::detail
