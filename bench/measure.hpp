#pragma once

#include <algorithm>     // sort
#include <chrono>        // steady_clock
#include <cstdio>        // FILE
#include <cstdlib>       // exit
#include <cstring>       // strcmp
#include <filesystem>    // processes
#include <functional>    // function
#include <map>           // a family
#include <string>        // names
#include <thread>        // sleep_for
#include <utility>       // pair
#include <vector>        // samples

#include <sys/resource.h>    // getrusage
#include <time.h>            // clock_gettime
#include <unistd.h>          // sysconf

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

/// The sample below which that share of them lies: 0.99 of a hundred is the last but one.
inline double quantile(std::vector<double> samples, double share) {
    std::sort(samples.begin(), samples.end());
    return samples[std::min(samples.size() - 1, static_cast<std::size_t>(share * static_cast<double>(samples.size())))];
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

/// Processor seconds that this program has used, on all its threads.
inline double processor_seconds() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

/// Waits until the threads of this program sleep, 50 ms at most: those of one contender must not run on in the time of the next.
inline void settle() {
    for (int i = 0; i < 50; ++i) {
        auto const before = processor_seconds();
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
        if (processor_seconds() - before < 1e-4) return;
    }
}

/// Says how many cores everybody but this program and its children, living or not, used on average since it was made.
///
/// Units      cores; the kernel counts in ticks of 10 ms, so that less than a third of a second tells little.
class other_programs {
public:
    [[nodiscard]] double cores() const {
        auto const wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
        return std::max(0.0, (busy_seconds() - own_seconds() - others_) / wall);
    }

private:
    static double own_seconds() {
        double sum = 0;
        for (auto const who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
            rusage used{};
            getrusage(who, &used);
            for (auto const& each : {used.ru_utime, used.ru_stime})
                sum += static_cast<double>(each.tv_sec) + 1e-6 * static_cast<double>(each.tv_usec);
        }
        return sum + living_children_seconds();
    }
    static double living_children_seconds() {    // and of theirs: the kernel counts them for us when they are reaped, not before
        struct process {
            int parent;
            double seconds;
        };
        std::map<int, process> all;
        std::error_code ignored;    // one that ends while we look is none
        for (auto const& each : std::filesystem::directory_iterator{"/proc", ignored}) {
            auto const number = std::atoi(each.path().filename().c_str());
            auto* const file = number > 0 ? std::fopen((each.path() / "stat").c_str(), "r") : nullptr;
            if (!file) continue;
            char text[1'024];
            text[std::fread(text, 1, sizeof text - 1, file)] = '\0';
            std::fclose(file);
            auto const* const behind_name = std::strrchr(text, ')');
            int parent = 0;
            double user = 0, system = 0, reaped_user = 0, reaped_system = 0;
            if (behind_name && std::sscanf(behind_name + 1, " %*c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %lf %lf %lf %lf", &parent, &user,
                                           &system, &reaped_user, &reaped_system) == 5)
                all[number] = {parent, (user + system + reaped_user + reaped_system) / static_cast<double>(sysconf(_SC_CLK_TCK))};
        }
        double sum = 0;
        for (auto const& [number, one] : all) {
            auto above = all.find(one.parent);
            while (above != all.end() && above->first != getpid()) above = all.find(above->second.parent);
            if (above != all.end()) sum += one.seconds;
        }
        return sum;
    }
    static double busy_seconds() {    // of all cores, with what the host took away; 0 where the kernel does not say
        auto* const file = std::fopen("/proc/stat", "r");
        if (!file) return 0;
        double user = 0, nice = 0, system = 0, idle = 0, disk = 0, irq = 0, softirq = 0, stolen = 0;
        auto const read = std::fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &disk, &irq,
                                      &softirq, &stolen);
        std::fclose(file);
        if (read != 8) return 0;
        return (user + nice + system + irq + softirq + stolen) / static_cast<double>(sysconf(_SC_CLK_TCK));
    }

    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    double others_ = busy_seconds() - own_seconds();
};

/// What in_quiet_rounds gives: samples by contender, and what other programs used of the machine in each round.
class quiet_rounds {
public:
    explicit quiet_rounds(std::vector<contender> const& all) : samples_(all.size()) {
        for (auto const& each : all) names_.push_back(each.name);
    }
    void add(std::size_t number, std::vector<double> const& round, double others) {
        for (std::size_t i = 0; i < names_.size(); ++i) samples_[i].push_back(round[i]);
        others_.push_back(others);
        numbers_.push_back(number);
    }

    [[nodiscard]] std::vector<std::string> const& names() const noexcept { return names_; }
    /// None where it did not take part.
    [[nodiscard]] std::vector<double> of(std::string const& name) const {
        auto const at = std::find(names_.begin(), names_.end(), name);
        return at == names_.end() ? std::vector<double>{} : samples_[static_cast<std::size_t>(at - names_.begin())];
    }

    /// Of those samples that a contender took beside its own, one each time it ran, the ones that count.
    [[nodiscard]] std::vector<double> pick(std::vector<double> const& beside) const {
        std::vector<double> out;
        for (auto const number : numbers_) out.push_back(beside[number + 1]);    // the first was the warm-up
        return out;
    }

    /// A figure for each contender, and one for the other programs.
    void figures(report const& to, std::string const& prefix, std::string const& suffix, std::string const& unit) const {
        for (auto const& name : names_) to.figure(prefix + name + suffix, of(name), unit.c_str());
        to.figure(prefix + "other_programs", others_, "cores");
    }
    /// A figure for one contender over another, pair by pair, where both took part.
    void ratio(report const& to, std::string const& figure, std::string const& name, std::string const& over) const {
        if (auto const above = of(name), below = of(over); !above.empty() && !below.empty()) to.figure(figure, ratios(above, below), "x");
    }

private:
    std::vector<std::string> names_;
    std::vector<std::vector<double>> samples_;
    std::vector<double> others_;
    std::vector<std::size_t> numbers_;
};

/// Runs contenders in turn, as `interleaved`, and leaves out the rounds in which other programs used the machine: which rounds
/// count is decided by what the others did, never by what was measured.
///
/// Shape      `rounds` of them where the machine is quiet. Else the quiet ones of those that `most_seconds` allow, filled up to
///            five, where there are so many, with the least disturbed.
inline quiet_rounds in_quiet_rounds(std::vector<contender> const& all, int rounds, double most_seconds) {
    constexpr double quiet = 0.1;    // cores
    auto const start = std::chrono::steady_clock::now();
    std::vector<std::vector<double>> taken;
    std::vector<double> others;
    for (auto const& each : all) {
        settle();
        each.run();    // warm-up, not counted
    }
    std::size_t were_quiet = 0;
    while (were_quiet < static_cast<std::size_t>(rounds)) {
        auto& round = taken.emplace_back();
        other_programs const watch;
        for (auto const& each : all) {
            settle();
            round.push_back(each.run());
        }
        others.push_back(watch.cores());
        if (others.back() <= quiet) ++were_quiet;
        if (taken.size() >= 3 && std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > most_seconds) break;
        if (rounds < 3 && taken.size() >= static_cast<std::size_t>(rounds)) break;    // a try, not a measurement
    }

    std::vector<std::pair<double, std::size_t>> by_quiet;
    for (std::size_t i = 0; i < taken.size(); ++i) by_quiet.emplace_back(others[i], i);
    std::sort(by_quiet.begin(), by_quiet.end());
    by_quiet.resize(std::min(by_quiet.size(), std::max<std::size_t>(were_quiet, 5)));

    quiet_rounds kept{all};
    for (auto const& [by_others, round] : by_quiet) kept.add(round, taken[round], by_others);
    return kept;
}

}  // namespace bench
