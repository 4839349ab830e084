// A set of evidence that is made, not collected: whatever can be wrong with a line, in known numbers.
#pragma once

#include <array>          // poisons
#include <chrono>         // times
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <random>         // mt19937_64
#include <set>            // windows with an alert
#include <string>         // lines
#include <string_view>    // names
#include <utility>        // pair
#include <vector>         // lines that may come again

#include <muster/core/json.hpp>       // json_writer

#include "quality.hpp"

namespace evidence {

inline constexpr std::array<std::string_view, 4> known_sources{"ci-linux", "ci-macos", "ci-windows", "nightly"};
inline constexpr std::string_view new_source = "ci-new";    // that nobody has told the first run of

/// What is in a set, counted as it was made; nothing here was judged by the stages.
struct figures {
    std::uint64_t lines = 0;
    std::uint64_t stored = 0;       ///< pieces of known sources, each once
    std::uint64_t unknown = 0;      ///< pieces of the new source
    std::uint64_t poison = 0;       ///< lines that are no evidence
    std::uint64_t copies = 0;       ///< pieces that came before
    std::uint64_t conflicts = 0;    ///< of these, with other fields
    std::uint64_t low = 0;          ///< pieces that are bad enough for an alert
    std::uint64_t alerts = 0;       ///< their sources and hours

    void write_json(muster::json_writer& to) const {
        to.object([&] {
            to.member("lines", lines).member("stored", stored).member("unknown", unknown).member("poison", poison);
            to.member("copies", copies).member("conflicts", conflicts).member("low", low).member("alerts", alerts);
        });
    }
    friend bool operator==(figures const&, figures const&) = default;
};

/// Makes lines, the same ones for the same seed, with every compiler: a die is the rest of a division, and no distribution.
class generated_set {
public:
    static constexpr auto begin = moment{std::chrono::sys_days{std::chrono::year{2026} / 1 / 10}};
    static constexpr auto step = std::chrono::milliseconds{500};    // between two pieces

    explicit generated_set(std::uint64_t seed) : dice_(seed) {}
    /// What time it is when `lines` lines were made.
    static moment now(std::uint64_t lines) { return begin + step * static_cast<std::int64_t>(lines); }

    /// The next line, with its end.
    std::string next() {
        auto const number = ++counted_.lines;
        if (number == 500) return ++counted_.poison, huge();
        auto const which = roll(1'000);
        if (which < 20) return ++counted_.poison, poison(roll(10));
        if (which < 60 && !recent_.empty()) return again(which < 25);
        made one{.id = "e-" + std::to_string(number), .time = begin + step * static_cast<std::int64_t>(number)};
        one.source = which < 90 ? new_source : known_sources[roll(known_sources.size())];
        one.tests = roll(500);
        one.failures = one.tests != 0 && roll(5) == 0 ? 1 + roll(one.tests) : 0;
        for (auto& letter : one.artifact) letter = "0123456789abcdef"[roll(16)];
        if (which < 90) return ++counted_.unknown, line(one);

        ++counted_.stored;
        if (which < 110) return bad(one);
        if (which < 160) one.time -= std::chrono::hours{24 * 8};    // late
        else if (which < 220) one.left_out = 1u << roll(6);         // incomplete
        else if (which < 260) one.artifact = "none";                // not valid
        else if (which < 280) one.failures = one.tests + 1;         // inconsistent
        return remembered(one);
    }

    [[nodiscard]] figures const& so_far() const noexcept { return counted_; }

private:
    struct made {
        std::string id{};
        std::string_view source{};
        moment time{};
        std::uint64_t tests = 0, failures = 0;
        std::string artifact = std::string(64, '0');
        unsigned left_out = 0;    // of the fields, as bits
    };

    std::uint64_t roll(std::uint64_t sides) { return dice_() % sides; }

    static std::string line(made const& one) {
        std::string out;
        muster::json_writer to{out};
        auto const has = [&](unsigned field) { return (one.left_out >> field & 1) == 0; };
        to.object([&] {
            to.member("id", one.id).member("source", one.source).member("time", text_of(one.time));
            to.member("fields", [&] {
                to.object([&] {
                    if (has(0)) to.member("check", "unit");
                    if (has(1)) to.member("result", one.tests == 0 ? "skipped" : one.failures != 0 ? "failed" : "passed");
                    if (has(2)) to.member("tests", one.tests);
                    if (has(3)) to.member("failures", one.failures);
                    if (has(4)) to.member("duration_s", static_cast<double>(one.tests) / 8);
                    if (has(5)) to.member("artifact", one.artifact);
                });
            });
        });
        return out += '\n';
    }

    std::string remembered(made const& one) {
        if (recent_.size() < 64) recent_.push_back(one);
        else recent_[roll(64)] = one;
        return line(one);
    }
    std::string again(bool with_other_fields) {
        auto one = recent_[roll(recent_.size())];
        ++counted_.copies;
        if (with_other_fields) ++counted_.conflicts, one.artifact = "another";    // which no line has at first
        if (with_other_fields) one.left_out &= ~(1u << 5);
        return line(one);
    }

    // Two fields of six, one of them wrong, and old: about 27 points.
    std::string bad(made& one) {
        one.time -= std::chrono::hours{24 * 8};
        ++counted_.low;
        auto const hour = std::chrono::floor<std::chrono::hours>(one.time);
        if (low_.emplace(one.source, hour.time_since_epoch().count()).second) ++counted_.alerts;
        return "{\"id\":\"" + one.id + "\",\"source\":\"" + std::string{one.source} + "\",\"time\":\"" + text_of(one.time) +
               "\",\"fields\":{\"check\":\"unit\",\"result\":\"perhaps\"}}\n";
    }

    static std::string huge() { return "{\"id\":\"" + std::string((1u << 20) + 100, 'x') + "\"}\n"; }

    static std::string poison(std::uint64_t which) {
        using namespace std::string_literals;
        auto const with = [](std::string_view fields) {
            return R"({"id":"p","source":"ci-linux","time":"2026-01-10T00:00:00Z","fields":)" + std::string{fields} + "}\n";
        };
        switch (which) {
            case 0: return "{\"id\":\"p\",\"source\n";                                      // cut
            case 1: return "no JSON at all\n";
            case 2: return "[]\n";
            case 3: return with("{\"check\":\"\xff\xfe\"}");                                // no UTF-8
            case 4: return "{\"id\":\"p\"\0,\"source\":\"ci-linux\"}\n"s;                   // a zero byte
            case 5: return with(std::string(5'000, '[') + std::string(5'000, ']'));         // deep
            case 6: return with("{\"duration_s\":1e999}");                                  // no double holds it
            case 7: return "{\"source\":\"ci-linux\",\"time\":\"2026-01-10T00:00:00Z\"}\n"; // no id
            case 8: return "{\"id\":\"p\",\"source\":\"ci-linux\",\"time\":\"yesterday\"}\n";
            default: return "{\"id\":\"\\u001b[2J\",\"source\":\"ci-linux\",\"time\":\"2026-01-10T00:00:00Z\"}\n";    // it would clear a terminal
        }
    }

    std::mt19937_64 dice_;
    figures counted_;
    std::vector<made> recent_;
    std::set<std::pair<std::string_view, std::int64_t>> low_;
};

}  // namespace evidence
