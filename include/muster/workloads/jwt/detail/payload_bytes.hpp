#pragma once

#include <array>          // small payloads
#include <cstddef>        // size_t
#include <cstring>        // memcpy
#include <memory>         // unique_ptr
#include <string_view>    // string_view
#include <utility>        // move

namespace muster::jwt::detail {

// Bytes that are copied in once: within the object where there are few of them, as nearly always.
class payload_bytes {
public:
    static constexpr std::size_t within = 256;

    payload_bytes() noexcept = default;
    explicit payload_bytes(std::string_view bytes) : size_(bytes.size()) {
        if (size_ > within) large_.reset(new char[size_]);
        if (size_ != 0) std::memcpy(data(), bytes.data(), size_);
    }
    // `fill(data)` writes that many.
    template <class Fill>
    payload_bytes(std::size_t size, Fill&& fill) : size_(size) {
        if (size_ > within) large_.reset(new char[size_]);
        fill(data());
    }
    payload_bytes(payload_bytes const& other) : payload_bytes(other.view()) {}
    payload_bytes(payload_bytes&& other) noexcept : size_(other.size_), large_(std::move(other.large_)) {
        if (!large_) std::memcpy(small_.data(), other.small_.data(), size_);
        other.size_ = 0;
    }
    payload_bytes& operator=(payload_bytes const& other) { return *this = payload_bytes{other}; }
    payload_bytes& operator=(payload_bytes&& other) noexcept {
        if (this == &other) return *this;
        size_ = other.size_;
        large_ = std::move(other.large_);
        if (!large_) std::memcpy(small_.data(), other.small_.data(), size_);
        other.size_ = 0;
        return *this;
    }

    [[nodiscard]] std::string_view view() const noexcept { return {large_ ? large_.get() : small_.data(), size_}; }

private:
    char* data() noexcept { return large_ ? large_.get() : small_.data(); }

    std::size_t size_ = 0;
    std::unique_ptr<char[]> large_;
    std::array<char, within> small_;    // as far as `size_`, where `large_` is null
};

}  // namespace muster::jwt::detail
