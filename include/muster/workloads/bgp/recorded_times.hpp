#pragma once

#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <fstream>        // the file
#include <map>            // times
#include <optional>       // unknown
#include <string>         // string
#include <string_view>    // string_view

#include <muster/core/outcome.hpp>                     // outcome
#include <muster/os/atomic_file.hpp>                   // atomic_file
#include <muster/workloads/bgp/detail/ascii.hpp>       // decimal
#include <muster/workloads/bgp/request.hpp>            // request

namespace muster::bgp {

/// How long each policy took last time, so that the longest can start first: a few take a hundred times as long as
/// the others.
///
/// Shape      a small text file, a line for each request: "AS13335 ipv4", a tab, nanoseconds.
/// Default    empty; lines that are none are left out when it is read.
/// Fails      `save` as `atomic_file`; reading a file that is not there gives an empty one.
/// Threads    as a container.
class recorded_times {
public:
    static constexpr std::size_t most = 100'000;    ///< beyond, nothing new is learnt

    [[nodiscard]] static recorded_times load(std::string const& path);
    outcome<void> save(std::string const& path) const;

    [[nodiscard]] std::optional<std::chrono::nanoseconds> of(request const& asked) const;
    /// Half the old time and half the new one.
    void learn(request const& asked, std::chrono::nanoseconds took);
    [[nodiscard]] std::size_t size() const noexcept { return times_.size(); }

private:
    std::map<std::string, std::chrono::nanoseconds, std::less<>> times_;
};

// Implementation

inline recorded_times recorded_times::load(std::string const& path) {
    recorded_times made;
    std::ifstream in{path};
    for (std::string line; made.times_.size() < most && std::getline(in, line);) {
        auto const tab = line.find('\t');
        if (tab == line.npos || tab == 0 || tab > 256) continue;
        auto const took = detail::decimal(std::string_view{line}.substr(tab + 1),
                                          std::uint64_t{86'400} * 1'000'000'000);
        if (took) made.times_[line.substr(0, tab)] = std::chrono::nanoseconds{static_cast<std::int64_t>(*took)};
    }
    return made;
}

inline outcome<void> recorded_times::save(std::string const& path) const {
    std::string text;
    for (auto const& [key, took] : times_) text += key + '\t' + std::to_string(took.count()) + '\n';
    return atomic_file::replace(path, text, {.mode = 0644, .durable = false});    // lost, it costs order, not truth
}

inline std::optional<std::chrono::nanoseconds> recorded_times::of(request const& asked) const {
    auto const found = times_.find(asked.text());
    return found == times_.end() ? std::nullopt : std::optional{found->second};
}

inline void recorded_times::learn(request const& asked, std::chrono::nanoseconds took) {
    auto const key = asked.text();
    if (auto const found = times_.find(key); found != times_.end()) found->second = (found->second + took) / 2;
    else if (times_.size() < most) times_.emplace(key, took);
}

}  // namespace muster::bgp
