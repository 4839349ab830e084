// Cookbook: a bar while a run goes on, Ctrl-C that stops it and keeps what is done, and a report of what parallel
// running gained. Off a terminal the bar is a line every few seconds. A second Ctrl-C ends the program at once.
// ctest:

#include <chrono>     // literals
#include <cstdio>     // printf
#include <string>     // results
#include <vector>     // items

#include <muster/muster.hpp>
#include <muster/observe/interrupts.hpp>    // interrupts
#include <muster/observe/progress.hpp>      // progress
#include <muster/observe/tally.hpp>         // tally
#include <muster/observe/terminal.hpp>      // terminal

using namespace muster;
using namespace std::chrono_literals;

// Some work that takes its time. It waits through the context, so a stop ends it at once.
outcome<std::string> render(int page, context& cx) {
    if (auto waited = cx.pause(5ms + page % 7 * 1ms); !waited) return std::move(waited).error();
    if (page % 50 == 13) return failure{cause::invalid_input, "page " + std::to_string(page) + " is torn"};
    return "page " + std::to_string(page);
}

int main() {
    std::vector<int> pages(200);
    for (int i = 0; i < 200; ++i) pages[static_cast<std::size_t>(i)] = i;

    // [progress_and_interrupt]
    terminal screen;                                            // standard error; bar and lines do not mix
    settings switches{{.complain = screen}};                    // MUSTER_MAX_WORKERS, MUSTER_DISABLE_PARALLEL, ...
    interrupts signals{{.say = screen, .on_hangup = [&] { switches.reload(); }}};
    progress bar{screen, {.title = "rendering", .stop = signals.token()}};
    tally sums;

    thread_pool pool{4};
    context run{signals.token()};
    auto const rendered = map(pages, on{pool, 4, switches} | observe{bar} | observe{sums} | render, run);
    bar.finish();
    // [end]

    for (auto const& page : rendered)                           // what was not started because of Ctrl-C is there too
        if (!page && page.error().attempts() != 0) screen.line(to_string(page.error()));
    std::printf("%s\n", to_string(sums.report()).c_str());
    return signals.exit_code();                                 // 130 after Ctrl-C
}
