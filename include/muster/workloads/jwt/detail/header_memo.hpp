#pragma once

#include <array>          // slots
#include <atomic>         // slots are filled while others look
#include <cstddef>        // size_t
#include <memory>         // unique_ptr
#include <string>         // string
#include <string_view>    // string_view

#include <muster/workloads/jwt/detail/token_header.hpp>    // token_type

namespace muster::jwt::detail {

// The first segments of tokens that were good: an issuer writes the same few headers for ever, so most are compared and not read.
// What was learned stays until the keys go; only what a key has signed is learned, so nobody else can fill it.
class header_memo {
public:
    struct entry {
        std::string segment;
        std::size_t key = 0;    // which of the keys
        token_type type{};
    };

    header_memo() noexcept = default;
    header_memo(header_memo const&) = delete;
    header_memo& operator=(header_memo const&) = delete;
    ~header_memo() {
        for (auto& slot : slots_) delete slot.load();
    }

    [[nodiscard]] entry const* find(std::string_view segment) const noexcept {
        for (auto const& slot : slots_) {
            // acquire: pairs with the exchange in learn; what it points to was written before
            auto const* const known = slot.load(std::memory_order_acquire);
            if (!known) return nullptr;
            if (known->segment == segment) return known;
        }
        return nullptr;
    }

    void learn(std::string_view segment, std::size_t key, token_type const& type) {
        // acquire: pairs with the exchange below; full is what it is nearly always
        if (slots_.back().load(std::memory_order_acquire)) return;
        std::unique_ptr<entry const> made{new entry{std::string{segment}, key, type}};
        for (auto& slot : slots_) {
            entry const* there = nullptr;
            // release: pairs with the loads of find; acquire on failure, for what another learned is compared
            if (slot.compare_exchange_strong(there, made.get(), std::memory_order_release, std::memory_order_acquire)) {
                (void)made.release();    // its owner is the slot now
                return;
            }
            if (there->segment == segment) return;
        }
    }

private:
    std::array<std::atomic<entry const*>, 8> slots_{};
};

}  // namespace muster::jwt::detail
