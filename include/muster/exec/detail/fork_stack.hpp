#pragma once

#include <atomic>         // the wish for work
#include <cstddef>        // size_t
#include <cstdint>        // uintptr_t
#include <memory>         // construct_at
#include <new>            // align_val_t

#include <sys/mman.h>     // mmap

#include <muster/core/context.hpp>    // context

// What a fork costs while nobody wants it: three plain stores, one load of a flag, one compare at the join.
//
// Each thread that forks has a stack of pointers to its forks, the oldest at the bottom. It alone reads and writes it. Whoever
// is idle raises `wanted`; the owner sees that at its next fork and shares its oldest one, the largest piece of work that it
// has: empties the place on the stack and puts the fork where others can take it. A join that finds its place as it left it
// calls the other side directly; only one that finds it empty has to ask.
//
// The idea is that of heartbeat scheduling (Acar, Charguéraud, Guatto, Rainey, Sieczkowski, PLDI 2018), with a thief's wish in
// place of the beat; the stack beside the thread's own is that of Spice and of Lace (van Dijk, van de Pol, 2014).

namespace muster::detail {

class crew;
struct fork_stack;
struct work_queue;

/// Something that may start more work while it runs. Who waits for it may help with what it started, and with nothing else.
struct scope {
    scope* parent = nullptr;              // the scope that started this one
    std::atomic<bool> offered{true};      // others can take part
};

struct forked;

/// What the forks below one call of `run` share.
struct fork_run {
    context const& cx;
    std::atomic<bool> stopped{false};
};

/// A fork that others can take.
struct shared_fork : scope {
    forked* what;
    fork_stack* from;                     // whose it is
    fork_run* run;
    work_queue* home;                     // that it is offered in, whose mutex guards the next two
    bool taken = false;
    fork_stack* by = nullptr;             // where whoever took it forks
    std::atomic<bool> done{false};        // the last write of whoever took it
    shared_fork* before = nullptr;
    shared_fork* after = nullptr;
};

/// One side of a join, on the stack of the call that waits for it. A fork writes `run` alone.
struct forked {
    using call = void (*)(forked&, forked** at) noexcept;
    explicit forked(call how) noexcept : run(how) {}
    forked(forked const&) = delete;
    ~forked() {}    // `shared` needs none

    call run;
    union {
        shared_fork shared;    // made when it is shared
    };
};

/// The forks of one thread, at the start of a stretch of addresses, so that a place on it leads to the whole.
///
/// It has two halves: one for calls that hand their place along, whose top is known to them alone, and one for calls that
/// look it up in `top`. Both are longer than an 8 MiB stack of calls that fork can be deep.
struct alignas(64) fork_stack {
    static constexpr std::size_t length = std::size_t{2} << 20;
    enum wish : unsigned { nothing = 0, work = 1, stop = 2 };

    static fork_stack* of_place(forked** at) noexcept {
        auto* const byte = reinterpret_cast<char*>(at);
        return reinterpret_cast<fork_stack*>(byte - (reinterpret_cast<std::uintptr_t>(byte) & (length - 1)));
    }
    /// The stack of this thread, or null outside of `run`.
    static fork_stack*& here() noexcept { return here_; }

    static fork_stack* make(crew& of) noexcept;
    static void destroy(fork_stack* one) noexcept;

    [[nodiscard]] forked** first() noexcept { return half(0); }
    /// For a new run or a fork that was taken: nothing is on it yet.
    void begin(fork_run& of_run) noexcept {
        oldest[0] = half(0);
        oldest[1] = top = half(1);
        run = &of_run;
        active.store(true);    // seq_cst: a stop sets `stopped` first, then looks for the active
        if (run->stopped.load()) wish(stop);
    }
    /// Wishes are forgotten here, not in `begin`: one may be meant for what is about to begin.
    void end() noexcept {
        active.store(false, std::memory_order_relaxed);    // a hint, as is `nothing`: who wants work asks again
        wanted.store(nothing, std::memory_order_relaxed);
    }
    void wish(enum wish what) noexcept { wanted.fetch_or(what, std::memory_order_release); }    // pairs with `answer`: it sees the stop too

    /// Somebody wishes something: at a fork, whose place is `newest`. Throws what makes a failure of a run that was asked to stop.
    [[gnu::cold]] void answer(forked** newest);
    /// True when it was run elsewhere, and is done; false when it is the caller's again.
    [[gnu::cold]] bool settle(forked** at, forked& one) noexcept;
    /// Shares what the calls that look up their place have forked: this thread is about to wait.
    void share_all() noexcept;

    std::atomic<unsigned> wanted{nothing};    // the only member that a fork reads

    alignas(64) crew* of;
    forked** oldest[2];                       // in each half: below it nothing is private
    forked** top;                             // of the second half
    fork_run* run = nullptr;
    std::atomic<bool> active{false};
    fork_stack* next = nullptr;               // in the crew's list of all
    fork_stack* next_free = nullptr;          // in its list of unused ones

private:
    explicit fork_stack(crew& owner) noexcept : of(&owner) {}
    [[nodiscard]] forked** half(std::size_t which) noexcept {
        return which == 0 ? reinterpret_cast<forked**>(this + 1) : reinterpret_cast<forked**>(reinterpret_cast<char*>(this) + length / 2);
    }
    forked**& oldest_of(forked** at) noexcept { return oldest[at >= half(1)]; }
    void share_oldest(forked**& from) noexcept;

    static inline thread_local constinit fork_stack* here_ = nullptr;
};

inline fork_stack* fork_stack::make(crew& owner) noexcept {
    // Only what is used becomes memory; the pages behind the end catch what is deeper, as behind any stack.
    auto const page = std::size_t{4096};
    auto* const all = ::mmap(nullptr, 2 * length + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) return nullptr;
    auto const before = (length - (reinterpret_cast<std::uintptr_t>(all) & (length - 1))) & (length - 1);
    auto* const place = static_cast<char*>(all) + before;
    if (before != 0) ::munmap(all, before);
    ::munmap(place + length + page, length - before);
    if (::mprotect(place, length, PROT_READ | PROT_WRITE) != 0) {
        ::munmap(place, length + page);
        return nullptr;
    }
    return ::new (place) fork_stack(owner);
}

inline void fork_stack::destroy(fork_stack* one) noexcept { ::munmap(one, length + 4096); }

}  // namespace muster::detail
