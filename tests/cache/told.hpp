// What processes that may be killed at any moment tell of a cache, and the values by which they see that it is right.
#pragma once

#include <array>          // a text in shared memory
#include <atomic>         // who is first
#include <cstdint>        // uint64_t
#include <string>         // complaints
#include <string_view>    // what is summed

/// The first complaint of any of them, and how many there were. Lies in shared memory; zeros are none.
struct complaints {
    std::atomic<std::uint32_t> wrong{0};
    std::array<char, 300> what;

    void complain(std::string const& text) {
        if (wrong.fetch_add(1) == 0) text.copy(what.data(), what.size() - 1);
    }
};

/// FNV-1a, 64 bits: not the sums that the caches have themselves.
inline std::uint64_t sum_of(std::string_view text) {
    std::uint64_t sum = 14'695'981'039'346'656'037u;
    for (auto const c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
    return sum;
}
