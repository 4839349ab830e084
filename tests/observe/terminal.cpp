#include <muster/observe/terminal.hpp>
#include <muster/observe/progress.hpp>    // on a real terminal

#include "catch.hpp"

#include <array>
#include <csignal>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>      // O_NONBLOCK
#include <stdlib.h>     // posix_openpt
#include <termios.h>    // raw output

using namespace muster;

namespace {

struct ends {
    int read = -1, write = -1;
    ~ends() { ::close(read), close_write(); }
    void close_write() { if (write >= 0) ::close(write), write = -1; }
    [[nodiscard]] std::string drain() const {    // what is there now; all of it once the writer is closed
        std::string out;
        char block[4096];
        for (ssize_t n; (n = ::read(read, block, sizeof block)) > 0;) out.append(block, static_cast<std::size_t>(n));
        return out;
    }
};
struct a_pipe : ends {
    a_pipe() {
        std::array<int, 2> both{};
        REQUIRE(::pipe(both.data()) == 0);
        read = both[0], write = both[1];
    }
};
struct a_pty : ends {    // `read` is the human's side
    a_pty() {
        read = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
        REQUIRE(read >= 0);
        REQUIRE((::grantpt(read) == 0 && ::unlockpt(read) == 0));
        write = ::open(::ptsname(read), O_RDWR | O_NOCTTY);
        REQUIRE(write >= 0);
        termios raw{};
        ::tcgetattr(write, &raw);
        ::cfmakeraw(&raw);
        ::tcsetattr(write, TCSANOW, &raw);
    }
    void resize(unsigned short columns) const {
        winsize size{};
        size.ws_col = columns, size.ws_row = 24;
        REQUIRE(::ioctl(read, TIOCSWINSZ, &size) == 0);
    }
};
struct without_sigpipe {
    struct sigaction before {};
    without_sigpipe() {
        struct sigaction ignore {};
        ignore.sa_handler = SIG_IGN;
        ::sigaction(SIGPIPE, &ignore, &before);
    }
    ~without_sigpipe() { ::sigaction(SIGPIPE, &before, nullptr); }
};

struct throwing_screen {
    bool is_terminal() const noexcept;
    std::size_t columns() const noexcept;
    void draw(std::string_view);
    void line(std::string_view) noexcept;
};

}  // namespace

static_assert(!screen<throwing_screen> && !screen<int>);

TEST_CASE("terminal: a line that stays pushes the drawn one down, and the end wipes it", "[observe][terminal]") {
    a_pty const pty;
    {
        terminal on{pty.write};
        CHECK(on.is_terminal());
        on.draw("[##--]");
        CHECK(pty.drain() == "\r[##--]\x1b[K");
        on.line("a warning");
        CHECK(pty.drain() == "\r\x1b[Ka warning\n[##--]");
        on.draw("[###-]");
        CHECK(pty.drain() == "\r[###-]\x1b[K");
    }
    CHECK(pty.drain() == "\r\x1b[K");
}

TEST_CASE("terminal: nothing drawn leaves nothing to wipe", "[observe][terminal]") {
    a_pty const pty;
    {
        terminal on{pty.write};
        on.line("only this");
    }
    CHECK(pty.drain() == "only this\n");
}

TEST_CASE("terminal: its width is asked for again, since windows change", "[observe][terminal]") {
    a_pty const pty;
    terminal const on{pty.write};
    pty.resize(132);
    CHECK(on.columns() == 132);
    pty.resize(40);
    CHECK(on.columns() == 40);
    pty.resize(0);
    CHECK(on.columns() == 80);    // a terminal that does not know
}

TEST_CASE("terminal: in a file or a pipe only lines that stay are written", "[observe][terminal]") {
    a_pipe pipe;
    {
        terminal on{pipe.write};
        CHECK_FALSE(on.is_terminal());
        CHECK(on.columns() == 80);
        on.draw("[##--]");
        on.line("kept");
        on.put("two\nlines\r");
        on.draw("[####]");
    }
    pipe.close_write();
    CHECK(pipe.drain() == "kept\ntwo\\nlines\\r\n");
}

TEST_CASE("terminal: eight threads write whole lines", "[observe][terminal]") {
    a_pipe pipe;
    std::string all;
    std::jthread reader{[&] { all = pipe.drain(); }};
    {
        terminal on{pipe.write};
        std::vector<std::jthread> writers;
        for (int w = 0; w < 8; ++w)
            writers.emplace_back([&, w] {
                for (int n = 0; n < 1000; ++n)
                    on.line("writer " + std::to_string(w) + ' ' + std::to_string(n) + ' '
                            + std::string(100, static_cast<char>('a' + w)));
            });
    }
    pipe.close_write();
    reader.join();
    std::istringstream in{all};
    std::set<std::string> seen;
    for (std::string line; std::getline(in, line); seen.insert(line)) {
        int w = -1, n = -1;
        REQUIRE(std::sscanf(line.c_str(), "writer %d %d ", &w, &n) == 2);
        REQUIRE(line.substr(line.size() - 100) == std::string(100, static_cast<char>('a' + w)));
    }
    CHECK(seen.size() == 8000);
}

TEST_CASE("terminal: what nobody can read any more is counted, and does not end the program", "[observe][terminal]") {
    without_sigpipe const ignoring;
    a_pipe pipe;
    ::close(pipe.read);
    pipe.read = -1;
    terminal on{pipe.write};
    on.line("to nobody");
    CHECK(on.lost() == 1);
    terminal closed{-1};
    closed.line("nowhere");
    closed.draw("nowhere");
    CHECK(closed.lost() == 1);
}

TEST_CASE("terminal: an endless line is cut, and still ends", "[observe][terminal]") {
    a_pipe pipe;
    std::string all;
    std::jthread reader{[&] { all = pipe.drain(); }};
    {
        terminal on{pipe.write};
        on.line(std::string(100'000, 'x'));
        on.line(std::string(100'000, '\n'));
    }
    pipe.close_write();
    reader.join();
    CHECK(std::count(all.begin(), all.end(), '\n') == 2);
    CHECK(all.back() == '\n');
    CHECK(all.size() < 10'000);
}

TEST_CASE(
    "terminal: a progress on a real one wipes its bar and leaves one exact line", "[observe][terminal][progress]") {
    a_pty const pty;
    pty.resize(60);
    {
        terminal on{pty.write};
        progress bar{on, {.title = "files", .total = 2}};
        bar.advance();
        bar.failed();
    }
    auto const shown = pty.drain();
    CHECK(shown.find("\rfiles [") == 0);
    auto const last = shown.rfind('\r');
    CHECK(shown.substr(last, 4) == "\r\x1b[K");    // the bar is gone
    CHECK(shown.substr(last + 4).find("files: 2/2, 1 failed in ") == 0);
    CHECK(shown.back() == '\n');
    CHECK(shown.find("\x1b[?") == std::string::npos);    // no mode of the terminal was changed
}
