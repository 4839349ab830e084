#pragma once

#include <chrono>         // sys_seconds
#include <cstddef>        // size_t
#include <cstdint>        // uint16_t, int64_t
#include <cstring>        // memcmp
#include <limits>         // a number that was not said
#include <optional>       // claims that are not there
#include <span>           // room
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // audiences

#include <muster/core/outcome.hpp>                          // outcome
#include <muster/core/wire.hpp>                             // wire
#include <muster/workloads/jwt/detail/json_scan.hpp>        // json_scan
#include <muster/workloads/jwt/detail/numeric_date.hpp>     // numeric_date
#include <muster/workloads/jwt/detail/payload_bytes.hpp>    // payload_bytes
#include <muster/workloads/jwt/detail/token_header.hpp>     // token_type
#include <muster/workloads/jwt/fault.hpp>                   // refusal

namespace muster::jwt {

class claims;
}  // namespace muster::jwt

// Claims travel with their parts already found: nobody scans them again.
template <>
struct muster::wire<muster::jwt::claims> {
    static constexpr std::uint64_t fingerprint = 0x6a77'7463'6c61'696d;
    static void write(wire_writer& to, jwt::claims const& value);
    static jwt::claims read(wire_reader& from);
};

namespace muster::jwt {

namespace detail {
// Claims found in one pass over JSON text, which lies at the start of `room`; behind it is as much room again, for texts without
// escapes. `size` becomes how much of the room is used.
struct claim_parts {
    struct part {
        std::uint16_t at = 0, size = 0;
        bool there = false;
    };
    static constexpr auto not_said = std::numeric_limits<std::int64_t>::min();

    part issuer{}, subject{}, id{};    // without escapes
    part audience{};                   // as written: a string without its quotes, or an array
    bool several_audiences = false;
    std::int64_t expires = not_said, not_before = not_said, issued_at = not_said;

    [[nodiscard]] std::optional<fault> scan(std::span<char> room, std::size_t& size);
};
}  // namespace detail

/// What a token says: the registered claims, and all others by name.
///
/// Shape      strict JSON: an object, UTF-8, no two members of one name at any depth. What `verifier` answers; `parse` reads claims
///            that came from elsewhere, and vouches for nothing.
/// Units      times are seconds; a fraction is rounded so that the token is good for less long.
/// Fails      `parse`: fault::bad_json, bad_utf8, duplicate_member, too_deep, trailing_bytes, wrong_claim_type, and too_long above 12 KiB.
/// Lifetime   views point into this object, and are good until it is changed, moved or gone. It travels to other processes; what comes
///            from one is as good as that process: its parts lie within its text, and nothing is proven besides.
/// Cost       up to 256 bytes lie within the object, others on the heap. Registered claims are found once; `raw`, `text` and
///            `audiences` read the text again.
/// Source     RFC 7519, section 4.1.
class claims {
public:
    [[nodiscard]] static outcome<claims> parse(std::string_view json);

    /// The JSON text, as it was signed.
    [[nodiscard]] std::string_view payload() const noexcept { return bytes_.view().substr(0, payload_size_); }
    /// `typ` of the header; empty where it has none, or the claims came without.
    [[nodiscard]] std::string_view type() const noexcept { return type_.text(); }

    [[nodiscard]] std::optional<std::string_view> issuer() const noexcept { return text_of(parts_.issuer); }
    [[nodiscard]] std::optional<std::string_view> subject() const noexcept { return text_of(parts_.subject); }
    [[nodiscard]] std::optional<std::string_view> id() const noexcept { return text_of(parts_.id); }
    [[nodiscard]] std::optional<std::chrono::sys_seconds> expires() const noexcept { return time_of(parts_.expires); }
    [[nodiscard]] std::optional<std::chrono::sys_seconds> not_before() const noexcept { return time_of(parts_.not_before); }
    [[nodiscard]] std::optional<std::chrono::sys_seconds> issued_at() const noexcept { return time_of(parts_.issued_at); }

    /// True where `aud` is there: a string, or an array, also an empty one.
    [[nodiscard]] bool has_audience() const noexcept { return parts_.audience.there; }
    /// True where `aud` is `who`, or an array that holds it.
    [[nodiscard]] bool is_for(std::string_view who) const;
    [[nodiscard]] std::vector<std::string> audiences() const;

    /// The member of that name as JSON, as it is written: `"x"` with its quotes, `1`, `{"a":2}`.
    [[nodiscard]] std::optional<std::string_view> raw(std::string_view name) const;
    /// The member of that name where it is a string, escapes resolved.
    [[nodiscard]] std::optional<std::string> text(std::string_view name) const;

    /// For this workload: claims whose text lies at the start of `room`.
    [[nodiscard]] static outcome<claims> scanned(std::span<char> room, std::size_t size, detail::token_type const& type);

private:
    friend struct muster::wire<claims>;
    struct travelling;

    claims() noexcept = default;

    [[nodiscard]] std::optional<std::string_view> text_of(detail::claim_parts::part const& which) const noexcept {
        if (!which.there || bytes_.view().empty()) return std::nullopt;    // empty: these were moved from
        return bytes_.view().substr(which.at, which.size);
    }
    [[nodiscard]] static std::optional<std::chrono::sys_seconds> time_of(std::int64_t seconds) noexcept {
        if (seconds == detail::claim_parts::not_said) return std::nullopt;
        return std::chrono::sys_seconds{std::chrono::seconds{seconds}};
    }
    // Calls `see(as written)` with each of `aud`.
    template <class See>
    void each_audience(See&& see) const;

    detail::claim_parts parts_{};
    std::size_t payload_size_ = 0;
    detail::token_type type_{};
    detail::payload_bytes bytes_{};
};

// Implementation

inline std::optional<fault> detail::claim_parts::scan(std::span<char> room, std::size_t& size) {
    std::string_view const json{room.data(), size};
    bool wrong_kind = false;
    auto const place = [&](std::string_view found) {
        return part{static_cast<std::uint16_t>(found.data() - room.data()), static_cast<std::uint16_t>(found.size()), true};
    };
    auto const string = [&](part& into, json_value const& value) {
        if (value.kind != json_kind::string) {
            wrong_kind = true;
        } else if (!value.has_escapes) {
            into = place(value.raw);
        } else {
            auto const clean = unescape(value.raw, room.data() + size);
            size += clean.size();
            into = place(clean);
        }
    };
    auto const date = [&](std::int64_t& into, json_value const& value, rounding to) {
        auto const seconds = value.kind == json_kind::number ? numeric_date(value.raw, to) : std::nullopt;
        if (seconds) into = *seconds;
        else wrong_kind = true;
    };
    auto const several = [&](json_value const& value) {
        audience = place(value.raw);
        several_audiences = value.kind == json_kind::array;
        if (value.kind == json_kind::string) return;
        auto const flaw = several_audiences ? json_scan{value.raw}.array([&](json_value const& one) {
            if (one.kind != json_kind::string) wrong_kind = true;
        }) : fault::bad_json;
        if (flaw) wrong_kind = true;
    };
    auto const flaw = json_scan{json}.object([&](std::string_view name, json_value const& value) {
        char short_name[3];    // no registered name has another length
        if (name.size() != 3) {
            if (!has_escapes(name) || name.size() > 18) return;    // 18: three times \u0061
            char clean[18];
            auto const resolved = unescape(name, clean);
            if (resolved.size() != 3) return;
            resolved.copy(short_name, 3);
        } else {
            name.copy(short_name, 3);
        }
        auto const is = [&](char const (&wanted)[4]) { return std::memcmp(short_name, wanted, 3) == 0; };
        if (is("iss")) string(issuer, value);
        else if (is("sub")) string(subject, value);
        else if (is("jti")) string(id, value);
        else if (is("aud")) several(value);
        else if (is("exp")) date(expires, value, rounding::down);
        else if (is("nbf")) date(not_before, value, rounding::up);
        else if (is("iat")) date(issued_at, value, rounding::down);
    });
    if (flaw) return flaw;
    if (wrong_kind) return fault::wrong_claim_type;
    return std::nullopt;
}

inline outcome<claims> claims::scanned(std::span<char> room, std::size_t size, detail::token_type const& type) {
    claims made;
    made.payload_size_ = size;
    if (auto const wrong = made.parts_.scan(room, size)) return refusal(*wrong, "in the claims");
    made.type_ = type;
    made.bytes_ = detail::payload_bytes{{room.data(), size}};
    return made;
}

inline outcome<claims> claims::parse(std::string_view json) {
    constexpr std::size_t longest = 12'288;
    if (json.size() > longest) return refusal(fault::too_long, "claims have at most 12 KiB, these " + std::to_string(json.size()) + " bytes");
    std::string room{json};
    room.resize(2 * json.size());
    return scanned(room, json.size(), {});
}

template <class See>
void claims::each_audience(See&& see) const {
    auto const written = text_of(parts_.audience);
    if (!written) return;
    if (!parts_.several_audiences) {
        see(*written);
        return;
    }
    (void)detail::json_scan{*written}.array([&](detail::json_value const& one) { see(one.raw); });    // found well formed before
}

inline bool claims::is_for(std::string_view who) const {
    bool found = false;
    each_audience([&](std::string_view raw) { found = found || detail::says(raw, who); });
    return found;
}

inline std::vector<std::string> claims::audiences() const {
    std::vector<std::string> all;
    each_audience([&](std::string_view raw) {
        std::string clean(raw.size(), '\0');
        clean.resize(detail::unescape(raw, clean.data()).size());
        all.push_back(std::move(clean));
    });
    return all;
}

inline std::optional<std::string_view> claims::raw(std::string_view name) const {
    std::optional<std::string_view> found;
    (void)detail::json_scan{payload()}.object([&](std::string_view member, detail::json_value const& value) {
        if (!detail::says(member, name)) return;
        found = value.kind == detail::json_kind::string ? std::string_view{value.raw.data() - 1, value.raw.size() + 2} : value.raw;
    });
    return found;
}

inline std::optional<std::string> claims::text(std::string_view name) const {
    auto const written = raw(name);
    if (!written || written->front() != '"') return std::nullopt;
    std::string clean(written->size() - 2, '\0');
    clean.resize(detail::unescape(written->substr(1, written->size() - 2), clean.data()).size());
    return clean;
}

// What claims are but for their texts: without padding, which would be leaked.
struct claims::travelling {
    std::int64_t expires = 0, not_before = 0, issued_at = 0;
    std::uint32_t payload_size = 0, size = 0;
    std::uint16_t at[4] = {}, sizes[4] = {};
    std::uint8_t there = 0;    // a bit for each of the four
    std::uint8_t several_audiences = 0, has_type = 0, type_size = 0;
    std::uint32_t nothing = 0;
};

}  // namespace muster::jwt

inline void muster::wire<muster::jwt::claims>::write(wire_writer& to, jwt::claims const& value) {
    auto const text = value.bytes_.view(), type = value.type_.text();
    auto const& parts = value.parts_;
    jwt::claims::travelling flat;
    static_assert(sizeof flat == 56);
    flat.expires = parts.expires;
    flat.not_before = parts.not_before;
    flat.issued_at = parts.issued_at;
    flat.payload_size = static_cast<std::uint32_t>(value.payload_size_);
    flat.size = static_cast<std::uint32_t>(text.size());
    unsigned i = 0;
    for (auto const* const part : {&parts.issuer, &parts.subject, &parts.id, &parts.audience}) {
        flat.at[i] = part->at;
        flat.sizes[i] = part->size;
        flat.there = static_cast<std::uint8_t>(flat.there | (part->there ? 1u << i : 0u));
        ++i;
    }
    flat.several_audiences = parts.several_audiences ? 1 : 0;
    flat.has_type = value.type_.is_said() ? 1 : 0;
    flat.type_size = static_cast<std::uint8_t>(type.size());
    to.put(&flat, sizeof flat);
    to.put(type.data(), type.size());
    to.put(text.data(), text.size());
}

inline muster::jwt::claims muster::wire<muster::jwt::claims>::read(wire_reader& from) {
    jwt::claims made;
    jwt::claims::travelling flat;
    from.get(&flat, sizeof flat);
    char type[64];
    if (flat.type_size > sizeof type) from.refuse("the type of a token is too long");
    from.get(type, flat.type_size);
    if (flat.has_type != 0) (void)made.type_.say({type, flat.type_size});
    if (flat.size > from.left()) from.refuse("claims end too early");
    if (flat.payload_size > flat.size) from.refuse("claims are longer than their text");
    auto& parts = made.parts_;
    unsigned i = 0;
    for (auto* const part : {&parts.issuer, &parts.subject, &parts.id, &parts.audience}) {
        if (flat.at[i] + std::uint32_t{flat.sizes[i]} > flat.size) from.refuse("a claim lies outside of its text");
        *part = {flat.at[i], flat.sizes[i], (flat.there >> i & 1) != 0};
        ++i;
    }
    parts.several_audiences = flat.several_audiences != 0;
    parts.expires = flat.expires;
    parts.not_before = flat.not_before;
    parts.issued_at = flat.issued_at;
    made.payload_size_ = flat.payload_size;
    made.bytes_ = jwt::detail::payload_bytes{flat.size, [&](char* to) { from.get(to, flat.size); }};
    return made;
}
