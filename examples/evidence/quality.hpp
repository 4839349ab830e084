// What a piece of evidence is, and how good it is: the stages of examples/evidence_stream, as functions.
#pragma once

#include <algorithm>      // clamp, find
#include <array>          // fields
#include <charconv>       // from_chars
#include <chrono>         // times
#include <cmath>          // lround
#include <cstddef>        // size_t
#include <cstdint>        // int64_t
#include <optional>       // no time
#include <string>         // texts
#include <string_view>    // lines
#include <utility>        // move
#include <vector>         // sources

#include <nlohmann/json.hpp>    // json

#include <muster/adapt/parse_json.hpp>    // parse_json
#include <muster/core/failure.hpp>        // cause, failure
#include <muster/core/json.hpp>           // json_text
#include <muster/core/outcome.hpp>        // outcome

namespace evidence {

using moment = std::chrono::sys_time<std::chrono::microseconds>;

/// A line that was read: {"id": "e-1", "source": "ci-linux", "time": "2026-01-01T00:00:00Z", "fields": {...}}.
struct piece {
    std::string source, id;
    moment time{};
    nlohmann::json fields;
};

/// What was found out about it, each from 0 to 1.
struct findings {
    double completeness = 0;    ///< of the six fields, those that are there
    double validity = 0;        ///< of those that are there, those whose value can be
    double consistency = 0;     ///< of the rules between fields, those that hold; a rule that cannot be judged is none; none at all: 0
    double freshness = 0;       ///< 1 up to an age, 0 from another one, a line between; 0 where its time is yet to come
};

struct analysed {
    piece what;
    findings found;
};

struct scored {
    piece what;
    findings found;
    int score = 0;    ///< 0 to 100
};

/// What is stored.
struct judged {
    std::string source, id;
    moment time{};
    findings found;
    int score = 0;
    std::string fields;     ///< as JSON
    bool low = false;       ///< below the threshold: an alert
    moment window{};        ///< the begin of the one that its time is in
};

/// What one run judges by.
struct rules {
    std::optional<moment> now{};                    ///< what ages are counted from; none: the clock, when a piece is analysed
    std::chrono::seconds fresh = std::chrono::hours{24}, stale = std::chrono::hours{24 * 7};
    int threshold = 60;
    std::chrono::seconds window = std::chrono::hours{1};
    std::vector<std::string> sources{};             ///< empty: any
};

// The six fields that a piece of evidence has.
inline constexpr std::array<std::string_view, 6> expected{"check", "result", "tests", "failures", "duration_s", "artifact"};

inline muster::failure wrong(std::string text) { return {muster::cause::invalid_input, std::move(text)}; }

// 2026-01-01T00:00:00Z, with a fraction of up to six digits perhaps.
inline std::optional<moment> time_of(std::string_view text) {
    using namespace std::chrono;
    constexpr std::string_view shape = "0000-00-00T00:00:00";
    if (text.size() < shape.size() + 1 || text.size() > shape.size() + 8 || text.back() != 'Z') return std::nullopt;
    for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i]) return std::nullopt;
    auto const number = [&](std::size_t at, std::size_t digits) {
        unsigned out = 0;
        std::from_chars(text.data() + at, text.data() + at + digits, out);
        return out;
    };
    year_month_day const date{year{static_cast<int>(number(0, 4))}, month{number(5, 2)}, day{number(8, 2)}};
    auto const hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
    if (!date.ok() || date.year() < year{1970} || date.year() > year{2261} || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    unsigned micro = 0;
    if (auto const fraction = text.substr(shape.size(), text.size() - shape.size() - 1); !fraction.empty()) {
        if (fraction[0] != '.' || fraction.size() == 1) return std::nullopt;
        for (std::size_t i = 1; i <= 6; ++i) {
            unsigned const digit = i < fraction.size() ? static_cast<unsigned>(fraction[i] - '0') : 0;
            if (digit > 9) return std::nullopt;
            micro = micro * 10 + digit;
        }
    }
    return moment{sys_days{date}} + hours{hour} + minutes{minute} + seconds{second} + microseconds{micro};
}

// To the second.
inline std::string text_of(moment when) {
    using namespace std::chrono;
    auto const days = floor<std::chrono::days>(when);
    year_month_day const date{days};
    hh_mm_ss const clock{floor<seconds>(when - days)};
    auto const two = [](auto number) {
        auto text = std::to_string(number);
        return text.size() < 2 ? '0' + text : text;
    };
    return std::to_string(static_cast<int>(date.year())) + '-' + two(static_cast<unsigned>(date.month())) + '-' + two(static_cast<unsigned>(date.day())) + 'T' +
           two(clock.hours().count()) + ':' + two(clock.minutes().count()) + ':' + two(clock.seconds().count()) + 'Z';
}

// Ids and names of sources are shown to people, and are keys: so they are letters of a few kinds.
inline bool is_name(std::string_view text) {
    if (text.empty() || text.size() > 120) return false;
    return std::all_of(text.begin(), text.end(), [](char each) {
        return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9') || each == '-' || each == '_' || each == '.' ||
               each == ':' || each == '/' || each == '@' || each == '+';
    });
}

/// First stage. Fails for what cannot be stored: no JSON, no object, no id, source or time; and, with cause::rejected, for a source that is
/// not known.
inline muster::outcome<piece> ingest(std::string_view line, rules const& by) {
    auto read = muster::parse_json(line);
    if (!read) return read.error();
    if (!read->is_object()) return wrong("a piece of evidence is an object, and this is a JSON " + std::string{read->type_name()});
    piece out;
    for (auto const& [name, to] : {std::pair{"id", &out.id}, std::pair{"source", &out.source}}) {
        auto const found = read->find(name);
        if (found == read->end() || !found->is_string()) return wrong("it has no \"" + std::string{name} + "\" that is a text");
        *to = found->get<std::string>();
        if (!is_name(*to)) return wrong("\"" + std::string{name} + "\" is 1 to 120 letters, digits and -_.:/@+, and not " + muster::json_text(to->substr(0, 40)));
    }
    auto const time = read->find("time");
    if (time == read->end() || !time->is_string()) return wrong("it has no \"time\" that is a text");
    auto const& text = time->get_ref<std::string const&>();
    auto const when = time_of(text);
    if (!when) return wrong("\"time\" is as 2026-01-01T00:00:00Z, and not " + muster::json_text(text.substr(0, 40)));
    out.time = *when;
    if (!by.sources.empty() && std::find(by.sources.begin(), by.sources.end(), out.source) == by.sources.end())
        return muster::failure{muster::cause::rejected, "the source " + out.source + " is not known"};
    auto fields = read->find("fields");
    if (fields != read->end() && !fields->is_object()) return wrong("\"fields\" is an object, and not a JSON " + std::string{fields->type_name()});
    out.fields = fields != read->end() ? std::move(*fields) : nlohmann::json::object();
    return out;
}

// Whether a field has a value that can be.
inline bool is_valid(std::string_view field, nlohmann::json const& value) {
    auto const text = [&]() -> std::string_view { return value.is_string() ? std::string_view{value.get_ref<std::string const&>()} : std::string_view{}; };
    auto const number = [&](double most) { return value.is_number() && value.get<double>() >= 0 && value.get<double>() <= most; };
    if (field == "check") return !text().empty() && text().size() <= 200;
    if (field == "result") return text() == "passed" || text() == "failed" || text() == "skipped";
    if (field == "tests" || field == "failures") return value.is_number_integer() && number(1e9);
    if (field == "duration_s") return number(1e6);
    return text().size() == 64 && text().find_first_not_of("0123456789abcdef") == std::string_view::npos;    // artifact: a SHA-256
}

/// Second stage: completeness, validity, consistency and freshness.
inline analysed analyse(piece what, rules const& by) {
    findings found;
    int present = 0, valid = 0;
    auto const good = [&](std::string_view name) -> nlohmann::json const* {
        auto const at = what.fields.find(name);
        return at != what.fields.end() && is_valid(name, *at) ? &*at : nullptr;
    };
    for (auto const name : expected) {
        auto const at = what.fields.find(name);
        present += at != what.fields.end() && !at->is_null();
        valid += good(name) != nullptr;
    }
    found.completeness = static_cast<double>(present) / static_cast<double>(expected.size());
    found.validity = present == 0 ? 0.0 : static_cast<double>(valid) / present;

    int judged = 0, hold = 0;
    auto const rule = [&](bool holds) { ++judged, hold += holds; };
    auto const *const result = good("result"), *const tests = good("tests"), *const failures = good("failures");
    if (tests && failures) rule(failures->get<std::int64_t>() <= tests->get<std::int64_t>());
    if (result && failures) rule((*result == "failed") == (failures->get<std::int64_t>() > 0));
    if (result && tests) rule((*result == "skipped") == (tests->get<std::int64_t>() == 0));
    found.consistency = judged == 0 ? 0.0 : static_cast<double>(hold) / judged;

    auto const now = by.now.value_or(std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()));
    std::chrono::duration<double> const age = now - what.time, fresh = by.fresh, stale = by.stale;
    if (age >= -std::chrono::minutes{5}) found.freshness = std::clamp((stale - age) / (stale - fresh), 0.0, 1.0);    // a clock may be off by that
    return {std::move(what), found};
}

/// Third stage: 35 for completeness, 30 for validity, 20 for consistency, 15 for freshness.
inline int score_of(findings const& found) {
    auto const sum = 35 * found.completeness + 30 * found.validity + 20 * found.consistency + 15 * found.freshness;
    return static_cast<int>(std::lround(std::clamp(sum, 0.0, 100.0)));
}

/// Fourth stage: what is below the threshold is an alert, one for each source and window of time.
inline judged alert(scored one, rules const& by) {
    auto const since = one.what.time.time_since_epoch();
    auto const window = moment{since - since % std::chrono::microseconds{by.window}};
    auto& what = one.what;
    return {std::move(what.source), std::move(what.id), what.time, one.found, one.score, what.fields.dump(), one.score < by.threshold, window};
}

}  // namespace evidence
