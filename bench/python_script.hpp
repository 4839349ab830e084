#pragma once

#include <csignal>       // SIGPIPE
#include <cstdio>        // FILE
#include <cstdlib>       // abort
#include <filesystem>    // beside the sources
#include <optional>      // an answer
#include <string>        // questions

#include <fcntl.h>       // O_CLOEXEC
#include <spawn.h>       // posix_spawn
#include <sys/wait.h>    // waitpid
#include <unistd.h>      // pipe2

namespace bench {

/// A rival that is written in Python: one process that answers lines by lines, so that its own start is no part of what it measures.
///
/// Lifetime   ends with this: made before anything that forks, which would hold its input open.
class python_script {
public:
    /// By its path from the root of the project, where ./bench/run stands. Without Python it answers nothing.
    explicit python_script(std::string const& from_root) {
        if (access(python, X_OK) != 0) return;
        std::signal(SIGPIPE, SIG_IGN);    // it may fail; that is then said
        int asks[2], answers[2];
        if (pipe2(asks, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0) std::abort();
        std::filesystem::path script{from_root};
        if (!exists(script)) script = std::filesystem::path{__FILE__}.parent_path().parent_path() / from_root;    // not there where a cache has made it relative
        auto const name = script.string();
        char* const argv[]{const_cast<char*>(python), const_cast<char*>(name.c_str()), nullptr};
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
    python_script(python_script const&) = delete;
    ~python_script() {
        if (pid_ < 0) return;
        std::fclose(ask_);
        waitpid(pid_, nullptr, 0);
        std::fclose(answer_);
    }

    /// The number that it answers; none where it has none, or is not there.
    [[nodiscard]] std::optional<double> ask(std::string const& line) {
        char answer[256];
        double number = 0;
        if (pid_ < 0 || std::fprintf(ask_, "%s\n", line.c_str()) < 0 || std::fflush(ask_) != 0 || !std::fgets(answer, sizeof answer, answer_) ||
            std::sscanf(answer, "%lf", &number) != 1)
            return std::nullopt;
        return number;
    }

private:
    static constexpr char const* python = "/usr/bin/python3";    // Debian's: that one has Debian's modules

    pid_t pid_ = -1;
    std::FILE* ask_ = nullptr;
    std::FILE* answer_ = nullptr;
};

}  // namespace bench
