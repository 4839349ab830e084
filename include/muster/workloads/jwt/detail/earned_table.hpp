#pragma once

#include <array>      // public key
#include <atomic>     // one thread builds while others verify
#include <cstddef>    // size_t
#include <cstdint>    // uint64_t

#include <muster/workloads/jwt/detail/ed25519_table.hpp>    // ed25519_table

namespace muster::jwt::detail {

// The table of one key, once the key has shown that it is used: the thread whose use it is builds it, and the others go on without
// meanwhile. A table costs what 40 verifications by libsodium save, and 512 KiB; so it is made after 256, and a process has 64 at
// most. Keys beyond them ask again after every 256, and get one when the key of another has gone.
class earned_table {
public:
    static constexpr std::uint64_t uses_before = 256;
    static constexpr std::size_t most = 64;    // 32 MiB, and 512 KiB for the base point

    earned_table() noexcept = default;
    earned_table(earned_table const&) noexcept {}    // a copy earns its own
    earned_table& operator=(earned_table const&) = delete;
    ~earned_table() {
        if (auto const* const made = table_.load()) {
            delete made;
            give_back();
        }
    }

    // The table, where it is there; null until then. Counts `uses`, up to the first that finds it.
    [[nodiscard]] ed25519_table const* use(ed25519_table::public_key const& key, std::size_t uses = 1) const noexcept {
        // acquire: pairs with the exchange in build; what it points to was written before
        if (auto const* const made = table_.load(std::memory_order_acquire)) return made;
        // relaxed: pairs with itself; nothing is read because of it
        auto const before = uses_.fetch_add(uses, std::memory_order_relaxed);
        return before / uses_before == (before + uses) / uses_before ? nullptr : build(key);
    }

    // In this process, of all keys.
    [[nodiscard]] static std::size_t in_process() noexcept { return count().load(); }

private:
    static std::atomic<std::size_t>& count() noexcept {
        static std::atomic<std::size_t> of_all{0};
        return of_all;
    }
    static void give_back() noexcept { count().fetch_sub(1); }

    ed25519_table const* build(ed25519_table::public_key const& key) const noexcept {
        auto taken = count().load();
        do {
            if (taken >= most) return nullptr;
        } while (!count().compare_exchange_weak(taken, taken + 1));
        auto made = ed25519_table::build(key);
        ed25519_table const* there = nullptr;
        // release: pairs with the load of use; acquire on failure: where this thread was so slow that the next one has built too
        if (made && table_.compare_exchange_strong(there, made.get(), std::memory_order_release, std::memory_order_acquire))
            return made.release();    // its owner is this object now
        give_back();
        return there;
    }

    mutable std::atomic<ed25519_table const*> table_{nullptr};
    mutable std::atomic<std::uint64_t> uses_{0};
};

}  // namespace muster::jwt::detail
