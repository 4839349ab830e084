// The processes of this machine, as /proc has them: who is whose child, and how one is signalled without hitting another by mistake.
#pragma once

#include <algorithm>      // any_of
#include <chrono>         // limits
#include <csignal>        // signals
#include <cstdio>         // sscanf
#include <cstdlib>        // strtol
#include <fstream>        // stat, environ
#include <iterator>       // istreambuf_iterator
#include <string>         // names
#include <string_view>    // names
#include <thread>         // yield
#include <vector>         // all of them

#include <dirent.h>         // opendir
#include <sys/syscall.h>    // pidfd_open
#include <unistd.h>         // getpid

#include <muster/os/fd.hpp>    // fd

struct kin {
    pid_t pid = 0, parent = 0;
    char state = '?';    // Z: dead, and nobody has waited for it
    std::string name;
    friend bool operator==(kin const& a, kin const& b) { return a.pid == b.pid; }    // the name may still be that of who made it
};

/// One process; pid 0 when there is none.
inline kin process_of(pid_t pid) {
    char text[512]{};
    muster::fd const file{::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file || ::read(file.get(), text, sizeof text - 1) <= 0) return {};
    kin one;
    char name[64]{};
    if (std::sscanf(text, "%d (%63[^)]) %c %d", &one.pid, name, &one.state, &one.parent) != 4) return {};
    one.name = name;
    return one;
}

inline std::vector<kin> all_processes() {
    std::vector<kin> all;
    auto* const folder = ::opendir("/proc");
    while (auto const* each = ::readdir(folder)) {
        auto const pid = static_cast<pid_t>(std::strtol(each->d_name, nullptr, 10));
        if (pid <= 0) continue;
        if (auto one = process_of(pid); one.pid != 0) all.push_back(std::move(one));
    }
    ::closedir(folder);
    return all;
}

/// The children of this process, the dead that nobody waited for too; all, or those of a name.
inline std::vector<kin> children(std::string_view name = {}) {
    std::vector<kin> mine;
    for (auto& each : all_processes())
        if (each.parent == ::getpid() && (name.empty() || each.name == name)) mine.push_back(std::move(each));
    return mine;
}
inline std::vector<kin> children_but(std::vector<kin> const& known, std::string_view name = {}) {
    auto mine = children(name);
    std::erase_if(mine, [&](kin const& each) { return std::find(known.begin(), known.end(), each) != known.end(); });
    return mine;
}

/// Processes whose environment has this entry: those of a program that was started with it, whoever their parent is by now. The dead
/// have no environment.
inline std::vector<kin> those_with(std::string_view entry) {
    std::vector<kin> all;
    for (auto& each : all_processes()) {
        std::ifstream file{"/proc/" + std::to_string(each.pid) + "/environ", std::ios::binary};
        std::string const text{std::istreambuf_iterator<char>{file}, {}};
        if (text.find(entry) != text.npos) all.push_back(std::move(each));
    }
    return all;
}

/// Signals a child of this process if it is still the one that was seen; whether that was so. `before` is called in between.
template <class Before>
bool signal_child(kin const& whom, int number, Before const& before) {
    muster::fd const handle{static_cast<int>(::syscall(SYS_pidfd_open, whom.pid, 0))};
    if (!handle) return false;
    auto const now = process_of(whom.pid);
    if (now.parent != ::getpid() || now.name != whom.name || now.state == 'Z' || now.state == 'X') return false;
    before();
    return ::syscall(SYS_pidfd_send_signal, handle.get(), number, nullptr, 0u) == 0;
}
inline bool signal_child(kin const& whom, int number) {
    return signal_child(whom, number, [] {});
}

/// Waits until it is so; false when it was not in that time.
template <class It>
bool eventually(It const& is_so, std::chrono::steady_clock::duration within = std::chrono::seconds{30}) {
    auto const end = std::chrono::steady_clock::now() + within;
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return true;
}

inline std::size_t count_of_open_files() {
    std::size_t count = 0;
    auto* const folder = ::opendir("/proc/self/fd");
    while (::readdir(folder)) ++count;
    ::closedir(folder);
    return count;
}
