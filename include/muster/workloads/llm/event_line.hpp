#pragma once

#include <algorithm>      // max
#include <chrono>         // nanoseconds
#include <concepts>       // unsigned_integral
#include <cstddef>        // size_t
#include <cstdint>        // int64_t
#include <string>         // the line
#include <string_view>    // keys, texts

#include <muster/core/json.hpp>                          // json_text
#include <muster/workloads/llm/detail/cut_result.hpp>    // cut
#include <muster/workloads/llm/event.hpp>                // event

namespace muster::llm {

/// One line of a log, as `event` describes it: `log.put(event_line{event::paused}.add("kind", kind).add("seconds", time).text())`.
///
/// Shape      always one line, whatever the texts are: what could end it, or move a cursor, is escaped.
/// Units      durations are written as seconds.
class event_line {
public:
    explicit event_line(event which) : text_(id_of(which).append(1, ' ').append(name_of(which))) {}

    event_line& add(std::string_view key, std::unsigned_integral auto number) { return member(key, std::to_string(number)); }
    event_line& add(std::string_view key, bool is_so) { return member(key, is_so ? "true" : "false"); }
    event_line& add(std::string_view key, std::chrono::nanoseconds time);
    event_line& add(std::string_view key, std::string_view text);
    event_line& add(std::string_view key, char const* text) { return add(key, std::string_view{text}); }    // which would be a bool

    [[nodiscard]] std::string const& text() const noexcept { return text_; }

private:
    event_line& member(std::string_view key, std::string_view value) {
        text_.append(1, ' ').append(key).append(1, '=').append(value);
        return *this;
    }
    std::string text_;
};

// Implementation

inline event_line& event_line::add(std::string_view key, std::chrono::nanoseconds time) {
    auto const thousandths = std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count(), 0);
    return member(key, std::to_string(thousandths / 1'000) + '.' + std::to_string(1'000 + thousandths % 1'000).substr(1));
}

inline event_line& event_line::add(std::string_view key, std::string_view text) {
    constexpr std::size_t most = 200;
    static constexpr char hex[] = "0123456789abcdef";
    auto const written = json_text(detail::cut(text, most));
    std::string plain;
    // JSON leaves these as they are: DEL, the control characters U+0080 to U+009F, and the line ends U+2028 and U+2029.
    for (std::size_t i = 0; i < written.size(); ++i) {
        auto const at = [&](std::size_t ahead) { return i + ahead < written.size() ? static_cast<unsigned char>(written[i + ahead]) : 0u; };
        if (at(0) == 0x7f) {
            plain += "\\u007f";
        } else if (at(0) == 0xc2 && at(1) < 0xa0) {
            plain.append("\\u00").append(1, hex[at(1) >> 4]).append(1, hex[at(1) & 15]);
            i += 1;
        } else if (at(0) == 0xe2 && at(1) == 0x80 && (at(2) == 0xa8 || at(2) == 0xa9)) {
            plain.append("\\u202").append(1, at(2) == 0xa8 ? '8' : '9');
            i += 2;
        } else {
            plain += written[i];
        }
    }
    return member(key, plain);
}

}  // namespace muster::llm
