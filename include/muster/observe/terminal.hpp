#pragma once

#include <algorithm>      // min
#include <atomic>         // lost
#include <cerrno>         // EINTR
#include <cstddef>        // size_t
#include <cstring>        // memcpy
#include <mutex>          // one writer at a time
#include <string_view>    // string_view

#include <poll.h>         // a terminal that cannot take more just now
#include <sys/ioctl.h>    // TIOCGWINSZ
#include <unistd.h>       // write, isatty

#include <muster/core/line_sink.hpp>    // line_sink

namespace muster {

/// Where a display shows itself: a line that changes, and lines that stay.
///
/// All four are called from one thread at a time by one display; nothing here throws.
template <class S>
concept screen = requires(S& on, std::string_view text) {
    { on.is_terminal() } noexcept -> std::convertible_to<bool>;        // false: only lines that stay are shown
    { on.columns() } noexcept -> std::convertible_to<std::size_t>;     // asked before each drawing: windows change
    { on.draw(text) } noexcept;                                        // shows `text` in place of what was drawn before
    { on.line(text) } noexcept;                                        // a line that stays, in its place
};

/// A terminal, or whatever file descriptor stands in its place; also a line sink.
///
/// Shape      each `draw` and `line` is one write; a drawn line is redrawn behind each line that stays.
/// Default    standard error, so that a program's output stays clean.
/// Fails      what cannot be written is counted in `lost()`.
/// Threads    any number at once.
/// Lifetime   refers to the descriptor, and does not close it. What was drawn is wiped in the destructor; nothing
///            else of the terminal is changed, so there is nothing else to restore, also after a kill.
class terminal {
public:
    explicit terminal(int descriptor = 2) noexcept : descriptor_(descriptor), is_terminal_(::isatty(descriptor) == 1) {}
    terminal(terminal const&) = delete;
    terminal& operator=(terminal const&) = delete;
    ~terminal() { draw({}); }

    [[nodiscard]] bool is_terminal() const noexcept { return is_terminal_; }
    [[nodiscard]] std::size_t columns() const noexcept;
    void draw(std::string_view text) noexcept;
    void line(std::string_view text) noexcept;
    void put(std::string_view text) noexcept { line(text); }
    [[nodiscard]] std::size_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }    // a count

private:
    static constexpr std::size_t longest = 4096;    // cut there: a line is one write from a buffer that needs no memory
    struct buffer {
        char text[longest];
        std::size_t size = 0;
        void add(std::string_view what) noexcept;
        void add_one_line(std::string_view what) noexcept;
    };
    void write(buffer const& what) noexcept;
    void keep(std::string_view text) noexcept;

    std::mutex mutex_;
    int descriptor_;
    bool is_terminal_;
    char drawn_[512];               // what stands on the last line, to be drawn again behind a line that stays
    std::size_t drawn_size_ = 0;
    std::atomic<std::size_t> lost_{0};
};

// Implementation

inline std::size_t terminal::columns() const noexcept {
    winsize size{};
    if (is_terminal_ && ::ioctl(descriptor_, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) return size.ws_col;
    return 80;
}

inline void terminal::buffer::add(std::string_view what) noexcept {
    auto const fits = std::min(what.size(), longest - size);
    if (fits != 0) std::memcpy(text + size, what.data(), fits);
    size += fits;
}

inline void terminal::buffer::add_one_line(std::string_view what) noexcept {
    for (char const c : what) {
        if (size > longest - 700) return;    // room for the rest, and for what is drawn
        if (c == '\n') add("\\n");
        else if (c == '\r') add("\\r");
        else add({&c, 1});
    }
}

inline void terminal::keep(std::string_view text) noexcept {
    drawn_size_ = std::min(text.size(), sizeof drawn_);
    if (drawn_size_ != 0) std::memcpy(drawn_, text.data(), drawn_size_);    // an empty view may point nowhere
}

inline void terminal::draw(std::string_view text) noexcept {
    if (!is_terminal_) return;
    std::lock_guard lock(mutex_);
    if (text.empty() && drawn_size_ == 0) return;
    keep(text);
    buffer out;
    out.add("\r");
    out.add({drawn_, drawn_size_});
    out.add("\x1b[K");    // wipes what a longer line left
    write(out);
}

inline void terminal::line(std::string_view text) noexcept {
    std::lock_guard lock(mutex_);
    buffer out;
    if (drawn_size_ != 0) out.add("\r\x1b[K");
    out.add_one_line(text);
    out.add("\n");
    out.add({drawn_, drawn_size_});
    write(out);
}

inline void terminal::write(buffer const& what) noexcept {
    for (std::size_t done = 0; done < what.size;) {
        auto const n = ::write(descriptor_, what.text + done, what.size - done);
        if (n > 0) {
            done += static_cast<std::size_t>(n);
        } else if (n < 0 && errno == EAGAIN) {
            pollfd ready{descriptor_, POLLOUT, 0};
            if (::poll(&ready, 1, 1000) > 0) continue;
            lost_.fetch_add(1, std::memory_order_relaxed);
            return;    // a terminal that was stopped: a bar is not worth a stopped program
        } else if (n == 0 || errno != EINTR) {
            lost_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
    }
}

static_assert(screen<terminal>);
static_assert(line_sink<terminal>);

}  // namespace muster
