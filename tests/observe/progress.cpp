#include <muster/observe/progress.hpp>

#include "catch.hpp"

#include <barrier>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>    // memory that processes share
#include <sys/wait.h>    // waitpid
#include <unistd.h>      // fork

using namespace muster;
using namespace std::chrono_literals;

namespace {

// A screen that remembers; says when two threads are on it at once.
struct fake_screen {
    bool terminal = false;
    std::size_t width = 80;
    std::vector<std::string> drawn{}, lines{};
    std::atomic<int> on_it{0};
    std::atomic<bool> two_at_once{false};

    bool is_terminal() const noexcept { return terminal; }
    std::size_t columns() const noexcept { return width; }
    void draw(std::string_view text) noexcept { enter(), drawn.emplace_back(text), leave(); }
    void line(std::string_view text) noexcept { enter(), lines.emplace_back(text), leave(); }
    void enter() noexcept {
        if (on_it++ != 0) two_at_once = true;
    }
    void leave() noexcept { --on_it; }
    [[nodiscard]] std::string last_drawn() const {    // an empty drawing wipes
        for (auto at = drawn.rbegin(); at != drawn.rend(); ++at)
            if (!at->empty()) return *at;
        return {};
    }
};
static_assert(screen<fake_screen>);

struct hand_time {    // moved by the test alone
    std::atomic<instant::rep> at{0};
    [[nodiscard]] instant now() const noexcept { return instant{instant::duration{at.load()}}; }
    bool wait_until(wait_point& point, instant) const { return point.woken(); }
    void pass(std::chrono::nanoseconds by) { at += by.count(); }
};

// A service that takes its display as a template argument, and the fake that a test gives it.
template <progress_display Display>
int serve(Display& on, int items) {
    on.expect(static_cast<std::size_t>(items));
    for (int i = 0; i < items; ++i) i % 3 ? on.advance(1) : on.failed(1);
    on.finish();
    return items;
}
struct fake_display {
    std::vector<std::string> calls;
    void expect(std::size_t n) noexcept { calls.push_back("expect " + std::to_string(n)); }
    void advance(std::size_t) noexcept { calls.emplace_back("advance"); }
    void failed(std::size_t) noexcept { calls.emplace_back("failed"); }
    void interrupted() noexcept { calls.emplace_back("interrupted"); }
    void finish() noexcept { calls.emplace_back("finish"); }
};
struct display_that_may_throw : fake_display {
    void advance(std::size_t);
};

call_event finished(context const& cx, failure const* error = nullptr) {
    return {.what = call_event::kind::finished, .call = &cx, .error = error};
}

}  // namespace

static_assert(
    progress_display<progress<fake_screen>> && progress_display<progress<terminal>> && progress_display<fake_display>);
static_assert(!progress_display<display_that_may_throw>);
static_assert(observer<progress<fake_screen>>);
static_assert(!std::constructible_from<progress<fake_screen>, fake_screen>);    // a temporary screen does not bind

TEST_CASE("progress: start: a terminal shows it at once, a file only what takes longer", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true}, file;
    progress on_tty{tty, {.title = "rendering", .total = 100, .time = time}};
    progress in_file{file, {.title = "rendering", .total = 100, .time = time}};
    REQUIRE(tty.drawn.size() == 1);
    CHECK(tty.drawn[0] == "rendering [----------------------------------------] 0/100 0%");
    CHECK(file.lines.empty());
    time.pass(4'999ms);
    in_file.advance();
    CHECK(file.lines.empty());
    time.pass(1ms);
    in_file.advance();
    CHECK(file.lines == std::vector<std::string>{"rendering: 2/100 (2%), 0.4/s, 4m 5s left"});
}

TEST_CASE("progress: zero items are nothing to do, on both", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true}, file;
    {
        progress on_tty{tty, {.title = "empty", .total = 0, .time = time}};
        progress in_file{file, {.total = 0, .time = time}};
    }
    CHECK(tty.drawn[0] == "empty nothing to do");
    CHECK(tty.lines == std::vector<std::string>{"empty: nothing to do"});
    CHECK(file.lines == std::vector<std::string>{"nothing to do"});
}

TEST_CASE("progress: an unknown total shows counts and rate, no share and no end", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true}, file;
    {
        progress on_tty{tty, {.title = "reading", .time = time}};
        progress in_file{file, {.title = "reading", .time = time}};
        time.pass(10s);
        on_tty.advance(50);
        in_file.advance(50);
    }
    CHECK(tty.last_drawn() == "reading 50 5.0/s");
    CHECK(file.lines == std::vector<std::string>{"reading: 50, 5.0/s", "reading: 50 in 10s, 5.0/s"});
}

TEST_CASE("progress: failures are counted and shown", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true};
    {
        progress bar{tty, {.total = 4, .time = time}};
        time.pass(1s);
        bar.failed();
        time.pass(1s);
        bar.advance();
        CHECK(bar.done() == 2);
        CHECK(bar.failures() == 1);
        CHECK(tty.last_drawn() == "[####################--------------------] 2/4 50% 1 failed 1.0/s 2.0s left");
        bar.failed(2);
    }
    CHECK(tty.lines == std::vector<std::string>{"4/4, 3 failed in 2.0s, 2.0/s"});
}

TEST_CASE("progress: interrupted, it says so and where", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true}, file;
    std::stop_source source;
    {
        progress by_hand{tty, {.title = "a", .total = 10, .time = time}};
        progress by_token{file, {.title = "b", .total = 10, .time = time, .stop = source.get_token()}};
        by_hand.advance(3);
        by_token.advance(4);
        time.pass(1s);
        by_hand.interrupted();
        by_hand.refresh();
        source.request_stop();
    }
    CHECK(tty.last_drawn().find("interrupted at 3/10 30%") != std::string::npos);
    CHECK(tty.lines == std::vector<std::string>{"a: interrupted at 3/10 in 1.0s, 3.0/s"});
    CHECK(file.lines == std::vector<std::string>{"b: interrupted at 4/10 in 1.0s, 4.0/s"});
}

TEST_CASE("progress: nested, it is shown behind its parent and gone when it ends", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true, .width = 120}, file;
    {
        progress outer{tty, {.title = "files", .total = 2, .time = time}};
        {
            progress inner{outer, {.title = "pages", .total = 10}};
            time.pass(1s);
            inner.advance(5);
            CHECK(tty.last_drawn()
                  == "files [----------------------------------------] 0/2 0% > pages: 5/10 (50%), 5.0/s, 1.0s left");
            {
                progress innermost{inner, {.title = "glyphs"}};
                time.pass(1s);
                innermost.advance(7);
                CHECK(tty.last_drawn().find("> pages: 5/10 (50%), 2.5/s, 2.0s left > glyphs: 7, 7.0/s")
                      != std::string::npos);
            }
            CHECK(tty.last_drawn().find("glyphs") == std::string::npos);
            CHECK(tty.last_drawn().find("pages") != std::string::npos);
            CHECK(tty.lines.empty());
        }
        CHECK(tty.last_drawn().find("pages") == std::string::npos);
        CHECK(tty.lines.empty());    // no last line of its own
        time.pass(1s);
        outer.advance();
    }
    CHECK(tty.lines == std::vector<std::string>{"files: 1/2 in 3.0s, 0.3/s"});
    {
        progress outer{file, {.title = "files", .total = 2, .time = time}};
        progress inner{outer, {.title = "pages"}};
        for (int i = 0; i < 10; ++i) {
            time.pass(600ms);
            inner.advance();
            outer.refresh();    // one due time for both: nesting makes no further lines
        }
    }
    CHECK(file.lines.size() == 2);
    CHECK(file.lines[0].find("files: 0/2 (0%) > pages: 9") != std::string::npos);
}

TEST_CASE("progress: 8 threads with 10,000 ticks each lose none, and one writes at a time", "[observe][progress]") {
    for (bool const terminal : {false, true}) {
        hand_time time;
        fake_screen on{.terminal = terminal};
        {
            progress bar{on, {.title = "many", .total = 80'000, .redraw = 1ms, .time = time}};
            std::barrier together{8};
            std::vector<std::jthread> threads;
            for (int t = 0; t < 8; ++t)
                threads.emplace_back([&, t] {
                    together.arrive_and_wait();
                    for (int i = 0; i < 10'000; ++i) {
                        time.pass(50us);
                        if (i % 10 == 0 && t == 0) bar.failed();
                        else bar.advance();
                    }
                });
            threads.clear();
            CHECK(bar.done() == 80'000);
            CHECK(bar.failures() == 1'000);
        }
        CHECK_FALSE(on.two_at_once);
        REQUIRE(on.lines.size() >= 1);
        CHECK(on.lines.back() == "many: 80000/80000, 1000 failed in 4.0s, 20000.0/s");
        if (!terminal) CHECK(on.lines.size() == 1);    // four seconds: less than the five that a line takes
        else CHECK(on.drawn.size() > 1);
    }
}

TEST_CASE("progress: off a terminal there is at most one line a second, whatever is asked", "[observe][progress]") {
    hand_time time;
    fake_screen file;
    progress bar{file, {.total = 100'000, .every = 1ms, .time = time}};
    for (int i = 0; i < 10'000; ++i) {
        time.pass(1ms);
        bar.advance();
    }
    CHECK(file.lines.size() == 10);    // in ten seconds
}

TEST_CASE("progress: a terminal is drawn when due, not at each tick", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true};
    progress bar{tty, {.total = 1'000, .time = time}};
    for (int i = 0; i < 1'000; ++i) {
        time.pass(1ms);
        bar.advance();
    }
    CHECK(tty.drawn.size() == 11);    // at the start, and ten times in a second
}

TEST_CASE("progress: quiet, it counts and shows nothing", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true}, file;
    {
        progress bar{tty, {.total = 3, .quiet = true, .time = time}};
        progress inner{bar, {.title = "inner"}};
        progress line{file, {.quiet = true, .time = time}};
        time.pass(1h);
        bar.advance();
        bar.failed();
        inner.advance();
        line.advance();
        CHECK(bar.done() == 2);
        CHECK(inner.done() == 1);
    }
    CHECK(tty.drawn.empty());
    CHECK(tty.lines.empty());
    CHECK(file.lines.empty());
}

TEST_CASE("progress: what is drawn never reaches the last column, at any width", "[observe][progress]") {
    for (std::size_t width = 0; width < 140; ++width) {
        hand_time time;
        fake_screen tty{.terminal = true, .width = width};
        progress bar{tty, {.title = "\xc3\xbc" "ber\x1b[2Jsetzen", .total = 1'000'000, .time = time}};
        progress inner{bar, {.title = "inner"}};
        time.pass(1s);
        bar.failed(12'345);
        time.pass(1s);
        inner.advance(3);
        for (auto const& text : tty.drawn) {
            std::size_t characters = 0;
            for (char const c : text) {
                characters += detail::progress_text::starts_character(c);
                REQUIRE(static_cast<unsigned char>(c) >= 0x20);    // the title moves no cursor
            }
            REQUIRE(characters <= (width == 0 ? 0 : width - 1));
            if (!text.empty()) REQUIRE(detail::progress_text::starts_character(text[0]));
        }
    }
}

TEST_CASE("progress: the share is rounded down, and more than all is all", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true};
    progress bar{tty, {.total = 1'000'000, .time = time}};
    time.pass(1s);
    bar.advance(999'999);
    CHECK(tty.last_drawn().find("999999/1000000 99%") != std::string::npos);
    CHECK(tty.last_drawn().find("#]") == std::string::npos);    // nor is the bar full
    time.pass(1s);
    bar.advance(500'001);
    CHECK(
        tty.last_drawn().find("[########################################] 1500000/1000000 100%") != std::string::npos);
}

TEST_CASE("progress: the last line comes once, and nothing after it", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true};
    {
        progress bar{tty, {.total = 2, .time = time}};
        bar.advance(2);
        bar.finish();
        bar.finish();
        auto const drawings = tty.drawn.size();
        time.pass(1h);
        bar.advance();
        bar.refresh();
        CHECK(tty.drawn.size() == drawings);
        CHECK(bar.done() == 3);    // it goes on counting
    }
    CHECK(tty.drawn.back().empty());    // the bar is wiped before the last line
    CHECK(tty.lines.size() == 1);
}

TEST_CASE("progress: it observes calls, and learns the total from their run", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true};
    {
        progress bar{tty, {.time = time}};
        context cx;
        run_info const run{.items = 3};
        auto const guard = cx.change_run(&run);
        failure const broken{cause::threw, "x"};
        bar.on_call({.what = call_event::kind::started, .call = &cx});
        CHECK(bar.done() == 0);
        bar.on_call(finished(cx));
        bar.on_call(finished(cx, &broken));
        bar.on_call({.what = call_event::kind::started, .call = nullptr});
    }
    CHECK(tty.lines == std::vector<std::string>{"2/3, 1 failed in 0.0s"});
}

TEST_CASE("progress: a total that was said is not overruled by a run", "[observe][progress]") {
    hand_time time;
    fake_screen file;
    {
        progress bar{file, {.total = 7, .time = time}};
        context cx;
        run_info const run{.items = 3};
        auto const guard = cx.change_run(&run);
        bar.on_call({.what = call_event::kind::started, .call = &cx});
    }
    CHECK(file.lines == std::vector<std::string>{"0/7"});
}

TEST_CASE("progress: 4 processes with 10,000 ticks each lose none", "[observe][progress][forks]") {
    auto* const memory =
        ::mmap(nullptr, sizeof(progress_counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto* const shared = new (memory) progress_counts;
    hand_time time;
    fake_screen tty{.terminal = true};
    {
        progress bar{tty, {.title = "processes", .total = 40'000, .time = time, .counts = shared}};
        for (int p = 0; p < 4; ++p) {
            auto const child = ::fork();
            REQUIRE(child >= 0);
            if (child == 0) {
                for (int i = 0; i < 10'000; ++i) shared->done.fetch_add(1, std::memory_order_relaxed);
                ::_exit(0);
            }
        }
        for (int p = 0; p < 4; ++p) {
            int status = -1;
            REQUIRE(::wait(&status) > 0);
            CHECK(status == 0);
            time.pass(1s);
            bar.refresh();
        }
    }
    CHECK(tty.lines == std::vector<std::string>{"processes: 40000/40000 in 4.0s, 10000.0/s"});
    ::munmap(memory, sizeof(progress_counts));
}

TEST_CASE("progress: two in one process share nothing", "[observe][progress]") {
    hand_time time;
    fake_screen one, two;
    {
        progress a{one, {.title = "a", .time = time}};
        progress b{two, {.title = "b", .time = time}};
        a.advance(2);
        b.failed();
    }
    CHECK(one.lines == std::vector<std::string>{"a: 2 in 0.0s"});
    CHECK(two.lines == std::vector<std::string>{"b: 1, 1 failed in 0.0s"});
}

TEST_CASE("progress: a service takes any display, so that its test gives it a fake", "[observe][progress]") {
    fake_display fake;
    CHECK(serve(fake, 3) == 3);
    CHECK(fake.calls == std::vector<std::string>{"expect 3", "failed", "advance", "advance", "finish"});
    fake_screen file;
    hand_time time;
    progress bar{file, {.time = time}};
    CHECK(serve(bar, 3) == 3);
    CHECK(file.lines == std::vector<std::string>{"3/3, 1 failed in 0.0s"});
}

TEST_CASE("progress: words of the program stand behind the rate, as they are at each drawing and at the end", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true}, file;
    int tokens = 0;
    auto const words = [&tokens] { return std::to_string(tokens) + " tokens"; };
    {
        progress on_tty{tty, {.title = "asking", .total = 4, .time = time, .words = words}};
        progress in_file{file, {.title = "asking", .total = 4, .time = time, .words = words}};
        CHECK(tty.last_drawn() == "asking [----------------------------------------] 0/4 0% 0 tokens");
        time.pass(5s);
        tokens = 120;
        on_tty.advance(2);
        in_file.advance(2);
        CHECK(tty.last_drawn() == "asking [#################------------------] 2/4 50% 0.4/s 5.0s left 120 tokens");
        tokens = 360;
        on_tty.advance(2);
        in_file.advance(2);
    }
    CHECK(file.lines == std::vector<std::string>{"asking: 2/4 (50%), 0.4/s, 5.0s left, 120 tokens", "asking: 4/4 in 5.0s, 0.8/s, 360 tokens"});
    CHECK(tty.lines == std::vector<std::string>{"asking: 4/4 in 5.0s, 0.8/s, 360 tokens"});
}

TEST_CASE("progress: words are short and cannot move the cursor; those that throw or say nothing are left out", "[observe][progress]") {
    hand_time time;
    auto const shown = [&](std::function<std::string()> words) {
        fake_screen file;
        { progress bar{file, {.total = 0, .time = time, .words = std::move(words)}}; }
        return file.lines.at(0);
    };
    CHECK(shown([] { return std::string{"a\r\n\x1b[2Jb\x7f\xc2\x9b" "c"}; }) == "nothing to do, a   [2Jb  c");
    CHECK(shown([] { return std::string(1'000, 'x'); }) == "nothing to do, " + std::string(60, 'x'));
    CHECK(shown([] { return std::string(100'000, '\x80'); }).size() < 300);
    CHECK(shown([] { return std::string{}; }) == "nothing to do");
    CHECK(shown([]() -> std::string { throw std::runtime_error{"no words"}; }) == "nothing to do");
}

TEST_CASE("progress: long words and a long title leave whole characters, on lines of any width", "[observe][progress]") {
    hand_time time;
    std::string wide;
    for (int i = 0; i < 60; ++i) wide += "\xf0\x9f\x8d\x8e";    // 4 bytes each
    for (std::size_t const width : {1u, 10u, 40u, 80u, 200u, 1'000u}) {
        fake_screen tty{.terminal = true, .width = width};
        {
            progress bar{tty, {.title = wide, .total = 10, .time = time, .words = [&] { return wide; }}};
            time.pass(1s);
            bar.advance(5);
        }
        for (auto const* const lines : {&tty.drawn, &tty.lines}) {
            for (auto const& line : *lines) {
                auto const last = line.rfind('\xf0');
                CHECK((last == std::string::npos || line.size() >= last + 4));
            }
        }
    }
}

TEST_CASE("progress: a nested one has words of its own", "[observe][progress]") {
    hand_time time;
    fake_screen tty{.terminal = true, .width = 120};
    progress outer{tty, {.title = "files", .total = 2, .time = time, .words = [] { return std::string{"out"}; }}};
    progress inner{outer, {.title = "lines", .total = 10, .words = [] { return std::string{"in"}; }}};
    time.pass(1s);
    inner.advance(5);
    CHECK(tty.last_drawn().find("> lines: 5/10 (50%), 5.0/s, 1.0s left, in") != std::string::npos);
    CHECK(tty.last_drawn().find("0% out") != std::string::npos);
}
