#pragma once

#include <charconv>       // from_chars
#include <chrono>         // year_month_day
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <optional>       // what is no number
#include <string>         // lines
#include <string_view>    // lines
#include <utility>        // move
#include <vector>         // paths

#include <muster/core/failure.hpp>           // failure
#include <muster/core/json.hpp>              // json_writer
#include <muster/core/outcome.hpp>           // outcome
#include <muster/flow/dead_letter.hpp>       // dead_letter
#include <muster/flow/detail/base64.hpp>     // to_base64

// A dead letter as one line: a flat JSON object, whose values are texts, whole numbers and arrays of such. No value stands in another, so
// that reading takes no stack and no parser, whatever the line holds.

namespace muster::detail {

inline constexpr std::size_t largest_failure_text = 4'096, largest_name = 1'024;    // bytes of what else is in a line

// No more than `most` bytes, and no part of a character.
inline std::string_view cut_text(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most != 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
    return text.substr(0, most);
}

// As UTC, in microseconds: 2026-11-22T22:43:22.123456Z
inline std::string time_text(std::chrono::system_clock::time_point when) {
    using namespace std::chrono;
    auto const days = floor<std::chrono::days>(when);
    year_month_day const date{days};
    hh_mm_ss const clock{floor<microseconds>(when - days)};
    std::string out;
    auto const add = [&](auto number, std::size_t digits, char after) {
        auto const text = std::to_string(number);
        if (text.size() < digits) out.append(digits - text.size(), '0');
        (out += text) += after;
    };
    add(static_cast<int>(date.year()), 4, '-');
    add(static_cast<unsigned>(date.month()), 2, '-');
    add(static_cast<unsigned>(date.day()), 2, 'T');
    add(clock.hours().count(), 2, ':');
    add(clock.minutes().count(), 2, ':');
    add(clock.seconds().count(), 2, '.');
    add(clock.subseconds().count(), 6, 'Z');
    return out;
}

template <class Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
    Number out{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

inline std::optional<std::chrono::system_clock::time_point> time_in(std::string_view text) {
    using namespace std::chrono;
    constexpr std::string_view shape = "0000-00-00T00:00:00.000000Z";
    if (text.size() != shape.size()) return std::nullopt;
    for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i]) return std::nullopt;
    auto const part = [&](std::size_t at, std::size_t digits) { return *number_in<unsigned>(text.substr(at, digits)); };
    year_month_day const date{year{static_cast<int>(part(0, 4))}, month{part(5, 2)}, day{part(8, 2)}};
    auto const hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
    // The clock counts nanoseconds in 63 bits: from 1678 to 2261.
    if (!date.ok() || date.year() < year{1678} || date.year() > year{2261} || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return system_clock::time_point{sys_days{date}} + hours{hour} + minutes{minute} + seconds{second} + microseconds{part(20, 6)};
}

/// The line of a record, with its end; a payload above `largest` bytes is cut, which the record says then.
inline std::string dead_letter_line(dead_letter const& what, std::size_t largest) {
    std::string out;
    json_writer to{out};
    to.object([&] {
        to.member("time", time_text(what.time));
        if (!what.stage.empty()) to.member("stage", cut_text(what.stage, largest_name));
        if (!what.path.empty()) to.member("path", what.path);
        if (!what.source.empty()) {
            to.member("source", cut_text(what.source, largest_name)).member("partition", what.partition).member("offset", what.offset);
            to.member("part", what.part).member("epoch", what.epoch);
        }
        if (!what.trace.empty()) to.member("trace", cut_text(what.trace, largest_name));
        to.member("attempts", what.attempts);
        if (what.kind) to.member("cause", name_of(*what.kind));
        to.member("category", cut_text(what.category, largest_name)).member("code", what.code);
        to.member("text", cut_text(what.text, largest_failure_text));
        bool const wire = what.form == payload_form::wire;
        auto const kept = what.payload.size() <= largest ? std::string_view{what.payload}
                          : wire                         ? std::string_view{}    // a part of a value is no value
                                                         : cut_text(what.payload, largest);
        if (kept.size() < what.whole) to.member("whole", what.whole);
        if (what.form == payload_form::text) to.member("payload", kept);
        if (what.form == payload_form::bytes) to.member("payload_base64", to_base64(kept));
        if (wire) {
            char digits[16];
            auto const end = std::to_chars(digits, digits + sizeof digits, what.fingerprint, 16).ptr;
            to.member("fingerprint", std::string_view{digits, static_cast<std::size_t>(end - digits)}).member("payload_wire", to_base64(kept));
        }
    });
    return out += '\n';
}

/// Reads one flat JSON object, strictly; texts become UTF-8.
class flat_json {
public:
    enum class kind : unsigned char { text, number, numbers, word };
    struct value {
        kind is = kind::word;
        std::string text{};                    // of a text; the letters of a number or word
        std::vector<std::uint64_t> numbers{};
    };

    explicit flat_json(std::string_view line) : line_(line) {}

    /// `visit(name, value)` for each member answers what is wrong with it, or an empty text. What is wrong with the line, or an empty text.
    template <class Visit>
    [[nodiscard]] std::string read(Visit const& visit) {
        space();
        if (!take('{')) return at("an object was expected");
        space();
        if (!take('}')) {
            for (;;) {
                std::string name;
                value found;
                space();
                if (!take('"') || !text(name)) return at("a name was expected");
                space();
                if (!take(':')) return at("a colon was expected");
                space();
                if (!any(found)) return at("a text, a whole number, or an array of such was expected");
                if (auto wrong = visit(name, std::move(found)); !wrong.empty()) return at(wrong);
                space();
                if (take('}')) break;
                if (!take(',')) return at("a comma was expected");
            }
        }
        space();
        return at_ == line_.size() ? std::string{} : at("bytes follow the object");
    }

private:
    [[nodiscard]] std::string at(std::string_view what) const { return std::string{what} + ", at byte " + std::to_string(at_ + 1); }
    [[nodiscard]] bool more() const { return at_ < line_.size(); }
    bool take(char wanted) {
        if (!more() || line_[at_] != wanted) return false;
        ++at_;
        return true;
    }
    void space() {
        while (more() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r')) ++at_;
    }
    [[nodiscard]] std::string_view letters() {    // of a whole number or a word; whoever wants one looks closer
        auto const start = at_;
        while (more() && ((line_[at_] >= '0' && line_[at_] <= '9') || (line_[at_] >= 'a' && line_[at_] <= 'z') || line_[at_] == '-')) ++at_;
        return line_.substr(start, at_ - start);
    }

    bool any(value& found) {
        if (take('"')) return found.is = kind::text, text(found.text);
        if (take('[')) {
            found.is = kind::numbers;
            space();
            if (take(']')) return true;
            for (;;) {
                space();
                auto const number = number_in<std::uint64_t>(letters());
                if (!number || found.numbers.size() == 64) return false;    // nobody nests verbs so deep
                found.numbers.push_back(*number);
                space();
                if (take(']')) return true;
                if (!take(',')) return false;
            }
        }
        found.text = letters();
        if (found.text == "null" || found.text == "true" || found.text == "false") return found.is = kind::word, true;
        return found.is = kind::number, number_in<std::int64_t>(found.text).has_value() || number_in<std::uint64_t>(found.text).has_value();
    }

    bool text(std::string& into) {    // behind its quote
        while (more()) {
            auto const letter = static_cast<unsigned char>(line_[at_]);
            if (letter == '"') return ++at_, true;
            if (letter < 0x20) return false;
            if (letter == '\\') {
                if (++at_; !escape(into)) return false;
                continue;
            }
            std::size_t bad = 0;
            auto const size = utf8_length(line_, at_, bad);
            if (size == 0) return false;
            into.append(line_, at_, size);
            at_ += size;
        }
        return false;
    }
    bool escape(std::string& into) {
        if (!more()) return false;
        constexpr std::string_view written = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
        auto const letter = line_[at_++];
        if (auto const which = written.find(letter); which != written.npos) return into += meant[which], true;
        auto unit = letter == 'u' ? four() : std::nullopt;
        if (!unit || (*unit >= 0xdc00 && *unit < 0xe000)) return false;
        std::uint32_t code = *unit;
        if (code >= 0xd800 && code < 0xdc00) {    // a pair
            if (!take('\\') || !take('u')) return false;
            unit = four();
            if (!unit || *unit < 0xdc00 || *unit >= 0xe000) return false;
            code = 0x1'0000 + ((code - 0xd800) << 10) + (*unit - 0xdc00);
        }
        auto const add = [&](std::uint32_t byte) { into += static_cast<char>(byte); };
        auto const tail = [&](unsigned shift) { add(0x80 | (code >> shift & 0x3f)); };
        if (code < 0x80) return add(code), true;
        if (code < 0x800) return add(0xc0 | code >> 6), tail(0), true;
        if (code < 0x1'0000) return add(0xe0 | code >> 12), tail(6), tail(0), true;
        return add(0xf0 | code >> 18), tail(12), tail(6), tail(0), true;
    }
    std::optional<std::uint32_t> four() {
        if (line_.size() - at_ < 4) return std::nullopt;
        at_ += 4;
        return number_in<std::uint32_t>(line_.substr(at_ - 4, 4), 16);
    }

    std::string_view line_;
    std::size_t at_ = 0;
};

/// The record of a line, without its end.
///
/// Fails      cause::invalid_input, with what is wrong and at which byte.
inline outcome<dead_letter> dead_letter_in(std::string_view line) {
    dead_letter out;
    std::vector<std::string> seen;
    bool has_time = false;
    std::optional<std::uint64_t> whole;
    auto const member = [&](std::string const& name, flat_json::value found) -> std::string {
        for (auto const& each : seen)
            if (each == name) return "a second member " + json_text(cut_text(name, 40));
        constexpr std::size_t many = 64;    // all are compared with all
        if (seen.size() == many) return "more than 64 members";
        seen.push_back(name);

        using kind = flat_json::kind;
        bool good = true;
        auto const take_text = [&](std::string& into) { good = found.is == kind::text, into = std::move(found.text); };
        auto const take_number = [&](auto& into) {
            auto const number = number_in<std::remove_reference_t<decltype(into)>>(found.text);
            good = found.is == kind::number && number.has_value();
            if (good) into = *number;
        };
        auto const take_payload = [&](payload_form form, bool in_letters) {
            good = found.is == kind::text && out.form == payload_form::none;
            if (!good) return;
            out.form = form;
            if (!in_letters) return void(out.payload = std::move(found.text));
            auto bytes = from_base64(found.text);
            good = bytes.has_value();
            if (good) out.payload = *std::move(bytes);
        };
        if (name == "time") {
            auto const when = found.is == kind::text ? time_in(found.text) : std::nullopt;
            good = has_time = when.has_value();
            if (good) out.time = *when;
        } else if (name == "stage") take_text(out.stage);
        else if (name == "path") good = found.is == kind::numbers, out.path.assign(found.numbers.begin(), found.numbers.end());
        else if (name == "source") take_text(out.source);
        else if (name == "partition") take_number(out.partition);
        else if (name == "offset") take_number(out.offset);
        else if (name == "part") take_number(out.part);
        else if (name == "epoch") take_number(out.epoch);
        else if (name == "trace") take_text(out.trace);
        else if (name == "attempts") take_number(out.attempts);
        else if (name == "category") take_text(out.category);
        else if (name == "code") take_number(out.code);
        else if (name == "text") take_text(out.text);
        else if (name == "whole") take_number(whole.emplace());
        else if (name == "payload") take_payload(payload_form::text, false);
        else if (name == "payload_base64") take_payload(payload_form::bytes, true);
        else if (name == "payload_wire") take_payload(payload_form::wire, true);
        else if (name == "fingerprint") {
            auto const number = found.is == kind::text ? number_in<std::uint64_t>(found.text, 16) : std::nullopt;
            good = number.has_value();
            if (good) out.fingerprint = *number;
        } else if (name == "cause") {
            for (int number = 1; number <= static_cast<int>(cause::forbidden); ++number)
                if (name_of(static_cast<cause>(number)) == found.text) out.kind = static_cast<cause>(number);
            good = found.is == kind::text && out.kind.has_value();
        }    // others are of a later version
        return good ? std::string{} : "the member " + json_text(cut_text(name, 40)) + " is no such value";
    };
    if (auto wrong = flat_json{line}.read(member); !wrong.empty()) return failure{cause::invalid_input, std::move(wrong)};
    if (!has_time) return failure{cause::invalid_input, "it has no member \"time\": it is no dead letter"};
    out.whole = whole.value_or(out.payload.size());
    if (out.whole < out.payload.size()) return failure{cause::invalid_input, "it says that its payload had fewer bytes than it has"};
    return out;
}

}  // namespace muster::detail
