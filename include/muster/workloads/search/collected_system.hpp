#pragma once

#include <algorithm>      // equal
#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <string>         // names
#include <string_view>    // text
#include <utility>        // move

#include <muster/core/bytes.hpp>    // KiB

namespace muster::searching {

/// The families of operating systems that collected files come from.
// Not linux: that is a macro wherever a compiler's GNU extensions are on.
enum class system_family : std::uint8_t { unknown, windows, gnu_linux, darwin };

[[nodiscard]] constexpr std::string_view name_of(system_family which) noexcept {
    switch (which) {
        case system_family::unknown: return "unknown";
        case system_family::windows: return "Windows";
        case system_family::gnu_linux: return "Linux";
        case system_family::darwin: return "Darwin";
    }
    return "unknown";
}

/// The system that a collected file tells of. Text that the file does not have is empty.
struct collected_system {
    system_family family = system_family::unknown;
    std::string name{};              ///< its host name; else the file's name without its ending, given by who reads the tree
    std::string product{};           ///< "Debian GNU/Linux 12 (bookworm)", "Microsoft Windows Server 2019 Standard", "macOS"
    std::string version{};           ///< "12", "10.0.17763", "13.4.1"
    std::string distribution{};      ///< of Linux: "debian", "rhel", as ID says it
    std::string producer{};          ///< what collected it: "KPNIXVERSION"; the word in front of its version
    std::string producer_version{};  ///< "0.6.21"

    friend bool operator==(collected_system const&, collected_system const&) = default;
};

/// How much of a file is looked at to tell its system: all that producers say of it stands at the top. Where the first 1 KiB tells
/// of no family of systems the rest is not looked at, for most files are no reports of systems, and few are longer than 64 KiB.
inline constexpr std::size_t system_header_bytes = 64 * KiB;
inline constexpr std::size_t system_first_look_bytes = 1 * KiB;

/// Tells the system from the top of a collected file.
///
/// Shape      UTF-8, or any text in which ASCII reads as such, lines ended by LF or CRLF. Of what is told twice the first counts.
///            Known are the version lines of collectors (`KPNIXVERSION: 0.6.21`, also KPWINVERSION and KPMACVERSION), os-release,
///            uname, sw_vers, systeminfo and ver, each also behind a section's name as in `System_OSInfo::ID=debian`.
/// Cost       one pass over at most `system_header_bytes` of it; over `system_first_look_bytes` of what is no report of a system.
[[nodiscard]] collected_system system_of(std::string_view top);

// Implementation

namespace detail {

constexpr std::string_view trimmed(std::string_view text) noexcept {
    auto const blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool same_but_for_case(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

// Reads a file's top line by line; what has been found stays.
class system_reader {
public:
    void line(std::string_view text);
    [[nodiscard]] bool knows_family() const noexcept { return found_.family != system_family::unknown; }
    [[nodiscard]] bool knows_all() const noexcept {
        return knows_family() && !found_.name.empty() && !found_.product.empty() && !found_.version.empty() && !found_.producer.empty() &&
               (found_.family != system_family::gnu_linux || !found_.distribution.empty());
    }
    [[nodiscard]] collected_system take() && { return std::move(found_); }

private:
    void pair(std::string_view key, std::string_view value, char between);
    void say(system_family family) {
        if (found_.family == system_family::unknown) found_.family = family;
    }
    static void set(std::string& to, std::string_view value) {
        if (!to.empty()) return;
        auto end = std::min<std::size_t>(value.size(), 256);    // a name, not a page
        if (end < value.size())
            while (end > 253 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;    // nor half a character
        to = value.substr(0, end);
    }
    // As ID of os-release has to be: other things are called ID, too.
    static bool is_distribution(std::string_view text) {
        auto const letter = [](char c) { return c >= 'a' && c <= 'z'; };
        auto const other = [](char c) { return (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'; };
        return std::any_of(text.begin(), text.end(), letter) && std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || other(c); });
    }
    static std::string_view unquoted(std::string_view text) {
        if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
            return text.substr(1, text.size() - 2);
        return text;
    }
    // "10.0.17763" of "10.0.17763 N/A Build 17763"
    static std::string_view first_word(std::string_view text) { return text.substr(0, text.find_first_of(" \t]")); }

    collected_system found_;
};

inline void system_reader::line(std::string_view text) {
    text = trimmed(text);
    // behind a section's name, as in System_OSInfo::ID=debian
    std::size_t word = 0;
    while (word < text.size() && text[word] != ':' && text[word] != '=' && text[word] != ' ' && text[word] != '\t') ++word;
    if (text.substr(word).starts_with("::")) text = trimmed(text.substr(word + 2));
    // Most lines end here: nothing that is told begins otherwise.
    constexpr std::string_view first_letters = "CDHIKLMOPSVchos";
    if (text.empty() || first_letters.find(text.front()) == first_letters.npos) return;
    if (constexpr std::string_view ver = "Microsoft Windows [Version "; text.starts_with(ver)) {
        say(system_family::windows);
        set(found_.version, first_word(text.substr(ver.size())));
        return;
    }
    if (text.starts_with("Linux ") && text.ends_with("GNU/Linux")) {    // uname -a: Linux HOST RELEASE ...
        say(system_family::gnu_linux);
        set(found_.name, first_word(text.substr(6)));
        return;
    }
    if (text.starts_with("Darwin ") && text.find("Darwin Kernel Version") != text.npos) {
        say(system_family::darwin);
        set(found_.name, first_word(text.substr(7)));
        return;
    }
    constexpr std::size_t longest_key = 64;
    std::size_t at = 0;
    while (at < text.size() && at < longest_key && text[at] != ':' && text[at] != '=') ++at;
    if (at == text.size() || at == longest_key) return;
    pair(trimmed(text.substr(0, at)), unquoted(trimmed(text.substr(at + 1))), text[at]);
}

inline void system_reader::pair(std::string_view key, std::string_view value, char between) {
    if (value.empty()) return;
    auto const producer = [&](system_family family) {
        say(family);
        if (found_.producer.empty()) found_.producer_version = first_word(value);
        set(found_.producer, key);
    };
    if (key == "KPNIXVERSION") return producer(system_family::gnu_linux);
    if (key == "KPWINVERSION") return producer(system_family::windows);
    if (key == "KPMACVERSION") return producer(system_family::darwin);
    if (between == '=') {    // os-release
        if (found_.family != system_family::unknown && found_.family != system_family::gnu_linux) return;
        if (key == "ID" && is_distribution(value)) return say(system_family::gnu_linux), set(found_.distribution, value);
        if (key == "VERSION_ID") return say(system_family::gnu_linux), set(found_.version, value);
        if (key == "PRETTY_NAME") return say(system_family::gnu_linux), set(found_.product, value);
        return;
    }
    if (key == "ProductName" && value.find("Windows") != value.npos)    // the registry's
        return say(system_family::windows), set(found_.product, value);
    if (key == "ProductName" && value.starts_with("mac")) return say(system_family::darwin), set(found_.product, value);    // sw_vers
    if (key == "ProductName" && value.starts_with("Mac")) return say(system_family::darwin), set(found_.product, value);
    if (key == "ProductVersion" && found_.family == system_family::darwin) return set(found_.version, value);
    if (same_but_for_case(key, "OS Name") && value.find("Windows") != value.npos)    // systeminfo
        return say(system_family::windows), set(found_.product, value);
    if (same_but_for_case(key, "OS Version") && found_.family == system_family::windows) return set(found_.version, first_word(value));
    if (same_but_for_case(key, "Host Name") || same_but_for_case(key, "Hostname") || same_but_for_case(key, "Static hostname") ||
        same_but_for_case(key, "ComputerName"))
        return set(found_.name, first_word(value));
}

}  // namespace detail

inline collected_system system_of(std::string_view top) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    if (top.starts_with(mark)) top.remove_prefix(mark.size());
    if (top.size() > system_header_bytes) {    // what is cut off in the middle is not told by halves
        top = top.substr(0, system_header_bytes);
        top = top.substr(0, top.rfind('\n') + 1);
    }
    detail::system_reader reader;
    auto const first_look = top.size() > system_first_look_bytes ? top.size() - system_first_look_bytes : 0;    // what is left behind it
    while (!top.empty() && (reader.knows_family() ? !reader.knows_all() : top.size() > first_look)) {
        auto const end = top.find('\n');
        reader.line(top.substr(0, std::min<std::size_t>(end, 4'096)));
        if (end == top.npos) break;
        top.remove_prefix(end + 1);
    }
    return std::move(reader).take();
}

}  // namespace muster::searching
