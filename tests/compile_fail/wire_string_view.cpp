// expect: muster: T cannot travel to another process
// expect: std::string for string_view
#include <string_view>
#include <vector>

#include <muster/core/wire.hpp>

void misuse(std::vector<std::byte> const& bytes) {
    auto name = muster::decoded<std::string_view>(bytes);
}
