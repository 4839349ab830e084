#pragma once

#include <cstddef>        // size_t
#include <memory>         // shared_ptr
#include <span>           // keys
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // keys

#include <muster/core/outcome.hpp>                        // outcome
#include <muster/workloads/jwt/detail/header_memo.hpp>    // header_memo
#include <muster/workloads/jwt/fault.hpp>                 // fault
#include <muster/workloads/jwt/key.hpp>                   // key

namespace muster::jwt {

/// Several keys of which a token names one: by `kid`, which is compared and never looked into.
///
/// Fails      fault::duplicate_key_id, where a `kid` would not tell which; fault::mixed_key_set, where a public key could be taken
///            for an HMAC secret; fault::empty_key_set, where no key could verify.
/// Threads    any number at once, also on one set.
/// Cost       a copy counts a reference; `find` compares with each `kid`.
class key_set {
public:
    [[nodiscard]] static outcome<key_set> of(std::vector<key> keys);

    [[nodiscard]] std::span<key const> keys() const noexcept { return shared_->keys; }
    /// The key of that `kid`, or null.
    [[nodiscard]] key const* find(std::string_view id) const noexcept;

    /// `3 keys`.
    [[nodiscard]] std::string describe() const;

    /// For this workload.
    [[nodiscard]] detail::header_memo& memo() const noexcept { return shared_->memo; }

private:
    struct shared {
        std::vector<key> keys;
        mutable detail::header_memo memo{};
    };
    explicit key_set(std::shared_ptr<shared const> of) noexcept : shared_(std::move(of)) {}

    std::shared_ptr<shared const> shared_;
};

// Implementation

inline outcome<key_set> key_set::of(std::vector<key> keys) {
    bool verifies = false;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        verifies = verifies || keys[i].can_verify();
        if (keys[i].is_symmetric() != keys[0].is_symmetric()) return refusal(fault::mixed_key_set);
        for (std::size_t j = 0; j < i; ++j)
            if (keys[i].id() == keys[j].id())
                return refusal(fault::duplicate_key_id, "keys " + std::to_string(j) + " and " + std::to_string(i) + " of the set");
    }
    if (!verifies) return refusal(fault::empty_key_set);
    return key_set{std::shared_ptr<shared const>{new shared{std::move(keys)}}};
}

inline key const* key_set::find(std::string_view id) const noexcept {
    for (auto const& one : shared_->keys)
        if (one.id() == id) return &one;
    return nullptr;
}

inline std::string key_set::describe() const {
    return std::to_string(shared_->keys.size()) + (shared_->keys.size() == 1 ? " key" : " keys");
}

}  // namespace muster::jwt
