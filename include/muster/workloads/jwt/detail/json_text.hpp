#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <string_view>    // string_view

namespace muster::jwt::detail {

// Reads the bytes of a JSON string one after the other, escapes resolved. The text is what stands between the quotes, and was
// found to be well formed. Where it was not, as when another process says so, the bytes mean nothing; but none behind the text is
// read, and there are never more than it has letters.
class json_bytes {
public:
    explicit json_bytes(std::string_view raw) noexcept : raw_(raw) {}

    // The next byte, or -1 at the end.
    int next() noexcept {
        if (waiting_ != 0) return pending_[--waiting_];
        if (at_ == raw_.size()) return -1;
        auto const letter = static_cast<unsigned char>(raw_[at_++]);
        if (letter != '\\' || at_ == raw_.size()) return letter;
        switch (raw_[at_++]) {
            case 'b': return '\b';
            case 'f': return '\f';
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'u': return character();
            default: return static_cast<unsigned char>(raw_[at_ - 1]);    // the quote, the backslash, the slash
        }
    }

private:
    std::uint32_t four_digits() noexcept {
        std::uint32_t value = 0;
        for (int i = 0; i < 4 && at_ != raw_.size(); ++i) {
            auto const digit = static_cast<unsigned char>(raw_[at_++]);
            value = value << 4 | (digit <= '9' ? digit - std::uint32_t{'0'} : (digit | 0x20u) - 'a' + 10);
        }
        return value;
    }
    int character() noexcept {
        auto code = four_digits();
        if (code >= 0xd800 && code < 0xdc00) {
            at_ += raw_.size() - at_ < 2 ? raw_.size() - at_ : 2;    // the \u of the second half
            code = 0x10000 + ((code - 0xd800) << 10) + (four_digits() - 0xdc00);
        }
        auto const tail = [&](unsigned shift) { pending_[waiting_++] = static_cast<unsigned char>(0x80 | ((code >> shift) & 0x3f)); };
        if (code < 0x80) return static_cast<int>(code);
        tail(0);
        if (code < 0x800) return static_cast<int>(0xc0 | code >> 6);
        tail(6);
        if (code < 0x10000) return static_cast<int>(0xe0 | code >> 12);
        tail(12);
        return static_cast<int>(0xf0 | code >> 18);
    }

    std::string_view raw_;
    std::size_t at_ = 0;
    unsigned char pending_[3] = {};    // what is left of a character, backwards
    std::size_t waiting_ = 0;
};

[[nodiscard]] inline bool has_escapes(std::string_view raw) noexcept { return raw.find('\\') != raw.npos; }

// Writes the string without escapes; `into` has at least as much room as it is long, for it only gets shorter.
inline std::string_view unescape(std::string_view raw, char* into) noexcept {
    std::size_t size = 0;
    json_bytes bytes{raw};
    for (int byte = bytes.next(); byte >= 0; byte = bytes.next()) into[size++] = static_cast<char>(byte);
    return {into, size};
}

// The string says exactly these bytes.
[[nodiscard]] inline bool says(std::string_view raw, std::string_view text) noexcept {
    if (!has_escapes(raw)) return raw == text;
    json_bytes bytes{raw};
    for (auto const wanted : text)
        if (bytes.next() != static_cast<unsigned char>(wanted)) return false;
    return bytes.next() < 0;
}

[[nodiscard]] inline bool same_text(std::string_view raw, std::string_view other_raw) noexcept {
    if (!has_escapes(raw) && !has_escapes(other_raw)) return raw == other_raw;
    json_bytes a{raw}, b{other_raw};
    for (;;) {
        auto const byte = a.next();
        if (byte != b.next()) return false;
        if (byte < 0) return true;
    }
}

}  // namespace muster::jwt::detail
