#pragma once

#include <mutex>    // mutex

#include <muster/core/context.hpp>           // context::flight
#include <muster/core/intrusive_list.hpp>    // intrusive_list

namespace muster::detail {

/// Knows which flight waits for which, over all caches of the process, so that a circle of them is refused, not entered.
///
/// A flight waits when some call below it waits for another flight; a circle of such waits would never end. Only calls
/// that lead a flight themselves are kept here: the others cannot close a circle.
///
/// Threads    any number at once; one mutex.
/// Cost       one walk over the nested waits of the process, for each nested wait.
class flight_graph {
public:
    static flight_graph& of_process() {
        static flight_graph only;
        return only;
    }

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
        bool allowed_ = true;
    };

private:
    bool add(wait& one) {
        std::lock_guard lock(mutex_);
        if (reaches(one.target_, one.chain_)) return false;
        waits_.push_back(one);
        return true;
    }
    void remove(wait& one) noexcept {
        std::lock_guard lock(mutex_);
        waits_.erase(one);
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
};

}  // namespace muster::detail
