#pragma once

#include <cerrno>              // errno
#include <cstddef>             // size_t
#include <initializer_list>    // affinity{3}
#include <span>                // numbers
#include <string>              // to_string
#include <utility>             // move, swap
#include <vector>              // a mask for many CPUs

#include <sched.h>    // sched_getaffinity, sched_setaffinity

#include <muster/core/failure.hpp>         // failure
#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster {

// Binding and memory. Linux takes a page from the node of the CPU that writes it first, and mostly leaves it. So a thread that is
// to live on one node binds itself in its first line, before it calls anything deep or allocates:
//
//     std::jthread worker{[cpu] { (void)muster::pin_to(cpu); run(); }};    // what run() touches first is near: stack, arenas
//
// What whoever starts the thread wrote is near the starter instead: the closure, the thread's control block and thread-locals,
// and the end of the stack that they lie on: a page, with transparent huge pages up to 2 MiB. Where that matters too, start the
// thread while `pinned` to the CPU that it is for: it inherits the mask. The C library hands the stacks of threads that have
// ended to new ones, pages and all: start the workers before threads of other places come and go.
// Memory meant for a worker (a deque, a scratch pad) is made by that worker after it is bound, or at least first written by it.

/// The CPUs that a thread may run on, by the kernel's numbers.
///
/// Default    none.
/// Threads    the mask belongs to a thread; one that is started inherits its starter's, a single CPU included.
/// Cost       one system call to ask or to bind.
class affinity {
public:
    /// Numbers are below this, eight times what Linux is built for; others are left out.
    static constexpr std::size_t limit = 65'536;

    affinity() = default;
    affinity(std::initializer_list<std::size_t> cpus) : affinity(std::span{cpus.begin(), cpus.size()}) {}
    explicit affinity(std::span<std::size_t const> cpus);

    /// Of the calling thread: of all online CPUs those that its mask and its control group leave. None where that is refused.
    [[nodiscard]] static affinity of_thread();

    [[nodiscard]] std::size_t count() const noexcept;
    [[nodiscard]] bool allows(std::size_t cpu) const noexcept;
    /// Ascending.
    [[nodiscard]] std::vector<std::size_t> cpus() const;

    /// Binds the calling thread; with CPUs that it may not use left out, as long as one remains.
    ///
    /// Fails      cause::unavailable: no CPU remains, or this process may not bind its threads. The thread then runs as before.
    outcome<void> bind() const;

private:
    friend class pinned;
    [[nodiscard]] std::size_t bytes() const noexcept { return sets_.size() * sizeof(cpu_set_t); }

    std::vector<cpu_set_t> sets_;    // 1,024 CPUs each
};

/// Binds the calling thread to one CPU, for good: the first line of a thread that has its place.
///
/// Fails      cause::unavailable: an absent or forbidden CPU, a machine that lets no one bind. The thread then runs as before:
///            correct, only perhaps farther from its memory, so that most callers need not look.
outcome<void> pin_to(std::size_t cpu);

/// Binds the calling thread for a while: until this goes out of scope.
///
/// Threads    made and destroyed by one thread.
/// Lifetime   restores what `affinity::of_thread` was; several are undone in reverse order.
class pinned {
public:
    /// Fails      as `affinity::bind`; also where the mask cannot be asked, and so not be restored.
    [[nodiscard]] static outcome<pinned> to(affinity const& where);

    pinned(pinned&& other) noexcept = default;
    pinned& operator=(pinned other) noexcept {
        std::swap(before_.sets_, other.before_.sets_);
        return *this;
    }
    ~pinned();

private:
    explicit pinned(affinity before) noexcept : before_(std::move(before)) {}

    affinity before_;    // empty: moved from
};

// Implementation

inline affinity::affinity(std::span<std::size_t const> cpus) {
    for (auto const cpu : cpus) {
        if (cpu >= limit) continue;
        auto const set = cpu / CPU_SETSIZE;
        if (set >= sets_.size()) sets_.resize(set + 1);
        CPU_SET(cpu % CPU_SETSIZE, &sets_[set]);
    }
}

inline affinity affinity::of_thread() {
    affinity found;
    // A mask that is too small for the kernel's is refused: grow until it fits.
    for (std::size_t sets = 1; sets <= limit / CPU_SETSIZE; sets *= 2) {
        found.sets_.assign(sets, cpu_set_t{});
        if (::sched_getaffinity(0, found.bytes(), found.sets_.data()) == 0) return found;
    }
    return {};
}

inline std::size_t affinity::count() const noexcept {
    return sets_.empty() ? 0 : static_cast<std::size_t>(CPU_COUNT_S(bytes(), sets_.data()));
}

inline bool affinity::allows(std::size_t cpu) const noexcept {
    auto const set = cpu / CPU_SETSIZE;
    return set < sets_.size() && CPU_ISSET(cpu % CPU_SETSIZE, &sets_[set]);
}

inline std::vector<std::size_t> affinity::cpus() const {
    std::vector<std::size_t> numbers;
    for (std::size_t cpu = 0; cpu < sets_.size() * CPU_SETSIZE; ++cpu)
        if (allows(cpu)) numbers.push_back(cpu);
    return numbers;
}

inline outcome<void> affinity::bind() const {
    auto const wanted = cpus();
    if (wanted.empty()) return failure{cause::unavailable, "a thread needs a CPU to be bound to"};
    if (::sched_setaffinity(0, bytes(), sets_.data()) == 0) return {};
    // A sandbox may refuse with any number; they all mean the same here.
    if (errno != EINVAL) return failure{cause::unavailable, system_failure(errno, "cannot bind a thread to CPUs").text()};
    auto const which = wanted.size() == 1 ? "CPU " + std::to_string(wanted[0]) + " is not"
                                          : "none of " + std::to_string(wanted.size()) + " CPUs to bind a thread to is";
    return failure{cause::unavailable, which + " online and granted to this process"};
}

inline outcome<void> pin_to(std::size_t cpu) {
    if (cpu < affinity::limit) return affinity{cpu}.bind();
    return failure{cause::unavailable, "there is no CPU " + std::to_string(cpu)};
}

inline outcome<pinned> pinned::to(affinity const& where) {
    auto before = affinity::of_thread();
    if (before.count() == 0) return failure{cause::unavailable, "this thread may not ask which CPUs it runs on, to return to them"};
    if (auto bound = where.bind(); !bound) return std::move(bound).error();
    return pinned{std::move(before)};
}

inline pinned::~pinned() {
    // Refused only when those CPUs were taken from the process meanwhile: the kernel has then bound its threads as it must.
    if (!before_.sets_.empty()) ::sched_setaffinity(0, before_.bytes(), before_.sets_.data());
}

}  // namespace muster
