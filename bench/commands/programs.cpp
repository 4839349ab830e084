#include "programs.hpp"

#include <cstdio>        // stderr
#include <cstdlib>       // abort
#include <cstring>       // memset
#include <functional>    // ref
#include <string>        // arguments
#include <utility>       // move
#include <vector>        // commands

#include <fcntl.h>          // O_CLOEXEC
#include <poll.h>           // poll
#include <spawn.h>          // posix_spawnp
#include <sys/epoll.h>      // epoll
#include <sys/mman.h>       // mmap
#include <sys/syscall.h>    // pidfd_open
#include <sys/wait.h>       // waitpid
#include <unistd.h>         // pipe2, vfork

#include <muster/exec/blocking_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/process/command_runner.hpp>

#include <python_script.hpp>

namespace bench {
namespace {

using namespace muster;

char* const no_environment[] = {nullptr};

struct program {
    char const* name;    // of the figures
    char const* path;
    std::vector<std::string> args{};
    [[nodiscard]] std::vector<char*> argv() const {
        std::vector<char*> out{const_cast<char*>(path)};
        for (auto const& each : args) out.push_back(const_cast<char*>(each.c_str()));
        out.push_back(nullptr);
        return out;
    }
    /// As a shell and Python's split() read it.
    [[nodiscard]] std::string line() const {
        std::string all = path;
        for (auto const& each : args) all += ' ' + each;
        return all;
    }
};

double with_muster(command_runner& programs, blocking_pool& io, program const& what, std::size_t count, std::size_t width) {
    command const one{.program = what.path, .args = what.args, .environment = {}};
    std::vector<command> const commands(count, one);
    return seconds([&] {
        for (auto const& done : map(commands, on{io, width} | std::ref(programs)))
            if (!done) std::abort();
    });
}

double with_muster_here(command_runner& programs, program const& what, std::size_t count) {
    command const one{.program = what.path, .args = what.args, .environment = {}};
    return seconds([&] {
        for (std::size_t i = 0; i < count; ++i)
            if (!programs(one)) std::abort();
    });
}

// The least for whom the outputs matter: two pipes each, poll until both are closed, reap.
double with_bare_loop(program const& what, std::size_t count, std::size_t width) {
    struct child {
        pid_t pid;
        int ends[2];
        std::string text[2];
    };
    auto const argv = what.argv();
    return seconds([&] {
        std::vector<child> running;
        std::vector<pollfd> waits;
        std::vector<char> buffer(65'536);
        for (std::size_t next = 0; next < count || !running.empty();) {
            for (; next < count && running.size() < width; ++next) {
                int out[2], err[2];
                if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) std::abort();
                posix_spawn_file_actions_t actions;
                posix_spawn_file_actions_init(&actions);
                posix_spawn_file_actions_adddup2(&actions, out[1], 1);
                posix_spawn_file_actions_adddup2(&actions, err[1], 2);
                pid_t pid = 0;
                if (posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), no_environment) != 0) std::abort();
                posix_spawn_file_actions_destroy(&actions);
                close(out[1]);
                close(err[1]);
                running.push_back({pid, {out[0], err[0]}, {}});
            }
            waits.clear();
            for (auto const& each : running)
                for (int const end : each.ends) waits.push_back({end, POLLIN, 0});
            poll(waits.data(), waits.size(), -1);
            for (std::size_t i = running.size(); i-- > 0;) {
                auto& each = running[i];
                for (std::size_t s = 0; s < 2; ++s) {
                    if (each.ends[s] < 0 || waits[2 * i + s].revents == 0) continue;
                    auto const got = read(each.ends[s], buffer.data(), buffer.size());
                    if (got > 0) {
                        each.text[s].append(buffer.data(), static_cast<std::size_t>(got));
                    } else {
                        close(each.ends[s]);
                        each.ends[s] = -1;
                    }
                }
                if (each.ends[0] >= 0 || each.ends[1] >= 0) continue;
                waitpid(each.pid, nullptr, 0);
                std::swap(each, running.back());
                running.pop_back();
            }
        }
    });
}

// A function of its own: what its caller keeps in registers survives the child.
[[gnu::noinline]] pid_t vfork_and_run(char* const* argv, int null) {
    auto const pid = vfork();
    if (pid == 0) {
        dup2(null, 1);
        dup2(null, 2);
        execve(argv[0], argv, no_environment);
        _exit(127);
    }
    return pid;
}

// The least of all: no output is wanted.
double with_vfork(program const& what, std::size_t count, std::size_t width) {
    auto const argv = what.argv();
    int const null = open("/dev/null", O_RDWR | O_CLOEXEC), ready = epoll_create1(EPOLL_CLOEXEC);
    auto const took = seconds([&] {
        std::size_t started = 0, running = 0;
        while (started < count || running > 0) {
            for (; started < count && running < width; ++started, ++running) {
                auto const pid = vfork_and_run(argv.data(), null);
                int const handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
                epoll_event event{};
                // Once: a child that has just started still holds copies of these handles for a moment, also after vfork has
                // returned, so that closing one does not yet end its events.
                event.events = EPOLLIN | EPOLLONESHOT;
                event.data.fd = handle;
                if (pid < 0 || epoll_ctl(ready, EPOLL_CTL_ADD, handle, &event) != 0) std::abort();
            }
            epoll_event events[16];
            int const ended = epoll_wait(ready, events, 16, -1);
            for (int i = 0; i < ended; ++i) {
                siginfo_t about{};
                waitid(static_cast<idtype_t>(3), static_cast<id_t>(events[i].data.fd), &about, WEXITED);    // 3: P_PIDFD
                if (about.si_status == 127) std::abort();
                close(events[i].data.fd);
                --running;
            }
        }
    });
    close(null);
    close(ready);
    return took;
}

// A whole program that runs them; its own start is part of what it costs.
double with_words(std::vector<std::string> const& words) {
    std::vector<char*> argv;
    for (auto const& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    return seconds([&] {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, 1, 2);
        pid_t pid = 0;
        if (posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0) std::abort();
        posix_spawn_file_actions_destroy(&actions);
        int status = 0;
        waitpid(pid, &status, 0);
        if (status != 0) std::abort();
    });
}

std::vector<std::string> xargs(program const& what, std::size_t count, std::size_t width) {
    // seq makes the lines; -I uses none of them, so that the program gets its own argument alone
    return {"sh", "-c", "seq " + std::to_string(count) + " | xargs -P" + std::to_string(width) + " -I@ " + what.line()};
}

std::vector<std::string> python(program const& what, std::size_t count, std::size_t width) {
    auto const run = "'" + what.line() + "'.split()";
    return {"python3", "-c",
            "import subprocess\nfrom concurrent.futures import ThreadPoolExecutor as P\nwith P(" + std::to_string(width) +
                ") as p: list(p.map(lambda i: subprocess.run(" + run + ", capture_output=True), range(" + std::to_string(count) + ")))"};
}

}  // namespace

void compare_capture(report const& to) {
    python_script python{"bench/commands/capture.py"};    // first: see there
    command_runner programs;
    struct case_of {
        program what;
        std::size_t count;
    };
    // A program that says nothing: what the two pipes cost. And one that writes as fast as it can.
    for (auto const& [what, count] : {case_of{{"nothing", "/bin/true"}, to.size<std::size_t>(100, 10)},
                                      case_of{{"16_MiB", "/usr/bin/head", {"-c16M", "/dev/zero"}}, to.size<std::size_t>(5, 1)}}) {
        std::vector<contender> contenders{{"muster", [&] { return with_muster_here(programs, what, count); }},
                                          {"bare_loop", [&] { return with_bare_loop(what, count, 1); }}};
        auto const line = std::to_string(count) + ' ' + what.line();
        if (python.ask(line)) contenders.push_back({"python", [&] { return python.ask(line).value(); }});
        else std::fprintf(stderr, "  capture: without Python, which was not found (Debian: apt-get install python3)\n");
        auto const taken = interleaved(contenders, to.size(15, 1));
        auto const tag = std::string{"capture_of_"} + what.name + '_';
        for (std::size_t i = 0; i < contenders.size(); ++i) to.figure(tag + contenders[i].name + "_s", taken[i], "s");
        for (std::size_t i = 1; i < contenders.size(); ++i) to.figure(tag + "against_" + contenders[i].name, ratios(taken[0], taken[i]), "x");
    }
}

void compare_programs(report const& to) {
    auto const count = to.size<std::size_t>(100, 10);
    auto const rounds = to.size(15, 1);
    command_runner programs;
    blocking_pool io{8};

    std::vector<program> all{{"true", "/bin/true"}};
    if (access("/usr/bin/bgpq4", X_OK) == 0) all.push_back({"bgpq4_v", "/usr/bin/bgpq4", {"-v"}});
    for (auto const& what : all)
        for (std::size_t const width : {std::size_t{1}, std::size_t{8}}) {
            std::vector<contender> contenders{
                {"muster", [&] { return with_muster(programs, io, what, count, width); }},
                {"bare_loop", [&] { return with_bare_loop(what, count, width); }},
                {"vfork", [&] { return with_vfork(what, count, width); }},
                {"xargs", [&] { return with_words(xargs(what, count, width)); }}};
            if (access("/usr/bin/python3", X_OK) == 0)
                contenders.push_back({"python", [&] { return with_words(python(what, count, width)); }});
            auto const taken = interleaved(contenders, rounds);
            auto const tag = std::string{what.name} + "_" + std::to_string(width) + "_wide_";
            for (std::size_t i = 0; i < contenders.size(); ++i) to.figure(tag + contenders[i].name + "_s", taken[i], "s");
            for (std::size_t i = 1; i < contenders.size(); ++i) to.figure(tag + "against_" + contenders[i].name, ratios(taken[0], taken[i]), "x");
        }

    auto const small = [&] { return with_muster(programs, io, all[0], count, 8); };
    auto const large = [&] {
        auto const size = to.size(std::size_t{2} << 30, std::size_t{16} << 20);
        auto* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) std::abort();
        madvise(memory, size, MADV_NOHUGEPAGE);
        std::memset(memory, 1, size);
        auto const took = small();
        munmap(memory, size);
        return took;
    };
    auto const taken = interleaved({{"small", small}, {"large", large}}, to.size(5, 1));
    to.figure("true_8_wide_from_2_GiB_against_small", ratios(taken[1], taken[0]), "x");
}

}  // namespace bench
