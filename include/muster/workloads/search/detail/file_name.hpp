#pragma once

#include <string>         // names
#include <string_view>    // paths

namespace muster::searching::detail {

// What a collected file is called where its text does not say: "web-01" of "linux/web-01.txt".
inline std::string name_without_ending(std::string_view path) {
    if (auto const slash = path.rfind('/'); slash != path.npos) path.remove_prefix(slash + 1);
    if (auto const dot = path.rfind('.'); dot != path.npos && dot != 0) path = path.substr(0, dot);
    return std::string{path};
}

}  // namespace muster::searching::detail
