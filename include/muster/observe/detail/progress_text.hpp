#pragma once

#include <algorithm>      // clamp, min
#include <charconv>       // to_chars
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memcpy
#include <optional>       // an unknown total
#include <string>         // title
#include <string_view>    // string_view

// What a progress shows, written into a buffer of fixed size: ticks are noexcept, so drawing them may not need memory.

namespace muster::detail {

struct progress_state {
    std::string_view title;
    std::uint64_t done;
    std::uint64_t failed;
    std::optional<std::uint64_t> total;
    std::chrono::nanoseconds elapsed;
    std::string_view words;
    bool interrupted;
    bool last;
};

class progress_text {
public:
    [[nodiscard]] std::string_view view() const noexcept { return {text_, size_}; }

    void add(std::string_view what) noexcept {
        auto fits = std::min(what.size(), sizeof text_ - size_);
        while (fits != 0 && fits < what.size() && !starts_character(what[fits])) --fits;    // whole ones
        std::memcpy(text_ + size_, what.data(), fits);
        size_ += fits;
    }
    void repeat(char c, std::size_t times) noexcept {
        for (; times != 0; --times) add({&c, 1});
    }
    void number(std::uint64_t n) noexcept {
        char digits[24];
        add({digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, n).ptr - digits)});
    }
    void with_one_decimal(double n) noexcept {
        auto const tenths = static_cast<std::uint64_t>(std::clamp(n, 0.0, 1e15) * 10);
        number(tenths / 10);
        add(".");
        number(tenths % 10);
    }
    /// A duration as people read it while they wait: "8.1s", "45s", "12m 30s", "3h 20m", "4d 2h".
    void duration(double seconds) noexcept {
        if (!(seconds < 8.64e6)) return add("over 100d");
        if (seconds < 10) return with_one_decimal(seconds), add("s");
        auto const whole = static_cast<std::uint64_t>(seconds);
        auto const pair = [&](std::uint64_t unit, char const* name, std::uint64_t part, char const* part_name) {
            number(whole / unit);
            add(name);
            number(whole % unit / part);
            add(part_name);
        };
        if (whole < 120) number(whole), add("s");
        else if (whole < 7'200) pair(60, "m ", 1, "s");
        else if (whole < 172'800) pair(3'600, "h ", 60, "m");
        else pair(86'400, "d ", 3'600, "h");
    }
    /// Keeps so many characters, whole ones.
    void cut(std::size_t characters) noexcept {
        for (std::size_t i = 0; i < size_; ++i)
            if (starts_character(text_[i]) && characters-- == 0) return void(size_ = i);
    }
    [[nodiscard]] std::size_t width() const noexcept {
        return static_cast<std::size_t>(std::count_if(text_, text_ + size_, starts_character));
    }
    static bool starts_character(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

private:
    char text_[448];    // less than what a terminal keeps to draw again
    std::size_t size_ = 0;
};

// A text without control characters, which could move the cursor, and of at most 60 characters.
inline std::string short_words(std::string_view text) {
    std::string out;
    std::size_t characters = 0;
    auto const at = [&](std::size_t place) { return place < text.size() ? static_cast<unsigned char>(text[place]) : 0u; };
    // The bytes have an end, too: where they are no UTF-8, they may start no character.
    for (std::size_t i = 0; i < text.size() && out.size() < 240; ++i) {
        if (progress_text::starts_character(text[i]) && ++characters > 60) break;
        if (at(i) == 0xc2 && at(i + 1) >= 0x80 && at(i + 1) < 0xa0) {    // control characters, too: U+0080 to U+009F
            out += ' ';
            ++i;
        } else {
            out += at(i) < 0x20 || at(i) == 0x7f ? ' ' : text[i];
        }
    }
    return out;
}

inline void write_counts(progress_text& to, progress_state const& of) noexcept {
    if (of.total && *of.total == 0 && of.done == 0) return to.add("nothing to do");
    to.number(of.done);
    if (of.total) to.add("/"), to.number(*of.total);
}

// Rounded down: 100 % stands for all of them.
inline std::uint64_t percent(progress_state const& of) noexcept {
    if (of.done >= *of.total) return 100;
    return static_cast<std::uint64_t>(static_cast<long double>(of.done) * 100 / static_cast<long double>(*of.total));
}

inline void write_rate(progress_text& to, progress_state const& of, std::string_view before) noexcept {
    auto const seconds = std::chrono::duration<double>{of.elapsed}.count();
    if (of.done == 0 || !(seconds > 0)) return;
    auto const rate = static_cast<double>(of.done) / seconds;
    to.add(before);
    to.with_one_decimal(rate);
    to.add("/s");
    if (of.last || of.interrupted || !of.total || *of.total <= of.done) return;
    to.add(before);
    to.duration(static_cast<double>(*of.total - of.done) / rate);
    to.add(" left");
}

// "rendering: 45/100 (45%), 2 failed, 12.3/s, 5s left, and words of the program"
inline void write_line(progress_text& to, progress_state const& of) noexcept {
    if (!of.title.empty()) to.add(of.title), to.add(": ");
    if (of.interrupted) to.add("interrupted at ");
    write_counts(to, of);
    if (of.total && *of.total != 0 && !of.last) to.add(" ("), to.number(percent(of)), to.add("%)");
    if (of.failed != 0) to.add(", "), to.number(of.failed), to.add(" failed");
    if (of.last && of.done != 0) to.add(" in "), to.duration(std::chrono::duration<double>{of.elapsed}.count());
    write_rate(to, of, ", ");
    if (!of.words.empty()) to.add(", "), to.add(of.words);
}

// "rendering [#########-----------] 45/100 45% 2 failed 12.3/s 5s left and words", cut to `columns`
inline void write_bar(progress_text& to, progress_state const& of, std::size_t columns) noexcept {
    progress_text right;
    if (of.interrupted) right.add("interrupted at ");
    write_counts(right, of);
    if (of.total && *of.total != 0) right.add(" "), right.number(percent(of)), right.add("%");
    if (of.failed != 0) right.add(" "), right.number(of.failed), right.add(" failed");
    write_rate(right, of, " ");
    if (!of.words.empty()) right.add(" "), right.add(of.words);

    if (!of.title.empty()) to.add(of.title), to.add(" ");
    auto const used = to.width() + right.width() + 3;    // brackets, and a space behind them
    if (of.total && *of.total != 0 && used + 4 <= columns) {
        auto const cells = std::min<std::size_t>(40, columns - used);
        auto const share = static_cast<long double>(std::min(of.done, *of.total)) / static_cast<long double>(*of.total);
        auto const full = static_cast<std::size_t>(static_cast<long double>(cells) * share);
        to.add("[");
        to.repeat('#', full);
        to.repeat('-', cells - full);
        to.add("] ");
    }
    to.add(right.view());
    to.cut(columns);
}

}  // namespace muster::detail
