#pragma once

#include <algorithm>    // lower_bound, shuffle
#include <cmath>        // pow
#include <cstddef>      // size_t
#include <cstdint>      // uint64_t
#include <random>       // traces
#include <string>       // names
#include <vector>       // a trace

// Which share of what is asked for is not there: who forgets the right entries, at the same number of them. Not a measurement of time, and
// the same on every machine.

namespace bench::hits {

struct trace {
    std::string name;
    std::vector<std::uint64_t> asked;
    std::size_t objects;    // of which capacities are a share
};

/// By a Zipf distribution of exponent 0.99, the ranks dealt out at random.
inline trace zipf(std::size_t objects, std::size_t length) {
    std::vector<double> sums(objects);
    double sum = 0;
    for (std::size_t i = 0; i < objects; ++i) sums[i] = sum += 1 / std::pow(static_cast<double>(i + 1), 0.99);
    std::vector<std::uint64_t> number(objects);
    for (std::size_t i = 0; i < objects; ++i) number[i] = i;
    std::mt19937_64 random{1};
    std::shuffle(number.begin(), number.end(), random);
    trace made{"zipf", {}, objects};
    made.asked.reserve(length);
    std::uniform_real_distribution<> at{0, sum};
    for (std::size_t i = 0; i < length; ++i)
        made.asked.push_back(number[static_cast<std::size_t>(std::lower_bound(sums.begin(), sums.end(), at(random)) - sums.begin())]);
    return made;
}
/// The same, and 28 of 100 looks are for something that nobody asks for again.
inline trace zipf_with_scans(std::size_t objects, std::size_t length) {
    auto made = zipf(objects, length);
    made.name = "zipf_with_scans";
    std::mt19937_64 random{2};
    auto once = std::uint64_t{1} << 40;
    for (auto& each : made.asked)
        if (random() % 100 < 28) each = once++;
    return made;
}
/// Round and round over a fifth more than the larger of the capacities: nothing that forgets the oldest has a hit.
inline trace loop(std::size_t objects, std::size_t length) {
    trace made{"loop", {}, objects};
    made.asked.reserve(length);
    for (std::size_t i = 0; i < length; ++i) made.asked.push_back(i % (objects * 12 / 100));
    return made;
}

}  // namespace bench::hits
