#pragma once

#include <algorithm>     // sort
#include <chrono>        // steady_clock
#include <cstdio>        // FILE
#include <cstdlib>       // exit
#include <cstring>       // strcmp
#include <functional>    // function
#include <string>        // names
#include <vector>        // samples

// What every comparison of bench/ shares: samples taken in turn, medians, and a line of JSON for each figure.

namespace bench {

/// Makes the compiler believe that the value is used.
template <class T>
inline void keep(T const& value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

/// Seconds that a call takes.
template <class F>
double seconds(F&& call) {
    auto const start = std::chrono::steady_clock::now();
    call();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    auto const middle = samples.size() / 2;
    return samples.size() % 2 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

/// Half the distance between the quartiles.
inline double spread(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    return (samples[samples.size() * 3 / 4] - samples[samples.size() / 4]) / 2;
}

/// The command line of a comparison, and the figures that it writes: `--json FILE [--short]`.
class report {
public:
    report(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            if (!std::strcmp(argv[i], "--short")) {
                short_ = true;
            } else if (!std::strcmp(argv[i], "--json") && i + 1 < argc) {
                out_ = std::fopen(argv[++i], "w");
            } else {
                std::fprintf(stderr, "usage: %s [--json FILE] [--short]\n", argv[0]);
                std::exit(2);
            }
        }
    }
    report(report const&) = delete;
    ~report() {
        if (out_) std::fclose(out_);
    }

    [[nodiscard]] bool is_short() const noexcept { return short_; }
    /// `full`, or a little where only building and running is tried.
    template <class N>
    [[nodiscard]] N size(N full, N little) const noexcept { return short_ ? little : full; }

    void figure(std::string const& name, std::vector<double> const& samples, char const* unit) const {
        std::fprintf(stderr, "  %-44s %12.6g %s  (+- %.2g, n %zu)\n", name.c_str(), median(samples), unit, spread(samples), samples.size());
        if (out_)
            std::fprintf(out_, "{\"name\": \"%s\", \"median\": %.9g, \"spread\": %.9g, \"unit\": \"%s\", \"n\": %zu}\n", name.c_str(),
                         median(samples), spread(samples), unit, samples.size());
    }

private:
    std::FILE* out_ = nullptr;
    bool short_ = false;
};

/// One way to solve a problem: its name, and a run that answers how long it took, in seconds.
struct contender {
    std::string name;
    std::function<double()> run;
};

/// Runs contenders in turn, A B C A B C ..., so that a drift of the machine meets all alike: samples by contender.
inline std::vector<std::vector<double>> interleaved(std::vector<contender> const& all, int rounds) {
    std::vector<std::vector<double>> samples(all.size());
    for (auto const& each : all) each.run();    // warm-up, not counted
    for (int round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < all.size(); ++i) samples[i].push_back(all[i].run());
    return samples;
}

/// The ratios pair by pair.
inline std::vector<double> ratios(std::vector<double> const& of, std::vector<double> const& to) {
    std::vector<double> out(of.size());
    for (std::size_t i = 0; i < of.size(); ++i) out[i] = of[i] / to[i];
    return out;
}

}  // namespace bench
