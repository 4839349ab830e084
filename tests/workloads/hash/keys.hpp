// Keys for tests, the same in every run.
#pragma once

#include <cstddef>      // size_t
#include <random>       // mt19937_64
#include <string>       // keys
#include <vector>       // keys

/// Random bytes, zeros among them.
inline std::string random_key(std::mt19937_64& random, std::size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
}

/// One of each length, then `more` of lengths by chance: no two neighbours alike.
inline std::vector<std::string> keys_of_all_lengths(std::size_t longest, std::size_t more) {
    std::mt19937_64 random{7};
    std::vector<std::string> out;
    for (std::size_t size = 0; size <= longest; ++size) out.push_back(random_key(random, size));
    for (std::size_t i = 0; i < more; ++i) out.push_back(random_key(random, random() % (longest + 1)));
    return out;
}

inline std::vector<std::string> keys_of_one_length(std::size_t size, std::size_t count) {
    std::mt19937_64 random{size + 1};
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(random_key(random, size));
    return out;
}
