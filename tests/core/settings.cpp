#include <muster/core/settings.hpp>

#include "catch.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

using namespace muster;

namespace {

using variables = std::map<std::string, std::string>;

// An environment of the test's own, so that cases do not see each other's.
settings_source from(variables const& in, line_sink_ref complain = {}) {
    return {.complain = complain, .environment = [&in](std::string const& name) -> std::optional<std::string> {
                if (auto const found = in.find(name); found != in.end()) return found->second;
                return std::nullopt;
            }};
}

struct temporary_file {
    std::filesystem::path path;
    explicit temporary_file(std::string const& name)
        : path(std::filesystem::temp_directory_path() / (name + '_' + std::to_string(std::random_device{}()))) {}
    ~temporary_file() { std::filesystem::remove(path); }
    void write(std::string_view text) const { std::ofstream{path, std::ios::binary} << text; }
};

}  // namespace

TEST_CASE("settings: nothing said means the defaults", "[core][settings]") {
    variables const none;
    settings const from_nothing{from(none)};
    auto const values = from_nothing.snapshot();
    CHECK(values == settings_values{});
    CHECK_FALSE(values.max_workers);
    CHECK_FALSE(values.disable_parallel);
    CHECK(values.level == log_level::info);
    CHECK(values.batch_size == 100);
    CHECK(from_nothing.complaints().empty());
}

TEST_CASE("settings: the environment beats the default", "[core][settings]") {
    variables const all{{"MUSTER_MAX_WORKERS", "12"}, {"MUSTER_DISABLE_PARALLEL", "yes"}, {"MUSTER_LOG_LEVEL", "trace"},
                        {"MUSTER_BATCH_SIZE", "7"}, {"OTHER_MAX_WORKERS", "3"}};
    settings const read{from(all)};
    CHECK(read.snapshot() == settings_values{12, true, log_level::trace, 7});
}

TEST_CASE("settings: a call's option beats the environment, and only for that call", "[core][settings]") {
    variables const all{{"MUSTER_MAX_WORKERS", "12"}, {"MUSTER_DISABLE_PARALLEL", "1"}, {"MUSTER_LOG_LEVEL", "off"},
                        {"MUSTER_BATCH_SIZE", "7"}};
    settings const read{from(all)};
    CHECK(read.snapshot({.max_workers = 4}) == settings_values{4, true, log_level::off, 7});
    CHECK(read.snapshot({.disable_parallel = false}).disable_parallel == false);
    CHECK(read.snapshot({.level = log_level::warn, .batch_size = 1}) == settings_values{12, true, log_level::warn, 1});
    CHECK(read.snapshot() == settings_values{12, true, log_level::off, 7});
}

TEST_CASE("settings: each layer beats the one below it", "[core][settings]") {
    temporary_file const file{"muster_settings_layers"};
    file.write("MUSTER_MAX_WORKERS=5\nMUSTER_BATCH_SIZE=50\n");
    variables all{{"MUSTER_MAX_WORKERS", "4"}, {"MUSTER_BATCH_SIZE", "40"}, {"MUSTER_LOG_LEVEL", "debug"},
                  {"MUSTER_SETTINGS_FILE", file.path.string()}};
    settings read{from(all)};
    CHECK(read.snapshot() == settings_values{5, false, log_level::debug, 50});
    read.say({.max_workers = 6});
    CHECK(read.snapshot() == settings_values{6, false, log_level::debug, 50});
    CHECK(read.snapshot({.max_workers = 7}).max_workers == 7u);
    read.reload();
    CHECK(read.snapshot().max_workers == 6u);    // what the program said outlives a reload
    read.say({});
    CHECK(read.snapshot().max_workers == 5u);
}

TEST_CASE("settings: every invalid number is said, named with its rule, and not used", "[core][settings]") {
    for (std::string const name : {"MUSTER_MAX_WORKERS", "MUSTER_BATCH_SIZE"})
        for (std::string const value : {"0", "-1", "abc", "1e9", "", " ", "4 ", " 4", "+4", "4.5", "0x10", "4,5",
                 "1000001", "99999999999999999999999", "\xd9\xa4", "4\n5"}) {
            kept_lines said;
            variables const all{{name, value}};
            settings const read{from(all, said)};
            INFO(name << "=" << value);
            CHECK(read.snapshot() == settings_values{});
            REQUIRE(said.lines().size() == 1);
            CHECK(said.contains(name));
            CHECK(said.contains(json_text(value)));
            CHECK(said.contains(name == "MUSTER_MAX_WORKERS" ? "from 1 to 4096" : "from 1 to 1000000"));
            CHECK(said.lines() == read.complaints());
        }
    kept_lines said;
    variables const over{{"MUSTER_MAX_WORKERS", "4097"}};
    CHECK_FALSE(settings{from(over, said)}.snapshot().max_workers);
    CHECK(said.lines().size() == 1);
    variables const edge{{"MUSTER_MAX_WORKERS", "4096"}, {"MUSTER_BATCH_SIZE", "1000000"}};
    CHECK(settings{from(edge)}.snapshot() == settings_values{4096, false, log_level::info, 1'000'000});
    variables const least{{"MUSTER_MAX_WORKERS", "1"}, {"MUSTER_BATCH_SIZE", "1"}};
    CHECK(settings{from(least)}.snapshot() == settings_values{1, false, log_level::info, 1});
}

TEST_CASE("settings: switches understand yes and no in any case, and nothing else", "[core][settings]") {
    for (std::string const yes : {"1", "true", "TRUE", "True", "yes", "YES", "on", "oN"}) {
        variables const all{{"MUSTER_DISABLE_PARALLEL", yes}};
        CHECK(settings{from(all)}.snapshot().disable_parallel);
    }
    for (std::string const no : {"0", "false", "FALSE", "no", "No", "off", "OFF"}) {
        variables const all{{"MUSTER_DISABLE_PARALLEL", no}};
        settings const read{from(all)};
        CHECK_FALSE(read.snapshot().disable_parallel);
        CHECK(read.complaints().empty());
    }
    for (std::string const wrong : {"", "2", "-1", "y", "n", "truee", "tru", "abc", "1e9", "on off"}) {
        variables const all{{"MUSTER_DISABLE_PARALLEL", wrong}};
        settings const read{from(all)};
        CHECK_FALSE(read.snapshot().disable_parallel);
        CHECK(read.complaints().size() == 1);
    }
}

TEST_CASE("settings: log levels are read by name, in any case", "[core][settings]") {
    for (int level = 0; level <= 6; ++level) {
        std::string name{name_of(static_cast<log_level>(level))};
        variables const lower{{"MUSTER_LOG_LEVEL", name}};
        CHECK(settings{from(lower)}.snapshot().level == static_cast<log_level>(level));
        for (auto& c : name) c = static_cast<char>(c - 'a' + 'A');
        variables const upper{{"MUSTER_LOG_LEVEL", name}};
        CHECK(settings{from(upper)}.snapshot().level == static_cast<log_level>(level));
    }
    for (std::string const wrong : {"", "0", "-1", "1e9", "abc", "warning!", "inf"}) {
        variables const all{{"MUSTER_LOG_LEVEL", wrong}};
        settings const read{from(all)};
        CHECK(read.snapshot().level == log_level::info);
        CHECK(read.complaints().size() == 1);
    }
}

TEST_CASE("settings: an application has its own prefix, and reads no other", "[core][settings]") {
    variables const all{{"MUSTER_MAX_WORKERS", "4"}, {"OTTO_BGP_MAX_WORKERS", "6"}};
    auto own = from(all);
    own.prefix = "OTTO_BGP";
    CHECK(settings{own}.snapshot().max_workers == 6u);
    for (auto const* bad : {"", "A=B", "A B", "A-B", "\n"}) {
        own.prefix = bad;
        CHECK_THROWS_AS(settings{own}, std::invalid_argument);
    }
}

TEST_CASE("settings: the file of the option beats the file that the environment names", "[core][settings]") {
    temporary_file const named{"muster_settings_named"}, given{"muster_settings_given"};
    named.write("MUSTER_MAX_WORKERS=2");
    given.write("MUSTER_MAX_WORKERS=3");
    variables const all{{"MUSTER_SETTINGS_FILE", named.path.string()}};
    auto source = from(all);
    CHECK(settings{source}.snapshot().max_workers == 2u);
    source.file = given.path.string();
    CHECK(settings{source}.snapshot().max_workers == 3u);
}

TEST_CASE(
    "settings: a file may have comments, blanks and quotes, and says in which line it is wrong", "[core][settings]") {
    temporary_file const file{"muster_settings_lines"};
    file.write("# comment\r\n\r\n  MUSTER_MAX_WORKERS =  \"9\" "
               "\r\nnonsense\nMUSTER_BATCH_SIZE=x\nMUSTER_COLOUR=red\n=3\nMUSTER=1\n"
               "PATH=/bin\nMUSTER_DISABLE_PARALLEL=on");
    variables const all{{"MUSTER_SETTINGS_FILE", file.path.string()}};
    settings const read{from(all)};
    CHECK(read.snapshot() == settings_values{9, true, log_level::info, 100});
    auto const said = read.complaints();
    REQUIRE(said.size() == 6);
    CHECK(said[0].find(":4: ") != std::string::npos);
    CHECK(said[1].find(":5: MUSTER_BATCH_SIZE=\"x\"") != std::string::npos);
    CHECK(said[2].find("\"MUSTER_COLOUR\" is no setting") != std::string::npos);
}

TEST_CASE("settings: a wrong value in the file leaves what the environment says", "[core][settings]") {
    temporary_file const file{"muster_settings_wrong"};
    file.write("MUSTER_MAX_WORKERS=many\n");
    variables const all{{"MUSTER_SETTINGS_FILE", file.path.string()}, {"MUSTER_MAX_WORKERS", "4"}};
    settings const read{from(all)};
    CHECK(read.snapshot().max_workers == 4u);
    CHECK(read.complaints().size() == 1);
}

TEST_CASE("settings: a file that is not there, is a folder or never ends is said and not used", "[core][settings]") {
    for (std::string const path : {"/no/such/file", "/", "/dev/zero"}) {
        variables const all{{"MUSTER_SETTINGS_FILE", path}, {"MUSTER_MAX_WORKERS", "4"}};
        settings const read{from(all)};
        CHECK(read.snapshot().max_workers == 4u);
        REQUIRE(read.complaints().size() == 1);
        CHECK(read.complaints()[0].find(path) != std::string::npos);
    }
}

TEST_CASE("settings: a reload acts at once, and forgets old complaints", "[core][settings]") {
    variables all{{"MUSTER_MAX_WORKERS", "abc"}};
    kept_lines said;
    settings read{from(all, said)};
    CHECK(read.complaints().size() == 1);
    all["MUSTER_MAX_WORKERS"] = "3";
    all["MUSTER_DISABLE_PARALLEL"] = "on";
    CHECK(read.snapshot() == settings_values{});    // not before it is read
    read.reload();
    CHECK(read.snapshot() == settings_values{3, true, log_level::info, 100});
    CHECK(read.complaints().empty());
    all.clear();
    read.reload();
    CHECK(read.snapshot() == settings_values{});
    CHECK(said.lines().size() == 1);
}

TEST_CASE("settings: options of the program that break a rule are refused", "[core][settings]") {
    variables const none;
    settings read{from(none)};
    CHECK_THROWS_AS(read.say({.max_workers = 0}), std::invalid_argument);
    CHECK_THROWS_AS(read.say({.max_workers = 4097}), std::invalid_argument);
    CHECK_THROWS_AS(read.say({.batch_size = 0}), std::invalid_argument);
    CHECK_THROWS_AS(read.snapshot({.max_workers = 0}), std::invalid_argument);
    CHECK(read.snapshot() == settings_values{});
}

TEST_CASE("settings: the width that is left of the one asked for", "[core][settings]") {
    settings_values const none{};
    CHECK(none.width_for() == width{automatic{}});
    CHECK(none.width_for(5) == width{5});
    settings_values const four{.max_workers = 4};
    CHECK(four.width_for().workers(100, 16) == 4);
    CHECK(four.width_for().workers(2, 16) == 1);
    CHECK(four.width_for(automatic{.sequential_up_to = 0}).workers(2, 16) == 2);
    CHECK(four.width_for(32) == width{32});    // the call's own word
    settings_values const sixteen{.max_workers = 16};
    CHECK(sixteen.width_for().workers(100, 32) == 16);
    settings_values const off{.max_workers = 16, .disable_parallel = true};
    CHECK(off.width_for() == width{1});
    CHECK(off.width_for(32) == width{1});
}

TEST_CASE("settings: a reader never sees half of a reload", "[core][settings]") {
    std::atomic<bool> odd = false;
    settings_source source;
    source.environment = [&](std::string const& name) -> std::optional<std::string> {
        if (name == "MUSTER_MAX_WORKERS" || name == "MUSTER_BATCH_SIZE") return odd ? "11" : "22";
        return std::nullopt;
    };
    settings read{source};
    std::atomic<int> torn = 0;
    {
        std::vector<std::jthread> readers;
        for (int r = 0; r < 3; ++r)
            readers.emplace_back([&](std::stop_token stop) {
                while (!stop.stop_requested()) {
                    auto const values = read.snapshot();
                    torn += values.max_workers != values.batch_size;
                }
            });
        for (int i = 0; i < 2000; ++i) {
            odd = i % 2 != 0;
            read.reload();
        }
    }
    CHECK(torn == 0);
}

TEST_CASE("settings: two in one process share nothing", "[core][settings]") {
    variables const one{{"A_MAX_WORKERS", "1"}}, two{{"B_MAX_WORKERS", "2"}};
    auto source_a = from(one), source_b = from(two);
    source_a.prefix = "A";
    source_b.prefix = "B";
    settings a{source_a}, b{source_b};
    a.say({.batch_size = 5});
    CHECK(a.snapshot() == settings_values{1, false, log_level::info, 5});
    CHECK(b.snapshot() == settings_values{2, false, log_level::info, 100});
}

#if __has_include(<unistd.h>)
TEST_CASE("settings: without more said, the process's own environment is read", "[core][settings]") {
    REQUIRE(::setenv("MUSTER_SETTINGS_TEST_MAX_WORKERS", "17", 1) == 0);
    settings read{{.prefix = "MUSTER_SETTINGS_TEST"}};
    CHECK(read.snapshot().max_workers == 17u);
    REQUIRE(::setenv("MUSTER_SETTINGS_TEST_MAX_WORKERS", "0", 1) == 0);
    read.reload();
    CHECK_FALSE(read.snapshot().max_workers);
    CHECK(read.complaints().size() == 1);
    REQUIRE(::unsetenv("MUSTER_SETTINGS_TEST_MAX_WORKERS") == 0);
    read.reload();
    CHECK(read.complaints().empty());
}
#endif
