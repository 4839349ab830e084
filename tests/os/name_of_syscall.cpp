#include <muster/os/name_of_syscall.hpp>

#include "catch.hpp"

#include <algorithm>    // adjacent_find, sort
#include <charconv>     // from_chars
#include <fstream>      // the system's own list
#include <map>          // names by number
#include <string>       // lines
#include <vector>       // numbers

using namespace muster;

static_assert(name_of_syscall(SYS_socket) == "socket" && name_of_syscall(SYS_execve) == "execve");

TEST_CASE("name_of_syscall: says what a sandbox refuses by its name, and nothing of what it does not know", "[os][name_of_syscall]") {
    CHECK(name_of_syscall(SYS_connect) == "connect");
    CHECK(name_of_syscall(SYS_openat) == "openat");
    CHECK(name_of_syscall(SYS_clone) == "clone");
    CHECK(name_of_syscall(SYS_ptrace) == "ptrace");
    CHECK(name_of_syscall(SYS_io_uring_setup) == "io_uring_setup");
    CHECK(name_of_syscall(-1).empty());
    CHECK(name_of_syscall(100'000).empty());
}

TEST_CASE("name_of_syscall: no number has two names", "[os][name_of_syscall]") {
    std::vector<long> numbers;
    for (auto const& each : detail::named_syscalls) numbers.push_back(each.number);
    std::sort(numbers.begin(), numbers.end());
    CHECK(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
}

TEST_CASE("name_of_syscall: every name is the system's own", "[os][name_of_syscall]") {
#ifdef __x86_64__
    std::ifstream list{"/usr/include/x86_64-linux-gnu/asm/unistd_64.h"};
#else
    std::ifstream list;
#endif
    if (!list) SKIP("no list of this architecture's system calls");
    std::map<long, std::string> names;
    for (std::string line; std::getline(list, line);) {
        std::string const start = "#define __NR_";
        auto const blank = line.rfind(' ');
        if (line.rfind(start, 0) != 0 || blank == std::string::npos) continue;
        long number = -1;
        std::from_chars(line.data() + blank + 1, line.data() + line.size(), number);
        names[number] = line.substr(start.size(), blank - start.size());
    }
    REQUIRE(names.size() > 300);
    for (auto const& each : detail::named_syscalls) CHECK(names[each.number] == each.name);
}
