#pragma once

#include <array>          // open names
#include <cstddef>        // size_t
#include <cstdint>        // uint32_t
#include <cstring>        // memcpy
#include <optional>       // what went wrong, or nothing
#include <string_view>    // string_view

#include <sys/random.h>    // getrandom

#include <muster/core/json.hpp>                             // utf8_length
#include <muster/workloads/jwt/detail/json_text.hpp>        // json_bytes, same_text
#include <muster/workloads/jwt/fault.hpp>                   // fault

namespace muster::jwt::detail {

// Names are compared by a mark first. Whoever writes a header could choose names of one mark, 256 of them, and make every token cost
// 32,000 comparisons before its signature is looked at: so nobody outside the process can know the mark of a name.
//
// Source     the step is that of NH (Black, Halevi, Krawczyk, Krovetz, Rogaway, UMAC, CRYPTO 1999), put in a chain.
class name_mark {
public:
    // The next eight bytes, or up to eight that are the last ones.
    void add(char const* bytes, std::size_t size) noexcept {
        std::uint64_t word = 0;
        if (size >= 4) {    // both ends, which overlap
            std::uint32_t head = 0, tail = 0;
            std::memcpy(&head, bytes, 4);
            std::memcpy(&tail, bytes + size - 4, 4);
            word = std::uint64_t{head} << 32 | tail;
        } else {
            for (std::size_t i = 0; i < size; ++i) word = word << 8 | static_cast<unsigned char>(bytes[i]);
        }
        step(word);
        size_ += size;
    }
    [[nodiscard]] std::uint32_t value() noexcept {
        step(size_);
        return static_cast<std::uint32_t>(state_ ^ state_ >> 32);
    }

private:
    void step(std::uint64_t word) noexcept {
        word ^= state_;
        state_ = std::uint64_t{static_cast<std::uint32_t>(word + secret)} * static_cast<std::uint32_t>((word >> 32) + (secret >> 32));
    }
    static std::uint64_t chance() noexcept {
        std::uint64_t number = 0;
        // Without randomness, an address: they differ from one run to the next.
        if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof number))
            number = reinterpret_cast<std::uintptr_t>(&number) * 0x9e37'79b9'7f4a'7c15u;
        return number;
    }

    inline static std::uint64_t const secret = chance();    // while it is 0, before main, marks are good as well
    std::uint64_t state_ = 0, size_ = 0;
};

[[nodiscard]] inline std::uint32_t mark_of(std::string_view name) noexcept {
    name_mark mark;
    for (; name.size() > 8; name.remove_prefix(8)) mark.add(name.data(), 8);
    mark.add(name.data(), name.size());
    return mark.value();
}

// That of the name without its escapes.
[[nodiscard]] inline std::uint32_t mark_of_escaped(std::string_view raw) noexcept {
    name_mark mark;
    char bytes[8];
    std::size_t size = 0;
    json_bytes name{raw};
    for (int byte = name.next(); byte >= 0; byte = name.next()) {
        if (size == 8) {
            mark.add(bytes, 8);
            size = 0;
        }
        bytes[size++] = static_cast<char>(byte);
    }
    mark.add(bytes, size);
    return mark.value();
}

enum class json_kind : std::uint8_t { object, array, string, number, boolean, null };

struct json_value {
    json_kind kind = json_kind::null;
    std::string_view raw{};    // as it is written; of a string without its quotes
    bool has_escapes = false;
};

// One strict pass over a JSON text, without memory of its own: RFC 8259, and besides no two members of one name at any depth,
// UTF-8 alone, no half surrogate pairs, bounds for depth and members. What a parser would let pass is where attacks on tokens
// live: two readers that understand one text differently.
class json_scan {
public:
    static constexpr unsigned max_depth = 32;
    static constexpr std::size_t max_members = 256;    // open at a time: of an object and of those around it

    explicit json_scan(std::string_view text, unsigned deepest = max_depth) noexcept : text_(text), deepest_(deepest) {}

    // The whole text is one object; `visit(name as written, value)` for each of its members. What went wrong, or nothing.
    template <class Visit>
    [[nodiscard]] std::optional<fault> object(Visit&& visit) {
        space();
        if (!take('{')) return fault::bad_json;
        if (!members(1, visit)) return flaw_;
        space();
        if (at_ != text_.size()) return fault::trailing_bytes;
        return std::nullopt;
    }

    // The whole text is one array, found to be well formed; `visit(value)` for each of its elements.
    template <class Visit>
    [[nodiscard]] std::optional<fault> array(Visit&& visit) {
        space();
        if (!take('[')) return fault::bad_json;
        if (!elements(1, visit)) return flaw_;
        space();
        if (at_ != text_.size()) return fault::trailing_bytes;
        return std::nullopt;
    }

    // The whole text is one value, as a member of an object has it.
    [[nodiscard]] std::optional<fault> alone() {
        json_value found;
        space();
        if (!value(1, found)) return flaw_;
        space();
        if (at_ != text_.size()) return fault::trailing_bytes;
        return std::nullopt;
    }

private:
    struct open_name {
        std::uint32_t at, size, mark;
    };

    bool fail(fault which) noexcept {
        flaw_ = which;
        return false;
    }
    [[nodiscard]] bool more() const noexcept { return at_ < text_.size(); }
    [[nodiscard]] char here() const noexcept { return text_[at_]; }
    bool take(char wanted) noexcept {
        if (!more() || here() != wanted) return false;
        ++at_;
        return true;
    }
    void space() noexcept {
        while (more() && (here() == ' ' || here() == '\t' || here() == '\n' || here() == '\r')) ++at_;
    }

    template <class Visit>
    bool members(unsigned depth, Visit&& visit) {
        auto const first = open_;
        space();
        if (take('}')) return true;
        for (;;) {
            json_value name;
            if (!take('"')) return fail(fault::bad_json);
            if (!string(name) || !remember(first, name)) return false;
            space();
            if (!take(':')) return fail(fault::bad_json);
            space();
            json_value found;
            if (!value(depth, found)) return false;
            visit(name.raw, found);
            space();
            if (take('}')) break;
            if (!take(',')) return fail(fault::bad_json);
            space();
        }
        open_ = first;
        return true;
    }

    template <class Visit>
    bool elements(unsigned depth, Visit&& visit) {
        space();
        if (take(']')) return true;
        for (;;) {
            json_value found;
            if (!value(depth, found)) return false;
            visit(found);
            space();
            if (take(']')) return true;
            if (!take(',')) return fail(fault::bad_json);
            space();
        }
    }

    bool value(unsigned depth, json_value& found) {
        if (!more()) return fail(fault::bad_json);
        auto const start = at_;
        switch (here()) {
            case '"':
                ++at_;
                found.kind = json_kind::string;
                return string(found);
            case '{':
            case '[': {
                auto const is_object = here() == '{';
                if (depth >= deepest_) return fail(fault::too_deep);
                ++at_;
                found.kind = is_object ? json_kind::object : json_kind::array;
                if (is_object ? !members(depth + 1, [](std::string_view, json_value const&) {})
                              : !elements(depth + 1, [](json_value const&) {}))
                    return false;
                break;
            }
            case 't':
                found.kind = json_kind::boolean;
                if (!word("true")) return false;
                break;
            case 'f':
                found.kind = json_kind::boolean;
                if (!word("false")) return false;
                break;
            case 'n':
                found.kind = json_kind::null;
                if (!word("null")) return false;
                break;
            default:
                found.kind = json_kind::number;
                if (!number()) return false;
        }
        found.raw = text_.substr(start, at_ - start);
        return true;
    }

    bool word(std::string_view wanted) noexcept {
        if (text_.substr(at_, wanted.size()) != wanted) return fail(fault::bad_json);
        at_ += wanted.size();
        return true;
    }

    bool digits() noexcept {
        auto const start = at_;
        while (more() && here() >= '0' && here() <= '9') ++at_;
        return at_ != start;
    }
    bool number() noexcept {
        take('-');
        if (!take('0') && !digits()) return fail(fault::bad_json);
        if (take('.') && !digits()) return fail(fault::bad_json);
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return fail(fault::bad_json);
        }
        return true;
    }

    // How many of the next bytes are neither quote, backslash, control character nor outside ASCII: eight at a time. A byte that
    // is none of them may be taken for one where a borrow comes from below it, which only ends the run early.
    [[nodiscard]] std::size_t plain() const noexcept {
        constexpr std::uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
        auto at = at_;
        for (; at + 8 <= text_.size(); at += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, text_.data() + at, sizeof word);
            auto const zero_in = [](std::uint64_t of) { return (of - ones) & ~of & tops; };
            if ((zero_in(word ^ ones * '"') | zero_in(word ^ ones * '\\') | ((word - ones * 0x20) & tops) | (word & tops)) != 0) break;
        }
        return at - at_;
    }

    // After the quote, past the closing one.
    bool string(json_value& found) noexcept {
        auto const start = at_;
        at_ += plain();
        while (more()) {
            auto const letter = static_cast<unsigned char>(here());
            if (letter == '"') {
                found.raw = text_.substr(start, at_ - start);
                ++at_;
                return true;
            }
            if (letter < 0x20) return fail(fault::bad_json);
            if (letter >= 0x80) {
                std::size_t bad = 0;
                auto const size = muster::detail::utf8_length(text_, at_, bad);
                if (size == 0) return fail(fault::bad_utf8);
                at_ += size;
            } else if (letter == '\\') {
                ++at_;
                found.has_escapes = true;
                if (!escape()) return false;
            } else {
                ++at_;
            }
        }
        return fail(fault::bad_json);
    }

    bool escape() noexcept {
        if (!more()) return fail(fault::bad_json);
        if (!take('u')) {
            constexpr std::string_view known = "\"\\/bfnrt";
            if (known.find(here()) == known.npos) return fail(fault::bad_json);
            ++at_;
            return true;
        }
        std::uint32_t code = 0;
        if (!four_digits(code)) return false;
        if (code >= 0xdc00 && code < 0xe000) return fail(fault::bad_utf8);
        if (code < 0xd800 || code >= 0xdc00) return true;
        if (!take('\\') || !take('u')) return fail(fault::bad_utf8);
        if (!four_digits(code)) return false;
        return (code >= 0xdc00 && code < 0xe000) || fail(fault::bad_utf8);
    }
    bool four_digits(std::uint32_t& code) noexcept {
        code = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            if (!more()) return fail(fault::bad_json);
            auto const digit = static_cast<unsigned char>(here());
            auto const low = digit | 0x20u;
            if (digit >= '0' && digit <= '9') code = code << 4 | (digit - std::uint32_t{'0'});
            else if (low >= 'a' && low <= 'f') code = code << 4 | (low - 'a' + 10);
            else return fail(fault::bad_json);
        }
        return true;
    }

    // Refuses a name that this object has already.
    bool remember(std::size_t first, json_value const& name) noexcept {
        auto const written = name.raw;
        auto const mark = name.has_escapes ? mark_of_escaped(written) : mark_of(written);
        for (auto i = first; i < open_; ++i)
            if (names_[i].mark == mark && same_text(text_.substr(names_[i].at, names_[i].size), written)) return fail(fault::duplicate_member);
        if (open_ == max_members) return fail(fault::too_deep);
        names_[open_++] = {static_cast<std::uint32_t>(written.data() - text_.data()), static_cast<std::uint32_t>(written.size()), mark};
        return true;
    }

    std::string_view text_;
    unsigned deepest_;
    std::size_t at_ = 0;
    fault flaw_ = fault::bad_json;
    std::size_t open_ = 0;
    std::array<open_name, max_members> names_;    // of the objects that are open, the innermost last; not filled before it is used
};

}  // namespace muster::jwt::detail
