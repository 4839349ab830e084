#pragma once

#include <array>          // those with tables
#include <cstddef>        // size_t
#include <optional>       // what is wrong with it
#include <span>           // a batch
#include <string_view>    // string_view
#include <variant>        // holds_alternative

#include <muster/workloads/jwt/detail/ed25519.hpp>          // ed25519_key
#include <muster/workloads/jwt/detail/ed25519_table.hpp>    // verify_each
#include <muster/workloads/jwt/detail/key_record.hpp>       // key_record
#include <muster/workloads/jwt/detail/scalar25519.hpp>      // below_order
#include <muster/workloads/jwt/fault.hpp>                   // fault

namespace muster::jwt::detail {

// A signature that is to be looked at with others.
struct signature_job {
    key_record const* key = nullptr;
    std::string_view message{}, signature{};
    std::size_t token = 0;               // which of the batch
    std::optional<fault> wrong{};        // the answer
};

// True where a signature of this key is looked at with others.
[[nodiscard]] inline bool goes_together(key_record const& key) noexcept {
    return !key.verifying && std::holds_alternative<ed25519_key>(key.material);
}

// All signatures of a batch that go together, which are those of Ed25519: where their keys have earned tables, one inversion for 64
// of them. Each is judged as alone.
inline void verify_ed25519(std::span<signature_job> jobs) {
    constexpr std::size_t most = 64;
    std::array<ed25519_job, most> ready;
    std::array<signature_job*, most> whose;
    std::size_t count = 0;
    auto const judge = [&] {
        verify_each({ready.data(), count});
        for (std::size_t i = 0; i < count; ++i)
            whose[i]->wrong = ready[i].good ? std::nullopt : std::optional{fault::bad_signature};
        count = 0;
    };
    for (auto& one : jobs) {
        auto const& key = *std::get_if<ed25519_key>(&one.key->material);
        auto const* const table = one.signature.size() == ed25519_key::signature_size ? key.table(0) : nullptr;
        if (!table || !below_order(unsigned_bytes(one.signature) + 32)) {    // alone, and each use counts for a table
            one.wrong = key.verify(one.message, one.signature);
            continue;
        }
        whose[count] = &one;
        ready[count++] = {table, one.message, unsigned_bytes(one.signature)};
        if (count == most) judge();
    }
    judge();
}

}  // namespace muster::jwt::detail
