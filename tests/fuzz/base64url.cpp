// base64url both ways, under whatever bytes a fuzzer thinks of:
//
//     clang++-14 -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Iinclude -Itests tests/fuzz/base64url.cpp -lcrypto -o base64url_fuzz
//     python3 tests/fuzz/jwt_seeds.py corpus && ./base64url_fuzz corpus/base64url
//
// What decodes encodes to the same text, and is what a reader decodes that takes bit after bit; any bytes come back.
#include <cstdio>
#include <cstdlib>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <muster/workloads/jwt/base64url.hpp>

#include "workloads/jwt/reference.hpp"

namespace {

using muster::jwt::base64url;

void require(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "base64url: %s\n", what);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const input{reinterpret_cast<char const*>(data), size};
    std::vector<char> room(base64url::decoded_size(size));    // no byte more: a sanitizer sees what is written behind it
    auto const bytes = base64url::decode(input, room);
    auto const same = reference::base64url(input);
    require(bytes.has_value() == same.has_value(), "the two readers differ");
    if (bytes) {
        require(*bytes == *same, "decoded to other bytes");
        require(bytes->size() == base64url::decoded_size(size), "has another size than was said");
        std::vector<char> text(base64url::encoded_size(bytes->size()));
        require(base64url::encode(*bytes, text) == input, "encodes to another text");
    }
    std::vector<char> text(base64url::encoded_size(size));
    auto const written = base64url::encode(input, text);
    require(written == reference::to_base64url(input), "encoded otherwise");
    std::vector<char> back(base64url::decoded_size(written.size()));
    require(base64url::decode(written, back) == input, "does not come back");
    return 0;
}
