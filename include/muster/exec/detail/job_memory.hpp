#pragma once

#include <atomic>     // atomic
#include <cstddef>    // size_t, byte, max_align_t
#include <cstdint>    // int32_t
#include <new>        // placement

namespace muster::detail {

/// Memory for jobs that one thread makes and another ends, which is what allocators are slowest at. A thread cuts it from a block
/// of its own, one piece behind the other; a block is freed when all that was cut from it is over.
///
/// Threads    `cut` is for the thread that calls it, `give_back` for any.
/// Lifetime   a block may outlive the thread that cut it.
/// Cost       an allocation a block of 4 KiB, one atomic subtraction a piece. One piece that stays keeps its block.
class job_block {
public:
    struct piece {
        void* at;         // null: too large for a block, or this thread is about to end
        job_block* of;    // to be given back to
    };
    /// Aligned as all that has no wish of its own. Throws std::bad_alloc.
    static piece cut(std::size_t bytes) {
        bytes = (bytes + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
        if (bytes > largest) return {nullptr, nullptr};
        auto& my = mine_;
        if ((!my.block || sizeof my.block->room_ - my.used < bytes) && !renew()) return {nullptr, nullptr};
        auto* const at = my.block->room_ + my.used;
        my.used += bytes;
        ++my.pieces;
        return {at, my.block};
    }
    void give_back() noexcept {
        if (over_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;    // pairs with itself: who frees it has seen all end
    }

private:
    static constexpr std::size_t largest = 512;
    struct open {    // what a thread cuts from
        job_block* block;
        std::size_t used;
        std::int32_t pieces;
        bool at_end;    // nobody would close another block
    };
    struct at_exit {    // of the thread
        ~at_exit() {
            close();
            mine_.at_end = true;
        }
    };
    static void close() noexcept {
        auto& my = mine_;
        if (my.block && my.block->over_.fetch_add(my.pieces, std::memory_order_acq_rel) == -my.pieces) delete my.block;    // as in `give_back`
        my = {};
    }
    [[gnu::noinline, gnu::cold]] static bool renew() {
        if (mine_.at_end) return false;
        thread_local at_exit const closes;
        static_cast<void>(&closes);    // from now on
        auto* const next = new job_block;
        close();
        mine_.block = next;
        return true;
    }

    static inline thread_local constinit open mine_{};
    std::atomic<std::int32_t> over_{0};    // less than nothing while the block is cut from; then what is left of it
    alignas(std::max_align_t) std::byte room_[4096 - 3 * sizeof(std::max_align_t)];
};

}  // namespace muster::detail
