#pragma once

#include <algorithm>      // min, max
#include <array>          // names of classes
#include <cstddef>        // size_t
#include <cstdint>        // counts
#include <limits>         // no bound
#include <optional>       // what is understood
#include <string>         // texts
#include <string_view>    // regexes
#include <utility>        // move
#include <vector>         // nodes

namespace muster::searching::detail {

/// A part of a regex, with its quantifier.
struct regex_node {
    enum class is : std::uint8_t {
        character,        ///< one of some: a letter, an escape
        set,              ///< [...]
        any,              ///< the dot
        assertion,        ///< ^ $ \b \B
        flags,            ///< (?i)
        group,            ///< captures or not
        atomic_group,     ///< (?>...)
        look,             ///< ahead or behind
        back_reference,   ///< \1
    };
    static constexpr std::uint32_t no_bound = std::numeric_limits<std::uint32_t>::max();

    is kind = is::character;
    std::string text{};                                    ///< as it is written; of a group what opens it
    std::vector<std::vector<regex_node>> branches{};       ///< of groups and looks, one at least
    std::uint32_t least = 1, most = 1;                     ///< how often it comes
    char manner = 0;                                       ///< of a quantifier: ? for lazy, + for possessive

    [[nodiscard]] bool is_group() const noexcept { return kind == is::group || kind == is::atomic_group; }
    friend bool operator==(regex_node const&, regex_node const&) = default;
};

/// A regex as its parts, for those who write another one from it.
///
/// What is read is what every engine reads alike; of anything else nothing is understood: verbs, switches but (?i), conditions, calls of
/// groups, comments, \Q...\E, \A \Z \z \G \K \R \X \C \N \p, octal numbers, {,3}, and bytes of 0. It is a regex that PCRE2 has compiled.
///
/// Cost       in proportion to the regex; as deep as its groups, of which PCRE2 lets 250 be in one another.
struct regex_tree {
    std::vector<std::vector<regex_node>> branches{};
    bool refers_back = false;
    bool looks = false;             ///< ahead or behind
    bool never_backs = false;       ///< atomic groups or possessive quantifiers

    static std::optional<regex_tree> read(std::string_view regex);
    [[nodiscard]] std::string written() const;
    /// How many characters stand in it where repetitions are written out; 1 for a bound that there is not.
    [[nodiscard]] std::uint64_t positions() const;
    friend bool operator==(regex_tree const&, regex_tree const&) = default;
};

[[nodiscard]] std::string written(std::vector<std::vector<regex_node>> const& branches);

// Implementation

class regex_reader {
public:
    explicit regex_reader(std::string_view regex) : text_(regex) {}

    std::optional<regex_tree> read() {
        regex_tree out;
        out.branches = branches(0);
        if (!good_ || at_ != text_.size() || highest_reference_ > groups_) return std::nullopt;
        out.refers_back = highest_reference_ > 0;
        out.looks = looks_;
        out.never_backs = never_backs_;
        return out;
    }

private:
    using is = regex_node::is;

    bool more() const noexcept { return good_ && at_ < text_.size(); }
    char peek(std::size_t ahead = 0) const noexcept { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    bool take(std::string_view what) noexcept {
        if (!text_.substr(at_).starts_with(what)) return false;
        at_ += what.size();
        return true;
    }
    static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
    static bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
    static bool is_word(char c) noexcept { return is_digit(c) || is_letter(c) || c == '_'; }
    static bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

    std::vector<std::vector<regex_node>> branches(int depth) {
        std::vector<std::vector<regex_node>> out(1);
        if (depth > 250) good_ = false;
        while (more() && peek() != ')') {
            if (take("|")) {
                out.emplace_back();
                continue;
            }
            auto node = part(depth);
            if (!good_) break;
            quantify(node);
            out.back().push_back(std::move(node));
        }
        return out;
    }

    regex_node part(int depth) {
        auto const from = at_;
        regex_node out;
        switch (peek()) {
            case '(': return group(depth);
            case '[': return set();
            case '\\': return escape();
            case '.': out.kind = is::any; break;
            case '^':
            case '$': out.kind = is::assertion; break;
            case '*':
            case '+':
            case '?':
            case '\0': good_ = false; break;
            case '{': good_ = !like_quantifier(); break;
            default: break;
        }
        ++at_;
        out.text = text_.substr(from, 1);
        return out;
    }

    regex_node group(int depth) {
        auto const from = at_;
        regex_node out;
        out.kind = is::group;
        if (!take("(?")) {
            take("(");
            if (peek() == '*') good_ = false;    // a verb
            ++groups_;
        } else if (take("=") || take("!") || take("<=") || take("<!")) {
            out.kind = is::look;
            looks_ = true;
        } else if (take(">")) {
            out.kind = is::atomic_group;
            never_backs_ = true;
        } else if (auto const end = take("P<") || take("<") ? '>' : take("'") ? '\'' : '\0'; end != '\0') {
            if (is_digit(peek())) good_ = false;
            while (is_word(peek())) ++at_;
            if (peek() != end) good_ = false;
            ++at_;
            ++groups_;
        } else if (!take(":")) {
            take("-");
            if (!take("i")) good_ = false;
            if (take(")")) {
                out.kind = is::flags;
                out.text = text_.substr(from, at_ - from);
                return out;
            }
            if (!take(":")) good_ = false;
        }
        if (!good_) return out;
        out.text = text_.substr(from, at_ - from);
        out.branches = branches(depth + 1);
        if (!take(")")) good_ = false;
        return out;
    }

    // What a backslash and what follows it are; in a set too. Empty for what is not read alike everywhere.
    std::string_view escaped() {
        auto const from = at_++;
        auto const c = peek();
        ++at_;
        if (c == 'x') {
            if (!is_hex(peek()) || !is_hex(peek(1))) return {};
            at_ += 2;
        } else if (is_word(c)) {
            if (std::string_view{"dDwWsShHvVtnrfae"}.find(c) == std::string_view::npos) return {};
        } else if (c < ' ' || c > '~') {
            return {};
        }
        return text_.substr(from, at_ - from);
    }

    regex_node escape() {
        regex_node out;
        auto const c = peek(1);
        if (c == 'b' || c == 'B') {
            out.kind = is::assertion;
            out.text = text_.substr(at_, 2);
            at_ += 2;
        } else if (c >= '1' && c <= '9' && !is_digit(peek(2))) {
            out.kind = is::back_reference;
            out.text = text_.substr(at_, 2);
            highest_reference_ = std::max(highest_reference_, c - '0');
            at_ += 2;
        } else {
            out.text = escaped();
            if (out.text.empty()) good_ = false;
        }
        return out;
    }

    regex_node set() {
        auto const from = at_++;
        take("^");
        bool whole_class = false;    // the last was one, such as \d: no range begins or ends with it
        for (bool first = true; good_; first = false) {
            if (at_ >= text_.size()) good_ = false;
            auto const c = peek();
            if (c == ']' && !first) break;
            if (c == '-' && !first && peek(1) != ']') {
                auto const next = peek(1);
                bool const class_follows = next == '[' || (next == '\\' && std::string_view{"dDwWsShHvV"}.find(peek(2)) != std::string_view::npos);
                if (whole_class || class_follows) good_ = false;
            }
            whole_class = false;
            if (c == '\\') {
                auto const text = escaped();
                if (text.empty()) good_ = false;
                whole_class = text.size() == 2 && std::string_view{"dDwWsShHvV"}.find(text[1]) != std::string_view::npos;
            } else if (c == '[' && (peek(1) == ':' || peek(1) == '.' || peek(1) == '=')) {
                good_ = good_ && named_class();
                whole_class = true;
            } else {
                if (c == '\0') good_ = false;
                ++at_;
            }
        }
        ++at_;
        regex_node out;
        out.kind = is::set;
        if (good_) out.text = text_.substr(from, at_ - from);
        return out;
    }

    bool named_class() {
        for (std::string_view const name : {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
                 "upper", "word", "xdigit"})
            for (std::string_view const open : {"[:", "[:^"})
                if (take(std::string{open} + std::string{name} + ":]")) return true;
        return false;
    }

    // Braces of which some versions make a quantifier, and some do not; those that all agree about are none of this.
    bool like_quantifier() const noexcept {
        auto i = at_ + 1;
        bool any = false;
        while (i < text_.size() && (is_digit(text_[i]) || text_[i] == ',' || text_[i] == ' ' || text_[i] == '\t')) any = true, ++i;
        return any && i < text_.size() && text_[i] == '}';
    }

    std::optional<std::uint32_t> number() {
        std::uint32_t out = 0;
        auto const from = at_;
        for (; is_digit(peek()); ++at_) {
            out = out * 10 + static_cast<std::uint32_t>(peek() - '0');
            if (out > 65'535) return std::nullopt;
        }
        return at_ > from ? std::optional{out} : std::nullopt;
    }

    void quantify(regex_node& node) {
        auto const from = at_;
        if (take("*")) {
            node.least = 0, node.most = regex_node::no_bound;
        } else if (take("+")) {
            node.most = regex_node::no_bound;
        } else if (take("?")) {
            node.least = 0;
        } else if (peek() == '{' && like_quantifier()) {
            take("{");
            auto const least = number();
            if (!least) good_ = false;
            node.least = node.most = least.value_or(1);
            if (take(",")) {
                node.most = regex_node::no_bound;
                if (peek() != '}') node.most = number().value_or(0);
            }
            if (!take("}") || node.most < node.least) good_ = false;
        }
        if (at_ == from) return;
        if (node.kind == is::assertion || node.kind == is::flags || node.kind == is::look) good_ = false;
        if (take("?")) node.manner = '?';
        else if (take("+")) node.manner = '+', never_backs_ = true;
        if (auto const c = peek(); c == '*' || c == '+' || c == '?' || (c == '{' && like_quantifier())) good_ = false;    // of a quantifier
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool good_ = true;
    bool looks_ = false;
    bool never_backs_ = false;
    int groups_ = 0;
    int highest_reference_ = 0;
};

inline std::optional<regex_tree> regex_tree::read(std::string_view regex) { return regex_reader{regex}.read(); }

inline std::string written(regex_node const& node) {
    auto out = node.text;
    if (node.is_group() || node.kind == regex_node::is::look) (out += written(node.branches)) += ')';
    if (node.least == 1 && node.most == 1) return out;
    if (node.most == regex_node::no_bound && node.least < 2) {
        out += node.least == 0 ? '*' : '+';
    } else if (node.least == 0 && node.most == 1) {
        out += '?';
    } else {
        (out += '{') += std::to_string(node.least);
        if (node.most != node.least) out += ',';
        if (node.most != node.least && node.most != regex_node::no_bound) out += std::to_string(node.most);
        out += '}';
    }
    if (node.manner != 0) out += node.manner;
    return out;
}

inline std::string written(std::vector<std::vector<regex_node>> const& branches) {
    std::string out;
    for (auto const& branch : branches) {
        if (&branch != &branches.front()) out += '|';
        for (auto const& node : branch) out += written(node);
    }
    return out;
}

inline std::string regex_tree::written() const { return detail::written(branches); }

inline std::uint64_t positions_of(std::vector<std::vector<regex_node>> const& branches) {
    constexpr std::uint64_t enough = std::uint64_t{1} << 40;    // times the largest bound it is still a number
    std::uint64_t out = 0;
    for (auto const& branch : branches)
        for (auto const& node : branch) {
            auto const once = node.branches.empty() ? 1 : positions_of(node.branches);
            auto const times = std::max(node.least, node.most == regex_node::no_bound ? std::uint32_t{1} : node.most);
            out = std::min(enough, out + once * times);
        }
    return out;
}

inline std::uint64_t regex_tree::positions() const { return positions_of(branches); }

}  // namespace muster::searching::detail
