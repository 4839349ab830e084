#pragma once

#include <algorithm>      // min
#include <atomic>         // bell
#include <chrono>         // milliseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <optional>       // stop callbacks
#include <stop_token>     // stop_callback
#include <string>         // texts
#include <utility>        // pair
#include <vector>         // cells

#include <linux/futex.h>    // futex_waitv

#include <muster/core/context.hpp>          // context
#include <muster/core/failure.hpp>          // failure
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/os/code_place.hpp>         // hash_on
#include <muster/process/detail/cell.hpp>   // cell, shipment
#include <muster/process/detail/keeper.hpp> // keeper

// Above 400 lines because it is one loop, whose turns (answers, deaths, deadlines, a stop, sleep) leave each other the same few numbers.

namespace muster::detail {

/// Sends items to workers and takes their answers, on the thread that asked: the loop under `on{cells}` and `isolate{cells}`.
///
/// It has as many workers as it can get, up to `width`, and keeps a window of calls with each. What a dead or slow worker has not begun
/// goes to another one; what it had begun is its fault, and fails.
class shipping {
public:
    /// To the next caller, or to its end: where an exception has come in between, something may be left in it.
    static void return_cell(keeper& to, cell& one) {
        if (one.dead || one.is_clean()) to.give_back(one);
        else to.end(one);
    }

    shipping(keeper& by, shipment const& what, std::size_t width, context& cx)
        : keeper_(by), what_(what), width_(std::max<std::size_t>(1, width)), cx_(cx), foreign_(cx.waiting() != waiter_ref{} || wait_point::carrier()) {}
    /// The same for one item that `one`, lent already, was sent, or was not.
    shipping(keeper& by, shipment const& what, context& cx, cell& one, bool sent) : shipping(by, what, 1, cx) {
        cells_.reserve(1);
        cells_.push_back(&one);
        if (sent) next_ = 1;
    }
    shipping(shipping const&) = delete;
    shipping& operator=(shipping const&) = delete;
    ~shipping() {
        for (auto* each : cells_) leave(*each);
    }

    void run() {
        auto const ring = [this] { this->ring(); };
        std::optional<std::stop_callback<decltype(ring)>> on_stop;
        if (cx_.stop().stop_possible()) on_stop.emplace(cx_.stop(), ring);
        while (!over()) {
            if (!stopping_ && (cx_.stopped() || cx_.expired())) stop();
            if (stopping_) refuse_rest(cx_.interruption());    // what was taken back, or lost with a worker, since
            if (stopping_ && !give_up_late()) break;
            if (!stopping_ && !have_workers()) continue;
            bool moved = false;
            for (std::size_t c = 0; c < cells_.size();) {
                auto const went = tend(*cells_[c], moved);
                if (went == fate::stays) ++c;
                else cells_.erase(cells_.begin() + static_cast<std::ptrdiff_t>(c));
            }
            if (!moved && !cells_.empty() && !over()) wait();
        }
    }

private:
    enum class fate : std::uint8_t { stays, gone };

    [[nodiscard]] bool has_work() const noexcept { return next_ != what_.items || !again_.empty(); }
    [[nodiscard]] bool over() const noexcept { return done_ == what_.items; }
    /// An item waits behind another one, which somebody who is free could begin.
    [[nodiscard]] bool is_crowded() const noexcept {
        return std::any_of(cells_.begin(), cells_.end(), [](auto const* each) { return each->out() > 1; });
    }

    /// At least one worker, or all that is left has failed: false.
    bool have_workers() {
        while ((has_work() || is_crowded()) && cells_.size() < std::min(width_, most_cells) && (cells_.empty() || keeper_.has_idle())) {
            if (auto* const one = keeper_.borrow_now()) {
                take(*one);
                continue;
            }
            if (!cells_.empty()) break;
            auto one = keeper_.borrow(cx_);
            if (!one) {
                refuse_rest(one.error());
                return false;
            }
            take(**one);
        }
        return true;
    }
    void take(cell& one) {
        cells_.push_back(&one);
        one.measure(0, std::chrono::steady_clock::now());
    }
    void leave(cell& one) {
        one.yields = false;
        if (stopping_) one.memory.page().stop.store(0, std::memory_order_relaxed);    // the next caller's calls are not asked to stop
        forsake(one);
        return_cell(keeper_, one);
    }

    [[nodiscard]] std::size_t next_item() {
        if (again_.empty()) return next_++;
        auto const item = again_.back();
        again_.pop_back();
        return item;
    }

    std::size_t take_answers(cell& one) {
        auto const answers = one.drain(what_);
        done_ += answers;
        keeper_.count_calls(answers);
        return answers;
    }
    void abandon(cell& one) {
        one.abandon([this](std::size_t item) { again_.push_back(item); });
    }
    void forsake(cell& one) {
        one.unpark();
        if (foreign_) keeper_.relay(one, nullptr);
    }
    /// The worker is ended, and what it has goes to another.
    fate end(cell& one, bool at_once = false) {
        abandon(one);
        forsake(one);
        keeper_.end(one, at_once);
        return fate::gone;
    }

    void fail(std::size_t item, failure what) {
        ++done_;
        what_.fail(what_.self, item, std::move(what));
    }

    /// One round with one worker.
    fate tend(cell& one, bool& moved) {
        auto const dead = one.dead.load(std::memory_order_seq_cst);    // first: what it published before its death is there then
        auto const dying = !dead && one.is_dying();
        if (auto const answers = take_answers(one); answers != 0) {
            moved = true;
            if (what_.items > 1) one.measure(answers, std::chrono::steady_clock::now());
        }
        if (!one.sound()) return distrust(one);
        if (dead || dying) return bury(one, dying);
        if (auto const until = one.expires(what_); until != never && std::chrono::steady_clock::now() >= until) return expire(one);
        if (one.has_rest() && stopping_) {
            take_back(one);
            one.publish();
        } else if (one.has_rest()) {
            moved = one.pump() || moved;
            one.publish();
        }
        if (!one.yields) one.yields = keeper_.is_due(one) || (keeper_.is_awaited() && (cells_.size() > 1 || held_long()));
        if (one.yields) {    // it is to be replaced, or others wait: no more for this one
            one.publish();
            if (one.is_out()) return fate::stays;
            leave(one);
            return fate::gone;
        }
        if (!stopping_) moved = fill(one) || moved;
        if (!stopping_ && !one.is_out() && !has_work() && rob()) moved = fill(one) || moved;
        if (one.is_out()) return fate::stays;
        if (!stopping_ && has_work()) return fate::stays;
        leave(one);
        return fate::gone;
    }

    bool fill(cell& one) {
        bool sent = false;
        auto const share = (what_.items - done_ + cells_.size() - 1) / cells_.size();    // so that few long items are spread
        auto const most = std::min({one.window(), std::max<std::size_t>(share, 1), keeper_.calls_left(one)});
        while (has_work() && one.out() < most) {
            auto const item = next_item();
            if (keeper_.knows_poison() && keeper_.is_poison(mark_of(item))) {
                fail(item, {cause::rejected, "this item has crashed " + std::to_string(keeper_.options().poison_after) +
                                                 " workers of pool \"" + keeper_.options().name + "\" and is not tried again"});
                sent = true;
                continue;
            }
            auto const how = one.send(what_, item);
            if (how == cell::sending::no_room) {
                again_.push_back(item);
                break;
            }
            sent = true;
            if (how == cell::sending::failed) ++done_;
        }
        one.publish();
        return sent;
    }

    /// Another's turn, after a while: a run of a day keeps nobody waiting for a day.
    [[nodiscard]] bool held_long() {
        auto const now = std::chrono::steady_clock::now();
        if (now - held_since_ < std::chrono::milliseconds{1}) return false;
        held_since_ = now;
        return true;
    }

    /// One that waits behind another call is taken back, for a worker that has nothing to do.
    bool rob() {
        for (auto* each : cells_) {
            if (each->out() < 2) continue;
            (void)take_answers(*each);    // what is answered may be overwritten, its claim with it
            if (each->out() < 2 || !each->sound()) continue;
            each->withdraw([this](std::size_t item) { again_.push_back(item); }, 1);
            if (has_work()) return true;
        }
        return false;
    }

    void take_back(cell& one) {
        one.withdraw([this](std::size_t item) { again_.push_back(item); });
    }

    /// It is dead, and all that it said is taken.
    fate bury(cell& one, bool dying) {
        auto const why = dying ? keeper_.why_dying(one) : one.end;
        auto const begun = one.has_begun();
        if (begun) {
            auto const item = one.first().item;
            one.forget_first();
            if (!why.is(cause::unavailable)) keeper_.crashed_by(mark_of(item));
            fail(item, why);
        }
        auto const by_others = why.is(cause::crashed) && why.signal() == SIGKILL;
        auto const next = !begun && one.is_out() && one.is_ready() && !by_others ? one.first().item : what_.items;
        abandon(one);
        if (dying) {
            forsake(one);
            keeper_.let_die(one, why);
        } else {
            leave(one);
        }
        if (next != what_.items) suspect(next, why);
        return fate::gone;
    }

    /// A worker has died by itself with this item before it, and with none begun. That is nobody's fault, once or twice; but an item may
    /// be too long for a worker, so that it never begins with it.
    void suspect(std::size_t item, failure const& end) {
        auto found = std::find_if(suspects_.begin(), suspects_.end(), [&](auto const& each) { return each.first == item; });
        if (found == suspects_.end()) found = suspects_.insert(found, {item, 0});
        if (++found->second < 10) return;
        std::erase(again_, item);
        auto why = end;
        why.note("; so ended 10 workers that were about to begin with this item");
        fail(item, std::move(why));
    }

    failure no_answer(cell const& one) const {
        auto const stopped = keeper_.is_stopped(one);
        auto text = cx_.expired() ? std::string{"no answer before the deadline"} : "no answer within " + duration_text(what_.limit);
        text += stopped ? ": its worker was stopped by a signal, and is ended" : "; its worker is ended";
        failure why{cause::timed_out, std::move(text)};
        return stopped ? std::move(why.signal(SIGSTOP)) : why;
    }

    /// What it has begun has had its time. Another than the first may have begun in the moment: then it is not killed.
    fate expire(cell& one) {
        auto const begun = one.has_begun();
        take_back(one);
        if (!begun && !one.has_begun()) {    // it does not begin what it has: whatever holds it, others do its work
            if (!cx_.expired()) return end(one);
            abandon(one);    // the run's own time is up: no fault of the worker
            return fate::stays;
        }
        if (!begun && !cx_.expired()) return fate::stays;    // it has, just now
        if (!one.is_out()) return fate::stays;
        auto const first = one.first().item;
        (void)take_answers(one);
        if (!one.is_out() || one.first().item != first) return fate::stays;
        fail(first, no_answer(one));
        one.forget_first();
        return end(one);
    }

    /// It has broken the rules of the channel: whatever it says is worth nothing.
    fate distrust(cell& one) {
        auto const begun = one.has_begun();
        if (begun || one.is_out()) {
            auto const item = one.first().item;
            one.forget_first();
            fail(item, {cause::crashed, "worker " + std::to_string(one.slot) + " of pool \"" + keeper_.options().name +
                                            "\" has overwritten the memory by which it answers, and is ended"});
        }
        return end(one, true);
    }

    /// The run is to stop: nothing more is begun, what runs has the drain's time.
    void stop() {
        stopping_ = true;
        auto const now = std::chrono::steady_clock::now();
        give_up_at_ = cx_.stopped() ? later(now, keeper_.options().drain) : now;
        for (auto* each : cells_) {
            each->memory.page().stop.store(1, std::memory_order_relaxed);
            (void)take_answers(*each);    // what is answered may be overwritten, its claim with it
            if (each->sound()) take_back(*each);
        }
        refuse_rest(cx_.interruption());
    }
    /// False when nothing is left to wait for.
    bool give_up_late() {
        if (cells_.empty()) return false;
        if (std::chrono::steady_clock::now() < give_up_at_) return true;
        for (auto* each : cells_) {
            auto& one = *each;
            (void)take_answers(one);
            if (one.is_out()) {
                auto why = cx_.stopped() ? cx_.interruption() : no_answer(one);
                if (cx_.stopped()) why.note("; its worker did not end the call within " + duration_text(keeper_.options().drain) + ", and is ended");
                fail(one.first().item, std::move(why));
                one.forget_first();
                (void)end(one);
            } else {
                leave(one);
            }
        }
        cells_.clear();
        refuse_rest(cx_.interruption());
        return false;
    }
    void refuse_rest(failure const& why) {
        while (has_work()) {
            auto const item = next_item();
            ++done_;
            auto const before = cx_.change_attempt(0);
            what_.fail(what_.self, item, cx_.not_run(why));
        }
    }

    [[nodiscard]] std::uint64_t mark_of(std::size_t item) {
        std::vector<std::byte> bytes(256);
        wire_writer writer{bytes.data(), bytes.size()};
        if (!what_.write(what_.self, item, writer, true)) return 0;
        if (!writer.fits()) {
            bytes.resize(writer.size());
            wire_writer again{bytes.data(), bytes.size()};
            if (!what_.write(what_.self, item, again, true)) return 0;
        }
        auto const hash = hash_on(0xcbf29ce484222325, reinterpret_cast<unsigned char const*>(what_.program.data()), what_.program.size());
        return hash_on(hash, reinterpret_cast<unsigned char const*>(bytes.data()), writer.size());
    }

    [[nodiscard]] bool something() noexcept {
        for (auto* each : cells_)
            if (each->has_answer() || each->can_pump() || each->is_dying() || each->dead.load(std::memory_order_seq_cst)) return true;
        return bell_.load(std::memory_order_seq_cst) != 0;
    }

    void ring() noexcept {    // from any thread
        bell_.store(1, std::memory_order_seq_cst);
        futex_wake(bell_, 1);
        point_.wake();
    }

    void wait() {
        if (something()) return;    // from here on no claim that is looked at is of a call that is answered and overwritten
        auto until = stopping_ ? give_up_at_ : cx_.deadline();
        for (auto* each : cells_) until = std::min(until, each->look_again(what_));
        if (width_ > cells_.size() && (has_work() || is_crowded())) until = std::min(until, later(std::chrono::steady_clock::now(), std::chrono::milliseconds{1}));    // a free one may come
        std::chrono::nanoseconds const most{cells_.front()->memory.page().spin.load(std::memory_order_relaxed)};
        if (looks_.look(most, [this] { return something(); })) {
            bell_.store(0, std::memory_order_relaxed);
            return;
        }
        if (foreign_) wait_at_point(until);
        else wait_at_futex(until);
        for (auto* each : cells_) each->unpark();
        bell_.store(0, std::memory_order_relaxed);    // looked at: stop and deadline are asked next
    }

    void wait_at_point(instant until) {
        point_.reset();
        for (auto* each : cells_) {
            keeper_.relay(*each, &point_);
            each->park(2);
        }
        if (!something()) (void)cx_.waiting().wait_until(point_, until);
        for (auto* each : cells_) keeper_.relay(*each, nullptr);
    }

    void wait_at_futex(instant until) {
        for (auto* each : cells_) each->park(1);
        if (something()) return;
        if (cells_.size() == 1 && !cells_.front()->wants_room() && !cx_.stop().stop_possible()) {
            (void)futex_wait(cells_.front()->park_word(), 1, until, futex_reach::shared);
            return;
        }
        futex_waitv words[2 * most_cells + 1]{};
        std::size_t count = 0;
        auto const add = [&](std::atomic<std::uint32_t> const& word, std::uint32_t value, std::uint32_t flags) {
            words[count].val = value;
            words[count].uaddr = reinterpret_cast<std::uint64_t>(&word);
            words[count++].flags = FUTEX_32 | flags;
        };
        add(bell_, 0, FUTEX_PRIVATE_FLAG);
        for (auto* each : cells_) {
            add(each->park_word(), 1, 0);
            if (each->wants_room()) add(each->room_word(), 1, 0);
        }
        auto const since_zero = std::max(until.time_since_epoch(), instant::duration::zero());
        std::timespec const at{.tv_sec = static_cast<std::time_t>(std::chrono::duration_cast<std::chrono::seconds>(since_zero).count()),
                               .tv_nsec = static_cast<long>((since_zero % std::chrono::seconds{1}).count())};
        constexpr long call = 449;    // SYS_futex_waitv
        if (::syscall(call, words, count, 0u, until == never ? nullptr : &at, CLOCK_MONOTONIC) < 0 && errno == ENOSYS)
            (void)futex_wait(cells_.front()->park_word(), 1, std::min(until, later(std::chrono::steady_clock::now(), std::chrono::milliseconds{1})),
                             futex_reach::shared);    // Linux before 5.16: one of them, and the others soon
    }

    static constexpr std::size_t most_cells = 63;    // one thread can wait for 128 words

    keeper& keeper_;
    shipment const& what_;
    std::size_t const width_;
    context& cx_;
    bool const foreign_;
    std::vector<cell*> cells_;
    std::vector<std::size_t> again_;    // taken back
    std::vector<std::pair<std::size_t, unsigned>> suspects_;
    std::size_t next_ = 0, done_ = 0;
    bool stopping_ = false;
    instant give_up_at_ = never;
    instant held_since_ = std::chrono::steady_clock::now();
    lookout looks_;
    std::atomic<std::uint32_t> bell_{0};
    wait_point point_;
};

/// One item. Where a worker is free and answers while one looks, nothing is allocated and nobody sleeps.
inline void ship_one(keeper& by, shipment const& what, context& cx) {
    auto* const one = by.knows_poison() || cx.stop_requested() ? nullptr : by.borrow_now();
    if (!one) return shipping{by, what, 1, cx}.run();
    struct lent {
        keeper& to;
        cell* one;
        ~lent() {
            if (one) shipping::return_cell(to, *one);
        }
    } mine{by, one};
    auto const how = one->send(what, 0);
    if (how == cell::sending::failed) return;
    one->publish();
    std::chrono::nanoseconds const most{one->memory.page().spin.load(std::memory_order_relaxed)};    // a number alone
    auto const sent = how == cell::sending::sent;
    if (sent && one->looks.look(most, [one] { return one->has_answer(); }) && one->drain(what) == 1) return by.count_calls(1);
    shipping rest{by, what, cx, *one, sent};
    mine.one = nullptr;
    rest.run();
}

}  // namespace muster::detail
