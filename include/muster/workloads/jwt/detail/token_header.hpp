#pragma once

#include <algorithm>      // copy
#include <array>          // the type
#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <optional>       // what is wrong with it
#include <string_view>    // string_view

#include <muster/workloads/jwt/algorithm.hpp>           // algorithm
#include <muster/workloads/jwt/detail/json_scan.hpp>    // json_scan
#include <muster/workloads/jwt/fault.hpp>               // fault

namespace muster::jwt::detail {

// `typ` of a header, by value: it is looked at after the header is gone.
class token_type {
public:
    token_type() noexcept = default;
    [[nodiscard]] bool is_said() const noexcept { return said_; }
    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }
    // False where it is longer than any media type that is in use.
    bool say(std::string_view type) noexcept {
        said_ = true;
        if (type.size() > text_.size()) return false;
        std::copy(type.begin(), type.end(), text_.begin());
        size_ = static_cast<std::uint8_t>(type.size());
        return true;
    }

private:
    std::array<char, 64> text_;    // as far as `size_`
    std::uint8_t size_ = 0;
    bool said_ = false;
};

struct token_header {
    jwt::algorithm algorithm = jwt::algorithm::hs256;
    std::optional<std::string_view> key_id{};    // into `spare`, or into the text
    token_type type{};
};

// "none", "None", "nOnE": taken for unsigned by readers that compare without case.
[[nodiscard]] constexpr bool says_none(std::string_view name) noexcept {
    constexpr std::string_view none = "none";
    if (name.size() != none.size()) return false;
    for (std::size_t i = 0; i < none.size(); ++i)
        if ((name[i] | 0x20) != none[i]) return false;
    return true;
}

// Reads a header, and refuses what no header may say whatever the key. `spare` has room for as many bytes as `text` has.
[[nodiscard]] inline std::optional<fault> read_header(std::string_view text, char* spare, token_header& into) {
    std::optional<std::string_view> name;
    bool critical = false, unencoded = false, embedded = false, wrong_kind = false, long_type = false;
    auto const written = [&](json_value const& value) -> std::string_view {
        if (value.kind != json_kind::string) {
            wrong_kind = true;
            return {};
        }
        if (!value.has_escapes) return value.raw;
        auto const clean = unescape(value.raw, spare);
        spare += clean.size();
        return clean;
    };
    auto const flaw = json_scan{text}.object([&](std::string_view member, json_value const& value) {
        auto const is = [member](std::string_view wanted) { return says(member, wanted); };
        if (is("alg")) name = written(value);
        else if (is("kid")) into.key_id = written(value);
        else if (is("typ")) long_type = !into.type.say(written(value));
        else if (is("cty")) (void)written(value);
        else if (is("crit")) critical = true;
        else if (is("b64")) unencoded = true;
        else if (is("jwk") || is("jku") || is("x5u") || is("x5c")) embedded = true;
    });
    if (flaw) return flaw;
    if (wrong_kind) return fault::wrong_member_type;
    if (!name) return fault::missing_algorithm;
    if (says_none(*name)) return fault::algorithm_none;
    auto const known = algorithm_of(*name);
    if (!known) return fault::unsupported_algorithm;
    if (unencoded) return fault::unencoded_payload;
    if (critical) return fault::critical_extension;
    if (embedded) return fault::embedded_key;
    if (long_type) return fault::wrong_type;
    into.algorithm = *known;
    return std::nullopt;
}

}  // namespace muster::jwt::detail
