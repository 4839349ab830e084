#pragma once

#include <cstdint>    // uint64_t
#include <memory>     // construct_at
#include <mutex>      // mutex

#include <pthread.h>    // pthread_atfork

#include <muster/core/context.hpp>           // context::flight
#include <muster/core/intrusive_list.hpp>    // intrusive_list

namespace muster::detail {

/// Knows which flight waits for which, over all caches of the process, so that a circle of them is refused, not entered.
///
/// A flight waits when some call below it waits for another flight; a circle of such waits would never end. Only calls
/// that lead a flight themselves are kept here: the others cannot close a circle.
///
/// Threads    any number at once; one mutex. A child of fork begins without the waits of its parent, whatever other threads did
///            at that moment; one of clone(2), which tells nobody, must come from a process of one thread.
/// Cost       one walk over the nested waits of the process, for each nested wait.
class flight_graph {
public:
    static flight_graph& of_process() noexcept { return only_; }

    /// True when `target` is one of the flights that `chain` leads.
    [[nodiscard]] static bool leads(context::flight const* chain, void const* target) noexcept {
        for (; chain; chain = chain->outer)
            if (chain->key == target) return true;
        return false;
    }

    /// Kept while a call that leads `chain` waits for the flight of key `target`; false when that would close a circle.
    class [[nodiscard]] wait {
    public:
        wait(context::flight const* chain, void const* target) : chain_(chain), target_(target) {
            if (chain_) allowed_ = of_process().add(*this);
        }
        wait(wait const&) = delete;
        wait& operator=(wait const&) = delete;
        ~wait() {
            if (chain_ && allowed_) of_process().remove(*this);
        }
        explicit operator bool() const noexcept { return allowed_; }

        wait* before = nullptr;    // in the graph's list
        wait* after = nullptr;

    private:
        friend class flight_graph;
        context::flight const* chain_;
        void const* target_;
        std::uint64_t lineage_ = 0;
        bool allowed_ = true;
    };

private:
    bool add(wait& one) {
        std::lock_guard lock(mutex_);
        if (reaches(one.target_, one.chain_)) return false;
        one.lineage_ = lineage_;
        waits_.push_back(one);
        return true;
    }
    void remove(wait& one) noexcept {
        std::lock_guard lock(mutex_);
        if (one.lineage_ == lineage_) waits_.erase(one);    // else it is on a stack that came with the fork, and in no list
    }
    // In a child of fork, on its only thread: who held the mutex is not here to leave it, nor who waits to go on.
    void begin_anew() noexcept {
        std::construct_at(&mutex_);
        std::construct_at(&waits_);
        ++lineage_;
    }
    // Does `from` wait, over any number of steps, for a flight of `chain`? There is no circle yet, so this ends.
    bool reaches(void const* from, context::flight const* chain) const {
        if (leads(chain, from)) return true;
        for (auto const* other = waits_.first(); other; other = other->after)
            if (leads(other->chain_, from) && reaches(other->target_, chain)) return true;
        return false;
    }

    std::mutex mutex_;
    intrusive_list<wait> waits_;
    std::uint64_t lineage_ = 0;    // how many forks with handlers lie between the first process and this one

    static flight_graph only_;
    static int const told_;
};

// Both are there before main: made by the first wait, one could be half made when another thread forks, and its child would wait for
// the rest. A handler and not a wiped_page, because a mutex need not be zeros, and a memory_cache is not to ask for a kernel of 4.14.
inline flight_graph flight_graph::only_{};
inline int const flight_graph::told_ = pthread_atfork(nullptr, nullptr, [] { only_.begin_anew(); });    // a macro on Windows

}  // namespace muster::detail
