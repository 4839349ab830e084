#pragma once

#include <cstddef>        // size_t
#include <optional>       // what is wrong with it
#include <span>           // a batch
#include <string_view>    // string_view
#include <variant>        // holds_alternative

#include <muster/workloads/jwt/detail/ed25519.hpp>       // ed25519_key
#include <muster/workloads/jwt/detail/key_record.hpp>    // key_record
#include <muster/workloads/jwt/fault.hpp>                // fault

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

// All signatures of a batch that go together, which are those of Ed25519: here is where what several of them can share belongs. Each is judged as alone.
inline void verify_ed25519(std::span<signature_job> jobs) {
    for (auto& one : jobs) one.wrong = one.key->verify(one.message, one.signature);
}

}  // namespace muster::jwt::detail
