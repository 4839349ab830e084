#pragma once

#include <atomic>         // lost
#include <cstddef>        // size_t
#include <cstdint>        // uint16_t
#include <exception>      // a line that could not be made
#include <string>         // string
#include <string_view>    // string_view

#include <spdlog/logger.h>    // logger

#include <muster/core/concepts.hpp>         // observer, call_event
#include <muster/core/context.hpp>          // context
#include <muster/core/duration_text.hpp>    // duration_text
#include <muster/core/failure.hpp>          // failure
#include <muster/core/line_sink.hpp>        // line_sink
#include <muster/core/settings.hpp>         // log_level

// muster writes to no log of its own accord: an application that logs with spdlog hands over its logger, here.

namespace muster {

/// What stands in front of a line about a call: these numbers do not change, so that logs can be searched for them.
enum class call_log : std::uint16_t {
    started = 200,     ///< at trace
    finished = 201,    ///< at debug
    failed = 220,      ///< at warn
};

/// "MUSTER-220"
[[nodiscard]] inline std::string id_of(call_log which) {
    return "MUSTER-" + std::to_string(static_cast<unsigned>(which));
}

[[nodiscard]] constexpr spdlog::level::level_enum spdlog_level(log_level which) noexcept;

/// An observer that logs each call: `spdlog_observer log{*logger}; observe{log} | fetch`.
///
/// Shape      `MUSTER-220 failed stage=fetch item=3 attempt=4 took=2s: timed out: no answer within 2 s`; always one
///            line.
/// Threads    those of the logger: give it one whose sinks end in `_mt`.
/// Lifetime   refers to the logger.
/// Cost       nothing but a look at the level where the logger is set not to care.
class spdlog_observer {
public:
    explicit spdlog_observer(spdlog::logger& to) noexcept : to_(&to) {}

    void on_call(call_event const& event) noexcept;
    /// Lines for which there was no memory.
    [[nodiscard]] std::size_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }    // a count

private:
    spdlog::logger* to_;
    std::atomic<std::size_t> lost_{0};
};

/// A line sink that logs each line at one level: for `settings_source::complain`, `interrupts_options::say`, workloads.
///
/// Threads    those of the logger.
/// Lifetime   refers to the logger.
class spdlog_lines {
public:
    explicit spdlog_lines(spdlog::logger& to, log_level at = log_level::info) noexcept
        : to_(&to), at_(spdlog_level(at)) {}
    void put(std::string_view line);

private:
    spdlog::logger* to_;
    spdlog::level::level_enum at_;
};

// Implementation

constexpr spdlog::level::level_enum spdlog_level(log_level which) noexcept {
    switch (which) {
        case log_level::trace: return spdlog::level::trace;
        case log_level::debug: return spdlog::level::debug;
        case log_level::info: return spdlog::level::info;
        case log_level::warn: return spdlog::level::warn;
        case log_level::error: return spdlog::level::err;
        case log_level::critical: return spdlog::level::critical;
        case log_level::off: return spdlog::level::off;
    }
    return spdlog::level::off;
}

inline void spdlog_observer::on_call(call_event const& event) noexcept {
    bool const over = event.what == call_event::kind::finished;
    auto const id = !over ? call_log::started : event.error ? call_log::failed : call_log::finished;
    auto const level = !over ? spdlog::level::trace : event.error ? spdlog::level::warn : spdlog::level::debug;
    if (!to_->should_log(level)) return;
    try {
        auto line = id_of(id) + (!over ? " started" : event.error ? " failed" : " finished");
        if (event.call) {
            if (!event.call->stage().empty()) line += " stage=" + std::string{event.call->stage()};
            auto const path = event.call->path();
            for (std::size_t i = 0; i < path.size(); ++i) line += (i ? "." : " item=") + std::to_string(path[i]);
            line += " attempt=" + std::to_string(event.call->attempt());
        }
        if (over) line += " took=" + duration_text(event.took);
        if (event.error) line += ": " + event.error->code().message() + ": " + event.error->text();
        line = one_line(line);
        to_->log(level, spdlog::string_view_t{line.data(), line.size()});
    } catch (std::exception const&) {
        lost_.fetch_add(1, std::memory_order_relaxed);
    }
}

inline void spdlog_lines::put(std::string_view line) {
    if (!to_->should_log(at_)) return;
    auto const whole = one_line(line);
    to_->log(at_, spdlog::string_view_t{whole.data(), whole.size()});
}

static_assert(observer<spdlog_observer>);
static_assert(line_sink<spdlog_lines>);

}  // namespace muster
