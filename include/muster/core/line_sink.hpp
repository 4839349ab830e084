#pragma once

#include <cstdio>         // FILE, fwrite
#include <mutex>          // mutex
#include <string>         // string
#include <string_view>    // string_view
#include <vector>         // vector

#include <muster/core/concepts.hpp>    // sink

namespace muster {

/// Takes whole lines, without their line ends, from many threads at once: a log, a terminal, a test.
template <class S>
concept line_sink = sink<S, std::string_view>;

/// `text` as one line: line ends in it are written `\n` and `\r`, so that nobody's data makes lines of its own.
[[nodiscard]] std::string one_line(std::string_view text);

/// Writes lines to a C stream, each with one call and flushed.
///
/// Threads    any number at once: lines never mix.
/// Fails      a line that cannot be written is counted in `lost()`.
/// Lifetime   refers to the stream, and does not close it.
class stream_lines {
public:
    explicit stream_lines(std::FILE* to) noexcept : to_(to) {}

    void put(std::string_view line);
    [[nodiscard]] std::size_t lost() const;

private:
    mutable std::mutex mutex_;
    std::FILE* to_;
    std::size_t lost_ = 0;
};

/// Keeps lines in memory, for tests and for reports that are shown later.
class kept_lines {
public:
    void put(std::string_view line);
    [[nodiscard]] std::vector<std::string> lines() const;
    /// True when some line contains `part`.
    [[nodiscard]] bool contains(std::string_view part) const;

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

/// A reference to any line sink; empty means that nobody listens.
///
/// Lifetime   refers to the sink, which must outlive whoever carries this.
class line_sink_ref {
public:
    constexpr line_sink_ref() noexcept = default;
    template <line_sink S>
        requires(!std::same_as<S, line_sink_ref>)
    constexpr line_sink_ref(S& to) noexcept
        : object_(&to), put_([](void* object, std::string_view line) { static_cast<S*>(object)->put(line); }) {}

    void put(std::string_view line) const {
        if (put_) put_(object_, line);
    }
    explicit constexpr operator bool() const noexcept { return put_ != nullptr; }

private:
    void* object_ = nullptr;
    void (*put_)(void*, std::string_view) = nullptr;
};

// Implementation

inline std::string one_line(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 1);
    for (char const c : text) {
        if (c == '\n') out += "\\n";
        else if (c == '\r') out += "\\r";
        else out += c;
    }
    return out;
}

inline void stream_lines::put(std::string_view line) {
    auto const whole = one_line(line) + '\n';
    std::lock_guard lock(mutex_);
    if (std::fwrite(whole.data(), 1, whole.size(), to_) != whole.size() || std::fflush(to_) != 0) ++lost_;
}

inline std::size_t stream_lines::lost() const {
    std::lock_guard lock(mutex_);
    return lost_;
}

inline void kept_lines::put(std::string_view line) {
    std::lock_guard lock(mutex_);
    lines_.push_back(std::string{line});
}

inline std::vector<std::string> kept_lines::lines() const {
    std::lock_guard lock(mutex_);
    return lines_;
}

inline bool kept_lines::contains(std::string_view part) const {
    std::lock_guard lock(mutex_);
    for (auto const& line : lines_)
        if (line.find(part) != std::string::npos) return true;
    return false;
}

static_assert(line_sink<stream_lines>);
static_assert(line_sink<kept_lines>);
static_assert(line_sink<line_sink_ref const>);

}  // namespace muster
