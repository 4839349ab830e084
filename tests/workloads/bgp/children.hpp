// How many children this process has, those that ended and were not reaped included.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace test {

inline std::size_t children() {
    std::size_t count = 0;
    std::error_code gone;
    for (auto const& process : std::filesystem::directory_iterator{"/proc", gone}) {
        auto const name = process.path().filename().string();
        if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) continue;
        std::ifstream stat{process.path() / "stat"};
        std::string line;
        if (!std::getline(stat, line)) continue;             // it ended meanwhile
        auto const name_ends = line.rfind(')');              // a program's name may hold anything
        if (name_ends == line.npos) continue;
        std::istringstream rest{line.substr(name_ends + 1)};
        char state = 0;
        long parent = 0;
        rest >> state >> parent;
        count += parent == ::getpid();
    }
    return count;
}

}  // namespace test
