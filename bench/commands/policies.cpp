#include "policies.hpp"

#include <algorithm>     // max_element
#include <chrono>        // literals
#include <cstdlib>       // abort
#include <filesystem>    // scratch folder
#include <fstream>       // the list for xargs
#include <string>        // arguments
#include <vector>        // requests

#include <fcntl.h>       // O_CLOEXEC
#include <poll.h>        // poll
#include <spawn.h>       // posix_spawnp
#include <sys/wait.h>    // waitpid
#include <unistd.h>      // pipe2

#include <muster/cache/file_cache.hpp>
#include <muster/core/pipeline.hpp>
#include <muster/exec/blocking_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/cached.hpp>
#include <muster/policy/deadline.hpp>
#include <muster/policy/limit.hpp>
#include <muster/gate/bulkhead.hpp>
#include <muster/process/command_runner.hpp>
#include <muster/workloads/bgp/cache_key.hpp>
#include <muster/workloads/bgp/for_request.hpp>
#include <muster/workloads/bgp/irr_responder.hpp>
#include <muster/workloads/bgp/judge.hpp>
#include <muster/workloads/bgp/plan.hpp>
#include <muster/workloads/bgp/policy_cache.hpp>
#include <muster/workloads/bgp/run_bgpq4.hpp>

namespace bench {
namespace {

using namespace muster;
using namespace std::chrono_literals;

char const* const no_environment[] = {nullptr};

/// How long `program` takes, as a shell would start it, its output thrown away.
double run_program(std::vector<std::string> const& words) {
    std::vector<char*> argv;
    for (auto const& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    return seconds([&] {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        pid_t pid = 0;
        if (posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), const_cast<char**>(no_environment)) != 0) std::abort();
        posix_spawn_file_actions_destroy(&actions);
        int status = 0;
        waitpid(pid, &status, 0);
        if (status != 0) std::abort();
    });
}

/// The least that a program which wants the outputs has to do: start `width` at a time, read their pipes, reap them.
double bare_loop(std::vector<std::vector<std::string>> const& commands, std::size_t width, std::size_t& bytes) {
    struct child {
        pid_t pid;
        int out;
        std::string text;
    };
    return seconds([&] {
        std::vector<child> running;
        std::size_t next = 0;
        std::vector<pollfd> waits;
        std::vector<char> buffer(65536);
        while (next < commands.size() || !running.empty()) {
            while (next < commands.size() && running.size() < width) {
                int ends[2];
                if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
                std::vector<char*> argv;
                for (auto const& word : commands[next]) argv.push_back(const_cast<char*>(word.c_str()));
                argv.push_back(nullptr);
                posix_spawn_file_actions_t actions;
                posix_spawn_file_actions_init(&actions);
                posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
                pid_t pid = 0;
                if (posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), const_cast<char**>(no_environment)) != 0) std::abort();
                posix_spawn_file_actions_destroy(&actions);
                close(ends[1]);
                running.push_back({pid, ends[0], {}});
                ++next;
            }
            waits.clear();
            for (auto const& each : running) waits.push_back({each.out, POLLIN, 0});
            poll(waits.data(), waits.size(), -1);
            for (std::size_t i = waits.size(); i-- > 0;) {
                if (waits[i].revents == 0) continue;
                auto const got = read(running[i].out, buffer.data(), buffer.size());
                if (got > 0) {
                    running[i].text.append(buffer.data(), static_cast<std::size_t>(got));
                    continue;
                }
                close(running[i].out);
                int status = 0;
                waitpid(running[i].pid, &status, 0);
                if (status != 0) std::abort();
                bytes += running[i].text.size();
                running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
    });
}

struct scratch_folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("muster-bench-" + std::to_string(getpid()));
    scratch_folder() { std::filesystem::create_directories(path); }
    scratch_folder(scratch_folder const&) = delete;
    ~scratch_folder() { std::filesystem::remove_all(path); }
};

bgp::request policy_of(std::uint32_t number) {
    return bgp::request{.object = bgp::irr_object::parse("AS" + std::to_string(number)).value()};
}

}  // namespace

void compare_policies(report const& to) {
    auto const count = to.size(100u, 12u);
    auto const rounds = to.size(7, 1);
    bgp::irr_responder server;
    command_runner programs;
    blocking_pool io{16};
    bulkhead connections{8};

    std::vector<bgp::request> requests;
    for (std::uint32_t i = 0; i < count; ++i) requests.push_back(policy_of(100'000 + i));

    bgp::plan const plan{{.server = server.address()}};
    auto const make = pipeline{plan, limit{connections} | deadline{30s} | bgp::run_bgpq4{programs}, bgp::judge};

    // The same arguments for all, from the plan itself.
    scratch_folder const folder;
    std::vector<std::vector<std::string>> words;
    for (auto const& each : requests) {
        auto const planned = plan(each).value();
        words.push_back({planned.run.program});
        words.back().insert(words.back().end(), planned.run.args.begin(), planned.run.args.end());
    }
    auto const list = (folder.path / "lines").string();
    {
        std::ofstream out(list);
        for (auto const& line : words) {
            for (std::size_t i = 1; i < line.size(); ++i) out << (i > 1 ? " " : "") << line[i];
            out << '\n';
        }
    }
    std::vector<std::string> const xargs{"xargs", "-P8", "-L1", "-a", list, "bgpq4"};

    auto const ours = [&](std::size_t width) {
        return seconds([&] {
            for (auto const& made : map(requests, on{io, width} | make))
                if (!made || made->entries != 20) std::abort();
        });
    };
    auto const with_bare_loop = [&] {
        std::size_t bytes = 0;
        auto const took = bare_loop(words, 8, bytes);
        if (bytes == 0) std::abort();
        return took;
    };
    auto const compare = [&](std::string const& tag) {
        auto const taken = interleaved({{"xargs", [&] { return run_program(xargs); }}, {"ours", [&] { return ours(8); }}, {"bare", with_bare_loop}}, rounds);
        to.figure("policies_" + tag + "_xargs_s", taken[0], "s");
        to.figure("policies_" + tag + "_muster_s", taken[1], "s");
        to.figure("policies_" + tag + "_bare_loop_s", taken[2], "s");
        to.figure("policies_" + tag + "_against_xargs", ratios(taken[1], taken[0]), "x");
        to.figure("policies_" + tag + "_against_bare_loop", ratios(taken[1], taken[2]), "x");
    };
    compare("no_latency");
    server.latency(50ms);
    compare("50ms");

    // Ten at 50 ms, against one after another.
    requests.erase(requests.begin() + 10, requests.end());
    auto const ten = interleaved({{"1", [&] { return ours(1); }}, {"8", [&] { return ours(8); }},
                                  {"10", [&] { connections.resize(10); auto const took = ours(10); connections.resize(8); return took; }}},
                                 to.size(5, 1));
    to.figure("ten_policies_8_wide_speedup", ratios(ten[0], ten[1]), "x");
    to.figure("ten_policies_10_wide_speedup", ratios(ten[0], ten[2]), "x");
}

void compare_warm_policies(report const& to) {
    bgp::irr_responder server{bgp::irr_data::bundled(), {.latency = 50ms}};
    command_runner programs;
    bulkhead connections{8};
    scratch_folder const folder;
    file_cache files{folder.path / "cache"};
    bgp::policy_cache answers{files};
    blocking_pool io{8};
    bgp::cache_key const key{"1.9"};
    auto const make = pipeline{bgp::plan{{.server = server.address()}},
                               bgp::for_request{cached{answers, key} | limit{connections} | deadline{30s} |
                                                pipeline{bgp::run_bgpq4{programs}, bgp::judge}}};

    std::vector<bgp::request> requests;
    for (std::uint32_t i = 0; i < to.size(100u, 12u); ++i) requests.push_back(policy_of(100'000 + i));
    auto const run = [&](std::span<bgp::request const> some, width workers) {
        return seconds([&] {
            for (auto const& made : map(some, on{io, workers} | make))
                if (!made || made->list.entries != 20) std::abort();
        });
    };

    // The same run, first with an empty cache, then with a full one.
    std::vector<double> cold, warm;
    for (int i = 0; i < to.size(5, 1); ++i) {
        files.clear();
        cold.push_back(run(requests, 8));
        auto const started = programs.stats().started;
        warm.push_back(run(requests, 8));
        if (programs.stats().started != started) std::abort();    // a warm run starts no program
    }
    to.figure("policies_50ms_cold_s", cold, "s");
    to.figure("policies_50ms_warm_s", warm, "s");
    to.figure("policies_50ms_warm_against_cold", ratios(warm, cold), "x");

    // A small batch that is remembered: the automatic width must not lose to one after another.
    std::span<bgp::request const> const five{requests.data(), 5};
    auto const small = interleaved({{"1", [&] { return run(five, 1); }}, {"automatic", [&] { return run(five, automatic{}); }}},
                                   to.size(301, 3));
    to.figure("five_remembered_one_after_another_s", small[0], "s");
    to.figure("five_remembered_automatic_s", small[1], "s");
    to.figure("five_remembered_automatic_against_one_after_another", ratios(small[1], small[0]), "x");
}

void compare_hung_servers(report const& to) {
    bgp::irr_responder server;
    for (auto const* hung : {"AS100010", "AS100011", "AS100012"}) server.misbehave(hung, bgp::irr_fault::silent);
    command_runner programs;
    blocking_pool io{8};
    auto const after = 300ms;
    auto const make = pipeline{bgp::plan{{.server = server.address()}}, deadline{after} | bgp::run_bgpq4{programs}, bgp::judge};

    // `run` returns when its child is reaped: what a call takes beyond its deadline is how long its child was left.
    std::vector<double> overshoot, others;
    for (int round = 0; round < to.size(5, 1); ++round) {
        std::vector<bgp::request> requests;
        for (std::uint32_t i = 0; i < to.size(100u, 16u); ++i) requests.push_back(policy_of(100'000 + i));
        std::vector<double> took(requests.size());
        auto const made = map(requests, on{io} | [&](bgp::request const& asked, context& cx) {
            outcome<bgp::policy_text> answer;
            took[cx.index()] = seconds([&] { answer = make(asked, cx); });
            return answer;
        });
        for (std::size_t i = 0; i < made.size(); ++i) {
            auto const hangs = i >= 10 && i <= 12;
            if (made[i].has_value() == hangs) std::abort();
            (hangs ? overshoot : others).push_back(hangs ? took[i] - std::chrono::duration<double>(after).count() : took[i]);
        }
    }
    to.figure("hung_server_child_left_after_deadline_s", {*std::max_element(overshoot.begin(), overshoot.end())}, "s");
    to.figure("beside_hung_servers_slowest_other_s", {*std::max_element(others.begin(), others.end())}, "s");
}

void compare_sleeps(report const& to) {
    command_runner programs;
    blocking_pool io{8};
    auto const sleeps = [&](std::vector<char const*> const& how_long, std::size_t width) {
        std::vector<command> commands;
        for (auto const* each : how_long) commands.push_back({.program = "sleep", .args = {each}});
        return seconds([&] {
            for (auto const& slept : map(commands, on{io, width} | std::ref(programs)))
                if (!slept) std::abort();
        });
    };
    auto const speedup = [&](std::string const& name, std::vector<char const*> const& how_long, std::size_t width) {
        auto const taken = interleaved({{"1", [&] { return sleeps(how_long, 1); }}, {"w", [&] { return sleeps(how_long, width); }}}, to.size(5, 1));
        to.figure(name, ratios(taken[0], taken[1]), "x");
    };
    speedup("three_sleeps_3_wide_speedup", {"0.14", "0.14", "0.14"}, 3);
    speedup("ten_uneven_sleeps_8_wide_speedup", {"0.21", "0.11", "0.16", "0.08", "0.23", "0.12", "0.19", "0.06", "0.09", "0.14"}, 8);
    speedup("forty_sleeps_8_wide_speedup", std::vector<char const*>(to.size(40u, 8u), "0.1"), 8);
}

}  // namespace bench
