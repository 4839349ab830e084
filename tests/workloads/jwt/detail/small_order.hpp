// Texts of points that Ed25519 has to be careful with.
#pragma once

#include <array>
#include <vector>

using text32 = std::array<unsigned char, 32>;

namespace small_order {

// The eight points whose order is 1, 2, 4 or 8: k times one of order 8, for k from 0.
inline std::vector<text32> points() {
    text32 const one{1}, zero{}, of_8{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
                                     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
        other_of_8{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
                   0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05};
    text32 minus_one;
    minus_one.fill(0xff);
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    auto const signed_as = [](text32 of) {
        of[31] |= 0x80;
        return of;
    };
    return {one, of_8, signed_as(zero), other_of_8, minus_one, signed_as(other_of_8), zero, signed_as(of_8)};
}

// y from p to 2^255 - 1, with both signs.
inline std::vector<text32> not_canonical() {
    std::vector<text32> all;
    for (int low = 0xed; low <= 0xff; ++low)
        for (auto const high : {0x7f, 0xff}) {
            text32 text;
            text.fill(0xff);
            text[0] = static_cast<unsigned char>(low);
            text[31] = static_cast<unsigned char>(high);
            all.push_back(text);
        }
    return all;
}

// Every text that may be read as one of the eight: also with y + p, and with a sign where x is 0.
inline std::vector<text32> texts() {
    auto all = points();
    for (auto const which : {0U, 4U}) {
        all.push_back(all[which]);
        all.back()[31] |= 0x80;
    }
    for (auto const& text : not_canonical())
        if (text[0] <= 0xee) all.push_back(text);    // p and p + 1
    return all;
}

}  // namespace small_order
