#pragma once

#include <charconv>       // from_chars
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <string>         // texts
#include <string_view>    // string_view

#include <muster/core/json.hpp>    // utf8_length

namespace muster::llm::detail {

/// Walks over JSON once, without keeping it: each member says whether what it looked at was well formed.
///
/// Source     RFC 8259; texts are UTF-8, surrogates come in pairs, nothing nests deeper than 64.
class json_walk {
public:
    explicit json_walk(std::string_view text) : text_(text) {}

    /// Calls `member(name)` after each name; it walks over the value.
    template <class Member>
    bool object(Member&& member) {
        return nested('{', '}', [&] {
            std::string name;
            return text(&name) && take(':') && member(std::string_view{name});
        });
    }
    /// Calls `item()` before each value; it walks over it.
    template <class Item>
    bool array(Item&& item) { return nested('[', ']', item); }
    /// A text; `into` may be null.
    bool text(std::string* into);
    bool number(std::string_view* into);
    bool any();
    /// Skips blanks; the character that follows, or 0 at the end.
    char next() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    [[nodiscard]] bool at_end() {
        next();
        return at_ == text_.size();
    }

private:
    bool take(char c) {
        if (next() != c) return false;
        ++at_;
        return true;
    }
    template <class Item>
    bool nested(char open, char close, Item&& item) {
        if (!take(open) || depth_ == 64) return false;
        ++depth_;
        if (next() != close) {
            do
                if (!item()) return false;
            while (take(','));
        }
        --depth_;
        return take(close);
    }
    bool word(std::string_view which) {
        if (text_.substr(at_, which.size()) != which) return false;
        at_ += which.size();
        return true;
    }
    bool four_digits(unsigned& into) {
        if (text_.size() - at_ < 4) return false;
        auto const* const from = text_.data() + at_;
        auto const [end, error] = std::from_chars(from, from + 4, into, 16);
        at_ += 4;
        return error == std::errc{} && end == from + 4;
    }
    bool escaped(std::string* into);

    std::string_view text_;
    std::size_t at_ = 0;
    unsigned depth_ = 0;
};

/// What the endpoint reads of the body of a request.
struct chat_request {
    std::string model{};
    std::string prompt{};                 // the text of the last message
    std::size_t bytes = 0;                // of all messages
    std::uint64_t most_tokens = 0;        // 0: not said
    bool wants_json = false;              // response_format is json_object or json_schema
    bool wants_stream = false;
};

/// Null where `body` is one; else what is wrong with it.
[[nodiscard]] inline char const* read_chat(std::string_view body, chat_request& out) {
    json_walk walk{body};
    bool has_messages = false;
    auto const content = [&](std::string& into) {
        if (walk.next() == '"') return walk.text(&into);
        if (walk.next() != '[') return walk.any();
        return walk.array([&] {    // parts; those that are no text count for nothing
            return walk.object([&](std::string_view name) {
                if (name != "text" || walk.next() != '"') return walk.any();
                std::string part;
                if (!walk.text(&part)) return false;
                into += part;
                return true;
            });
        });
    };
    auto const message = [&] {
        out.prompt.clear();
        bool const fine = walk.next() == '{' && walk.object([&](std::string_view name) {
            return name == "content" ? content(out.prompt) : walk.any();
        });
        out.bytes += out.prompt.size();
        has_messages = true;
        return fine;
    };
    auto const fine = walk.object([&](std::string_view name) {
        if (name == "model" && walk.next() == '"') return walk.text(&out.model);
        if (name == "messages" && walk.next() == '[') return walk.array(message);
        if (name == "stream" && walk.next() == 't') return out.wants_stream = true, walk.any();
        if ((name == "max_tokens" || name == "max_completion_tokens") && walk.next() != 'n') {
            std::string_view digits;
            if (!walk.number(&digits)) return false;
            auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.most_tokens);
            return error == std::errc{} && end == digits.data() + digits.size();
        }
        if (name == "response_format" && walk.next() == '{')
            return walk.object([&](std::string_view inner) {
                if (inner != "type" || walk.next() != '"') return walk.any();
                std::string type;
                if (!walk.text(&type)) return false;
                out.wants_json = type == "json_object" || type == "json_schema";
                return true;
            });
        return walk.any();
    });
    if (!fine || !walk.at_end()) return "the body is not the JSON object of a request";
    if (!has_messages) return "the request has no messages";
    if (out.wants_stream) return "streams are not spoken here";
    return nullptr;
}

// Implementation

inline bool json_walk::text(std::string* into) {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
        auto const from = at_;
        while (at_ < text_.size()) {
            auto const c = static_cast<unsigned char>(text_[at_]);
            if (c < 0x20 || c == '"' || c == '\\') break;
            if (c < 0x80) {
                ++at_;
                continue;
            }
            std::size_t bad = 0;
            auto const length = muster::detail::utf8_length(text_, at_, bad);
            if (length == 0) return false;
            at_ += length;
        }
        if (into) into->append(text_, from, at_ - from);
        if (at_ == text_.size()) return false;
        auto const c = text_[at_++];
        if (c == '"') return true;
        if (c != '\\' || !escaped(into)) return false;
    }
    return false;
}

inline bool json_walk::escaped(std::string* into) {
    if (at_ == text_.size()) return false;
    static constexpr std::string_view letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
    auto const c = text_[at_++];
    if (auto const which = letters.find(c); which != letters.npos) {
        if (into) *into += meant[which];
        return true;
    }
    unsigned code = 0, low = 0;
    if (c != 'u' || !four_digits(code) || (code >= 0xdc00 && code <= 0xdfff)) return false;
    if (code >= 0xd800 && code <= 0xdbff) {
        if (!word("\\u") || !four_digits(low) || low < 0xdc00 || low > 0xdfff) return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (!into) return true;
    auto const add = [into](unsigned byte) { *into += static_cast<char>(byte); };
    if (code < 0x80) {
        add(code);
    } else if (code < 0x800) {
        add(0xc0 | (code >> 6));
        add(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        add(0xe0 | (code >> 12));
        add(0x80 | ((code >> 6) & 0x3f));
        add(0x80 | (code & 0x3f));
    } else {
        add(0xf0 | (code >> 18));
        add(0x80 | ((code >> 12) & 0x3f));
        add(0x80 | ((code >> 6) & 0x3f));
        add(0x80 | (code & 0x3f));
    }
    return true;
}

inline bool json_walk::number(std::string_view* into) {
    next();
    auto const from = at_;
    auto const digits = [&] {
        auto const before = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
        return at_ != before;
    };
    (void)word("-");
    if (!word("0") && !digits()) return false;
    if (word(".") && !digits()) return false;
    if (word("e") || word("E")) {
        (void)(word("+") || word("-"));
        if (!digits()) return false;
    }
    if (into) *into = text_.substr(from, at_ - from);
    return true;
}

inline bool json_walk::any() {
    switch (next()) {
        case '{': return object([this](std::string_view) { return any(); });
        case '[': return array([this] { return any(); });
        case '"': return text(nullptr);
        case 't': return word("true");
        case 'f': return word("false");
        case 'n': return word("null");
        default: return number(nullptr);
    }
}

}  // namespace muster::llm::detail
