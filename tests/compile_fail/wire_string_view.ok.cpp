#include <string>
#include <vector>

#include <muster/core/wire.hpp>

void misuse(std::vector<std::byte> const& bytes) {
    auto name = muster::decoded<std::string>(bytes);
}
