#pragma once

#include <array>          // digest
#include <cstdint>        // uint64_t
#include <string>         // digest
#include <string_view>    // parts

#include <muster/adapt/openssl_sha256.hpp>    // openssl_sha256

namespace muster::llm {

/// What a run asks, and whom: two runs of the same four are the same run, and what one of them has paid for the other does not pay again.
///
/// Lifetime   the texts are looked at by `digest`, and not kept.
struct run_identity {
    std::string_view document{};    ///< its bytes; a digest of them, where they are more than memory
    std::string_view prompt{};
    std::string_view model{};       ///< with whatever else changes the answers: the endpoint, the temperature
    std::string_view schema{};

    /// SHA-256 over all four, each behind its length: 64 hexadecimal digits.
    [[nodiscard]] std::string digest() const;
    friend bool operator==(run_identity const&, run_identity const&) = default;
};

// Implementation

inline std::string run_identity::digest() const {
    openssl_sha256 hash;
    for (auto const part : {document, prompt, model, schema}) {
        std::array<char, 8> length{};
        for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<char>(std::uint64_t{part.size()} >> (8 * i) & 0xff);
        hash.add({length.data(), length.size()});    // so that no two divisions of one text are the same
        hash.add(part);
    }
    std::string out;
    for (auto const byte : hash.finish()) {
        out += "0123456789abcdef"[byte >> 4];
        out += "0123456789abcdef"[byte & 15];
    }
    return out;
}

}  // namespace muster::llm
