#pragma once

#include <array>        // entries
#include <atomic>       // atomic
#include <cstdint>      // uint64_t
#include <stdexcept>    // length_error

namespace muster::detail {

/// The arenas that this process has mapped, by their numbers. No lock: a child of fork may have been made while one was held.
class arenas_here {
public:
    static constexpr std::size_t most = 64;

    /// Throws std::length_error when there are `most` already.
    static void add(std::uint64_t id, void* where) {
        for (auto& one : entries) {
            void* nobody = nullptr;
            if (!one.where.compare_exchange_strong(nobody, where)) continue;
            one.id.store(id);
            return;
        }
        throw std::length_error{"muster: a process has part in 64 arenas at most"};
    }
    static void remove(void* where) noexcept {
        for (auto& one : entries)
            if (one.where.load() == where) {
                one.id.store(0);
                one.where.store(nullptr);
                return;
            }
    }
    /// Null when there is none. Whoever asks sees to it that the arena is not destroyed meanwhile.
    static void* find(std::uint64_t id) noexcept {
        if (id == 0) return nullptr;
        for (auto& one : entries)
            if (one.id.load() == id) return one.where.load();
        return nullptr;
    }

private:
    struct entry {
        std::atomic<std::uint64_t> id;
        std::atomic<void*> where;
    };
    static inline std::array<entry, most> entries{};
};

}  // namespace muster::detail
