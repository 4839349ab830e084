#pragma once

#include <cstddef>        // size_t
#include <cstdio>         // fopen
#include <cstdlib>        // getenv
#include <functional>     // less<>
#include <map>            // names
#include <optional>       // what nobody said
#include <string>         // values
#include <string_view>    // text
#include <utility>        // move

#include <muster/core/failure.hpp>    // cause, failure
#include <muster/core/json.hpp>       // json_text
#include <muster/core/outcome.hpp>    // outcome

namespace muster {

/// Variables of a `.env` file, behind those of the environment: what is there stands, as in a shell that reads the file only for the rest.
///
///     auto const said = env_file::read(".env").value();
///     settings switches{{.environment = [&said](std::string const& name) { return said.get(name); }}};
///
/// Shape      lines NAME=VALUE, `export` before them or not; empty lines, and comments from a `#` that begins the line or stands behind a
///            blank. A name has letters, digits and underscores, and begins with no digit. A value ends with its line, blanks around it are
///            no part of it; or stands in single quotes, where each character is itself, or in double quotes, where \\n, \\r, \\t, \\", \\$ and
///            \\\\ are escapes. `$` means nothing: there is no expansion. CRLF and a byte order mark are fine.
/// Fails      cause::invalid_input for a file that cannot be read, is longer than 1 MiB, or has a line that is none of these, names a
///            variable twice or has control characters. The text says FILE:LINE and the rule, never what stands there: it may be a secret.
/// Threads    any number, as long as nobody changes the environment.
class env_file {
public:
    /// Nothing said.
    env_file() = default;

    [[nodiscard]] static outcome<env_file> read(std::string const& path);
    /// `called` is how failures name the text.
    [[nodiscard]] static outcome<env_file> parse(std::string_view text, std::string_view called = ".env");

    /// The environment's value, where it has one, even an empty one; else the file's.
    [[nodiscard]] std::optional<std::string> get(std::string const& name) const {
        if (char const* const set = std::getenv(name.c_str())) return std::string{set};
        return find(name);
    }
    /// The file's value.
    [[nodiscard]] std::optional<std::string> find(std::string_view name) const {
        auto const found = values_.find(name);
        return found == values_.end() ? std::nullopt : std::optional{found->second};
    }
    [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }

private:
    static constexpr std::size_t longest = std::size_t{1} << 20;    // a wrong name may be an endless device

    // Each answers the rule that was broken, or nothing.
    std::string_view take(std::string_view line);
    static std::string_view read_value(std::string_view text, std::string& into);

    std::map<std::string, std::string, std::less<>> values_;
};

// Implementation

namespace detail {
inline bool is_env_blank(char c) noexcept { return c == ' ' || c == '\t'; }
inline std::string_view without_env_blanks(std::string_view text) noexcept {
    while (!text.empty() && is_env_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_env_blank(text.back())) text.remove_suffix(1);
    return text;
}
}  // namespace detail

inline outcome<env_file> env_file::read(std::string const& path) {
    auto const refused = [&](char const* why) { return failure{cause::invalid_input, "the file " + json_text(path) + ' ' + why}; };
    auto* const file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) return refused("cannot be opened");
    std::string text;
    char block[4'096];
    for (std::size_t got = 1; got != 0 && text.size() <= longest;) {
        got = std::fread(block, 1, sizeof block, file);
        text.append(block, got);
    }
    bool const failed = std::ferror(file) != 0;
    std::fclose(file);
    if (failed) return refused("cannot be read");
    return parse(text, path);
}

inline outcome<env_file> env_file::parse(std::string_view text, std::string_view called) {
    if (text.size() > longest) return failure{cause::invalid_input, "the file " + json_text(called) + " is longer than 1 MiB"};
    env_file made;
    if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto const end = text.find('\n');
        auto line = text.substr(0, end);
        text = end == text.npos ? std::string_view{} : text.substr(end + 1);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (auto const rule = made.take(line); !rule.empty())
            return failure{cause::invalid_input, json_text(called) + ':' + std::to_string(number) + ": " + std::string{rule}};
    }
    return made;
}

inline std::string_view env_file::take(std::string_view line) {
    for (char const c : line)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return "a control character";
    line = detail::without_env_blanks(line);
    if (line.empty() || line.front() == '#') return {};
    constexpr std::string_view exported = "export";
    if (line.substr(0, exported.size()) == exported && line.size() > exported.size() && detail::is_env_blank(line[exported.size()]))
        line = detail::without_env_blanks(line.substr(exported.size()));
    auto const equals = line.find('=');
    if (equals == line.npos) return "a line is NAME=VALUE, a comment or empty";
    auto const name = detail::without_env_blanks(line.substr(0, equals));
    constexpr auto fits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (name.empty() || name.find_first_not_of(fits) != name.npos || (name.front() >= '0' && name.front() <= '9'))
        return "a name has letters, digits and underscores, and begins with no digit";
    std::string value;
    if (auto const rule = read_value(detail::without_env_blanks(line.substr(equals + 1)), value); !rule.empty()) return rule;
    if (!values_.emplace(name, std::move(value)).second) return "the name was given before";
    return {};
}

inline std::string_view env_file::read_value(std::string_view text, std::string& into) {
    auto const quote = text.empty() ? '\0' : text.front();
    if (quote != '"' && quote != '\'') {
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '#' && (i == 0 || detail::is_env_blank(text[i - 1]))) {
                text = detail::without_env_blanks(text.substr(0, i));
                break;
            }
            if (text[i] == '"' || text[i] == '\'') return "a quote in a value without quotes: put the whole value in quotes";
        }
        into = text;
        return {};
    }
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == quote) {
            auto const rest = text.substr(i + 1);
            auto const after = detail::without_env_blanks(rest);
            bool const is_comment = !after.empty() && after.front() == '#' && after.size() < rest.size();
            return after.empty() || is_comment ? std::string_view{} : "something behind the closing quote";
        }
        if (quote == '"' && text[i] == '\\') {
            constexpr std::string_view escapes = "nrt\"\\$", meant = "\n\r\t\"\\$";
            auto const which = i + 1 < text.size() ? escapes.find(text[i + 1]) : escapes.npos;
            if (which == escapes.npos) return "in double quotes \\ stands before n, r, t, \", $ or \\ alone; use single quotes";
            into += meant[which];
            ++i;
        } else {
            into += text[i];
        }
    }
    return "a quote that does not end on its line";
}

}  // namespace muster
