#pragma once

#include <csignal>       // SIGPIPE
#include <cstddef>       // size_t
#include <cstdio>        // FILE
#include <cstdlib>       // abort
#include <filesystem>    // beside this file
#include <string>        // questions

#include <fcntl.h>       // O_CLOEXEC
#include <spawn.h>       // posix_spawn
#include <sys/wait.h>    // waitpid
#include <unistd.h>      // pipe2

namespace bench::process {

/// The program pools.py, which has Python's pools and measures them on request.
///
/// Lifetime   ends with this: made before anything that forks, which would hold its input open.
class python_pools {
public:
    python_pools() {
        if (access(python, X_OK) != 0) return;
        std::signal(SIGPIPE, SIG_IGN);    // it may fail; that is then said
        int asks[2], answers[2];
        if (pipe2(asks, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0) std::abort();
        std::filesystem::path beside{"bench/process/pools.py"};    // from the root of the project, where ./bench/run stands
        if (!exists(beside)) beside = std::filesystem::path{__FILE__}.parent_path() / "pools.py";    // not there where a cache has made it relative
        auto const script = beside.string();
        char* const argv[]{const_cast<char*>(python), const_cast<char*>(script.c_str()), nullptr};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, asks[0], 0);
        posix_spawn_file_actions_adddup2(&actions, answers[1], 1);
        if (posix_spawn(&pid_, python, &actions, nullptr, argv, environ) != 0) std::abort();
        posix_spawn_file_actions_destroy(&actions);
        close(asks[0]);
        close(answers[1]);
        ask_ = fdopen(asks[1], "w");
        answer_ = fdopen(answers[0], "r");
    }
    python_pools(python_pools const&) = delete;
    ~python_pools() {
        if (pid_ < 0) return;
        std::fclose(ask_);
        waitpid(pid_, nullptr, 0);
        std::fclose(answer_);
    }

    /// Nanoseconds a task of so many; 0 where there is no such pool.
    double ns_a_task(std::string const& pool, std::string const& task, std::size_t count) {
        char line[256];
        double per_second = 0;
        if (pid_ < 0 || std::fprintf(ask_, "%s %s %zu\n", pool.c_str(), task.c_str(), count) < 0 || std::fflush(ask_) != 0 ||
            !std::fgets(line, sizeof line, answer_) || std::sscanf(line, "{\"tasks_per_s\": %lf", &per_second) != 1)
            return 0;
        return 1e9 / per_second;
    }

private:
    static constexpr char const* python = "/usr/bin/python3";    // Debian's: that one has Debian's joblib

    pid_t pid_ = -1;
    std::FILE* ask_ = nullptr;
    std::FILE* answer_ = nullptr;
};

}  // namespace bench::process
