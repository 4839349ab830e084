#include "problem.hpp"

#include <cstring>    // memcpy

namespace bench::loops {
namespace {

// Sixteen items at a time, whatever the compiler would have made of the loop.
workloads start(std::size_t) {
    using lanes [[gnu::vector_size(64)]] = std::uint32_t;
    return {.tiny = [](auto const& in, auto& out, std::size_t times) {
                constexpr auto many = sizeof(lanes) / sizeof(std::uint32_t);
                for (; times > 0; --times) {
                    std::size_t i = 0;
                    for (; i + many <= in.size(); i += many) {
                        lanes x;
                        std::memcpy(&x, &in[i], sizeof x);
                        x ^= x >> 16;
                        x *= 0x45d9f3b;
                        x ^= x >> 16;
                        std::memcpy(&out[i], &x, sizeof x);
                    }
                    for (; i < in.size(); ++i) out[i] = mix(in[i]);
                    keep(out.data());
                }
            },
            .turns = {},
            .stints = {}};
}

entered<rival> const by_hand{{"hand_vectorised", {1}, start}};

}  // namespace
}  // namespace bench::loops
