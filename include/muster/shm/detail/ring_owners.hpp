#pragma once

#include <atomic>      // atomic
#include <cstddef>     // size_t
#include <cstdint>     // uint64_t
#include <optional>    // a process that is gone

#include <sys/types.h>    // pid_t

#include <muster/os/process_identity.hpp>       // process_identity
#include <muster/os/wiped_page.hpp>             // wiped_page
#include <muster/shm/detail/arena_words.hpp>    // owner_word

namespace muster::detail {

/// A process that claims cells of a ring. The same place with another generation is another process.
struct ring_owner {
    static constexpr std::uint32_t generations = 1u << 12;    // what a cell has bits for

    std::uint16_t place = 0;    // 0 is nobody
    std::uint16_t generation = 0;

    explicit operator bool() const noexcept { return place != 0; }
    friend bool operator==(ring_owner const&, ring_owner const&) = default;
};

/// The table of the processes that claim cells, in memory that they share: zeros are an empty one.
///
/// Threads    any number, in any number of processes.
/// Lifetime   refers to the table; this process's place is given up at the end. A child of fork has none until it asks.
class ring_owners {
public:
    static constexpr std::size_t places = 1u << 10;
    using table = std::atomic<std::uint64_t>[places];

    explicit ring_owners(table& at) : at_(at) {}
    ring_owners(ring_owners const&) = delete;
    ~ring_owners() {
        if (auto const me = known()) give_up(me);
    }

    /// This process, which gets a place when it has none; nobody where all are taken by the living.
    [[nodiscard]] ring_owner me() noexcept {
        auto const mine = known();
        return mine ? mine : enter();
    }

    /// Whether a process is known to be dead, or to have left. Asks the kernel.
    [[nodiscard]] bool gone(ring_owner who) const noexcept {
        if (who && who == known()) return false;
        auto const entry = owner_word::of(at_[who.place].load());
        if (entry.pid == 0 || entry.generation % ring_owner::generations != who.generation) return true;
        return dead(entry);
    }

private:
    [[nodiscard]] static bool dead(owner_word const& entry) noexcept {
        auto const now = process_identity::of(static_cast<pid_t>(entry.pid));
        return !now || (now->start_time != 0 && entry.start_time != 0 && owner_word::low(now->start_time) != entry.start_time);
    }

    [[nodiscard]] ring_owner known() const noexcept {
        auto const word = here_->load();
        return {static_cast<std::uint16_t>(word & 0xffff), static_cast<std::uint16_t>(word >> 16)};
    }

    ring_owner enter() noexcept {
        auto const who = process_identity::of_this();
        for (int tries = 0; tries < 2; ++tries) {
            for (std::size_t place = 1; place < places; ++place) {
                auto now = at_[place].load();
                auto entry = owner_word::of(now);
                if (entry.pid != 0) continue;
                entry.pid = static_cast<std::uint32_t>(who.pid);
                entry.start_time = owner_word::low(who.start_time);
                if (!at_[place].compare_exchange_strong(now, entry.word())) continue;
                ring_owner const me{static_cast<std::uint16_t>(place), static_cast<std::uint16_t>(entry.generation % ring_owner::generations)};
                std::uint32_t nobody = 0;
                if (here_->compare_exchange_strong(nobody, std::uint32_t{me.generation} << 16 | me.place)) return me;
                give_up(me);    // another thread was first
                return known();
            }
            if (!give_up_the_dead()) break;
        }
        return {};
    }

    bool give_up_the_dead() noexcept {
        bool any = false;
        for (std::size_t place = 1; place < places; ++place) {
            auto now = at_[place].load();
            auto const entry = owner_word::of(now);
            if (entry.pid != 0 && dead(entry)) any |= at_[place].compare_exchange_strong(now, left(entry).word());
        }
        return any;
    }

    void give_up(ring_owner who) noexcept {
        auto now = at_[who.place].load();
        auto const entry = owner_word::of(now);
        if (entry.pid != 0 && entry.generation % ring_owner::generations == who.generation)
            at_[who.place].compare_exchange_strong(now, left(entry).word());
    }

    // Nobody is there any more: the cells that name him are known to be nobody's.
    static owner_word left(owner_word const& entry) noexcept {
        return {.generation = static_cast<std::uint16_t>(entry.generation + 1)};
    }

    table& at_;
    wiped_page<std::atomic<std::uint32_t>> here_;    // place and generation
};

}  // namespace muster::detail
