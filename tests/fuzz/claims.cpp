// The scan of claims, against nlohmann-json:
//
//     clang++-14 -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Iinclude -Itests tests/fuzz/claims.cpp -lcrypto -o claims_fuzz
//     python3 tests/fuzz/jwt_seeds.py corpus && ./claims_fuzz corpus/claims
//
// What the one takes the other takes, with equal claims, but for what is refused on purpose: two members of one name, more than 32
// levels, more than 256 members open, registered claims of the wrong type or out of range; and numbers that no double holds.
#include <cstdio>
#include <cstdlib>
#include <cstdint>
#include <string>
#include <string_view>

#include <muster/workloads/jwt/claims.hpp>

#include "workloads/jwt/reference.hpp"

namespace {

using muster::jwt::claims;
using reference::json;

void require(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "claims: %s\n", what);
    std::abort();
}

std::optional<std::int64_t> seconds(std::optional<std::chrono::sys_seconds> const& of) {
    if (!of) return std::nullopt;
    return of->time_since_epoch().count();
}

std::optional<std::string> text(json const& in, char const* name) {
    if (!in.contains(name) || !in[name].is_string()) return std::nullopt;
    return in[name].get<std::string>();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size > 12'288) return 0;
    std::string const input{reinterpret_cast<char const*>(data), size};
    auto const said = claims::parse(input);
    auto const same = reference::read(input);
    if (same.what == reference::reading::verdict::unknown) return 0;    // 1e400
    reference::answer times;
    auto const taken = same.what == reference::reading::verdict::good && reference::well_typed(same, times);
    require(said.has_value() == taken, said ? "takes what the other refuses" : "refuses what the other takes");
    if (!said) return 0;
    require(said->payload() == input, "keeps another text");
    require(said->issuer() == text(same.value, "iss") && said->subject() == text(same.value, "sub") && said->id() == text(same.value, "jti"), "text");
    require(seconds(said->expires()) == times.exp && seconds(said->not_before()) == times.nbf && seconds(said->issued_at()) == times.iat, "time");
    require(said->has_audience() == same.value.contains("aud"), "has an audience");
    if (said->has_audience()) {
        auto const& listed = same.value["aud"];
        auto const all = said->audiences();
        require(listed.is_string() ? all.size() == 1 && all[0] == listed : json(all) == listed, "audience");
        for (auto const& one : all) require(said->is_for(one), "is not for whom it names");
    }
    for (auto const& [name, value] : same.value.items()) {
        auto const raw = said->raw(name);
        require(raw && json::parse(*raw) == value, "a claim by its name");
        require(said->text(name) == text(same.value, name.c_str()) || name.find('\0') != name.npos, "a text by its name");
    }
    auto copy = *said;
    auto const moved = std::move(copy);
    require(moved.payload() == input && moved.issuer() == said->issuer(), "a copy");
    return 0;
}
