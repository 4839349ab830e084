#pragma once

#include <algorithm>    // sort
#include <cstddef>      // size_t
#include <string>       // names
#include <utility>      // move
#include <vector>       // all of them

// How the rivals of a problem come together: each file names its own in a constant of type `entered`, and so whoever was left out
// of the build, because its library is not there, is simply not there.

namespace bench {

/// Enters a rival, which has a name, for the comparison of this program.
template <class Rival>
struct entered {
    explicit entered(Rival one) { all().push_back(std::move(one)); }

    /// The list that every file adds to; in no particular order.
    static std::vector<Rival>& all() {
        static std::vector<Rival> list;
        return list;
    }
};

/// "onetbb_2_wide": a rival on so many workers; on 0 it takes as many threads as it likes, and is "std_async".
inline std::string with_width(std::string name, std::size_t workers) {
    if (workers != 0) name.append("_").append(std::to_string(workers)).append("_wide");
    return name;
}

/// All that were entered: muster's first, the others by name.
template <class Rival>
std::vector<Rival> rivals() {
    auto list = entered<Rival>::all();
    auto const place = [](Rival const& one) {
        std::string const name = one.name;
        return (name.starts_with("muster") ? "0" : "1") + name;
    };
    std::sort(list.begin(), list.end(), [&](Rival const& a, Rival const& b) { return place(a) < place(b); });
    return list;
}

}  // namespace bench
