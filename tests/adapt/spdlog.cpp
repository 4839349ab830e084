#include <muster/adapt/spdlog.hpp>
#include <muster/core/stage.hpp>         // operator|
#include <muster/policy/named.hpp>       // named
#include <muster/policy/observe.hpp>     // observe
#include <muster/testing/manual_time.hpp>    // manual_time

#include "catch.hpp"

#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <thread>
#include <vector>

using namespace muster;
using namespace std::chrono_literals;

namespace {

struct logged {
    std::ostringstream text;
    spdlog::logger logger{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text)};
    explicit logged(spdlog::level::level_enum level = spdlog::level::trace) {
        logger.set_pattern("%l %v");
        logger.set_level(level);
    }
};

}  // namespace

static_assert(!std::constructible_from<spdlog_observer, spdlog::logger>);    // a temporary logger does not bind

TEST_CASE("spdlog: each call is logged with its stable id, stage, item, attempt and time", "[adapt][spdlog]") {
    logged log;
    spdlog_observer sees{log.logger};
    testing::manual_time time{testing::manual_time::jumping};
    context cx{waiter_ref{time}};
    auto const ask = named{"fetch"} | observe{sees} | [](int n, context& inside) -> outcome<int> {
        if (auto const waited = inside.pause(std::chrono::milliseconds{n}); !waited) return waited.error();
        if (n == 20) return failure{cause::exited, "code 3 {}"};
        return n;
    };
    cx.item(3);
    (void)ask(10, cx);
    cx.item(4);
    (void)ask(20, cx);
    CHECK(log.text.str() == "trace MUSTER-200 started stage=fetch item=3 attempt=1\n"
                            "debug MUSTER-201 finished stage=fetch item=3 attempt=1 took=10ms\n"
                            "trace MUSTER-200 started stage=fetch item=4 attempt=1\n"
                            "warning MUSTER-220 failed stage=fetch item=4 attempt=1 took=20ms: exited: code 3 {}\n");
    CHECK(sees.lost() == 0);
}

TEST_CASE("spdlog: the logger's level decides what is logged", "[adapt][spdlog]") {
    logged log{spdlog::level::warn};
    spdlog_observer sees{log.logger};
    failure const broken{cause::threw, "x"};
    sees.on_call({.what = call_event::kind::started});
    sees.on_call({.what = call_event::kind::finished});
    CHECK(log.text.str().empty());
    sees.on_call({.what = call_event::kind::finished, .error = &broken});
    CHECK(log.text.str() == "warning MUSTER-220 failed took=0s: threw: x\n");
    log.logger.set_level(spdlog_level(log_level::off));
    sees.on_call({.what = call_event::kind::finished, .error = &broken});
    CHECK(log.text.str().size() < 50);
}

TEST_CASE("spdlog: a failure's text makes no lines of its own", "[adapt][spdlog]") {
    logged log;
    spdlog_observer sees{log.logger};
    failure const forged{cause::threw, "x\ncritical MUSTER-999 all is lost"};
    sees.on_call({.what = call_event::kind::finished, .error = &forged});
    CHECK(log.text.str() == "warning MUSTER-220 failed took=0s: threw: x\\ncritical MUSTER-999 all is lost\n");
}

TEST_CASE("spdlog: lines are logged at the level that was asked for", "[adapt][spdlog]") {
    logged log;
    spdlog_lines lines{log.logger, log_level::error};
    lines.put("settings: {not a format}\n");
    CHECK(log.text.str() == "error settings: {not a format}\\n\n");
    line_sink_ref const erased = lines;
    log.logger.set_level(spdlog::level::off);
    erased.put("unheard");
    CHECK(log.text.str().find("unheard") == std::string::npos);
}

TEST_CASE("spdlog: every level of the settings has one here", "[adapt][spdlog]") {
    CHECK(spdlog_level(log_level::trace) == spdlog::level::trace);
    CHECK(spdlog_level(log_level::warn) == spdlog::level::warn);
    CHECK(spdlog_level(log_level::error) == spdlog::level::err);
    CHECK(spdlog_level(log_level::off) == spdlog::level::off);
}

TEST_CASE("spdlog: eight threads log whole lines", "[adapt][spdlog]") {
    logged log;
    spdlog_lines lines{log.logger};
    {
        std::vector<std::jthread> writers;
        for (int w = 0; w < 8; ++w)
            writers.emplace_back([&, w] {
                for (int n = 0; n < 1000; ++n)
                    lines.put(std::to_string(w) + ' ' + std::string(80, static_cast<char>('a' + w)));
            });
    }
    std::istringstream in{log.text.str()};
    std::size_t count = 0;
    for (std::string line; std::getline(in, line); ++count) {
        REQUIRE(line.substr(0, 5) == "info ");
        REQUIRE(line.substr(7) == std::string(80, static_cast<char>('a' + (line[5] - '0'))));
    }
    CHECK(count == 8000);
}
