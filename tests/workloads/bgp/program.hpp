// Runs a program to its end for tests that want nothing of the library in between: argument list, both outputs, no
// shell.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace test {

struct ended {
    int exit_code = 0;
    std::optional<int> signal;
    bool timed_out = false;
    std::string out;
    std::string err;
};

inline ended run(std::vector<std::string> words, std::chrono::milliseconds at_most = std::chrono::seconds{30}) {
    std::array<std::array<int, 2>, 2> pipes{};
    for (auto& each : pipes)
        if (::pipe2(each.data(), O_CLOEXEC) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipes[0][1], 1);
    ::posix_spawn_file_actions_adddup2(&actions, pipes[1][1], 2);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    char* none[] = {nullptr};
    pid_t child = -1;
    ended result;
    int const started = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), none);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(pipes[0][1]);
    ::close(pipes[1][1]);
    if (started != 0) {
        result.exit_code = 127;
        child = -1;
    }
    auto const until = std::chrono::steady_clock::now() + at_most;
    for (int open = 2; open > 0;) {
        std::array<pollfd, 2> ready{pollfd{pipes[0][0], POLLIN, 0}, pollfd{pipes[1][0], POLLIN, 0}};
        auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0 || ::poll(ready.data(), ready.size(), static_cast<int>(left.count())) == 0) {
            result.timed_out = true;
            if (child > 0) ::kill(child, SIGKILL);
            break;
        }
        for (std::size_t i = 0; i < 2; ++i) {
            if (!ready[i].revents) continue;
            std::array<char, 65536> buffer;
            auto const got = ::read(pipes[i][0], buffer.data(), buffer.size());
            if (got > 0) {
                (i == 0 ? result.out : result.err).append(buffer.data(), static_cast<std::size_t>(got));
            } else {
                ::close(pipes[i][0]);
                pipes[i][0] = -1;
                --open;
            }
        }
    }
    for (auto& each : pipes)
        if (each[0] >= 0) ::close(each[0]);
    int status = 0;
    if (child > 0) ::waitpid(child, &status, 0);
    if (child > 0 && WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    else if (child > 0) result.exit_code = WEXITSTATUS(status);
    return result;
}

}  // namespace test
