#pragma once

#include <charconv>       // from_chars
#include <chrono>         // nanoseconds
#include <concepts>       // same_as
#include <cstdint>        // int64_t
#include <optional>       // get
#include <string>         // bytes
#include <string_view>    // string_view
#include <system_error>   // errc
#include <utility>        // move

#include <muster/core/concepts.hpp>                  // cache
#include <muster/core/context.hpp>                   // context
#include <muster/core/outcome.hpp>                   // outcome
#include <muster/workloads/bgp/policy_text.hpp>      // policy_text

namespace muster::bgp {

/// A cache of policies in a cache of bytes, such as `file_cache`: `policy_cache remembered{files}; ...
/// cached{remembered, key}`.
///
/// Shape      empty lists are remembered too: that there is nothing is an answer. Failures never are.
/// Fails      as the cache of bytes. Bytes that are no policy are a miss, and are replaced.
/// Threads    as the cache of bytes.
/// Lifetime   refers to the cache of bytes.
template <class Bytes>
    requires cache<Bytes> && std::same_as<typename Bytes::key_type, std::string>
        && std::same_as<typename Bytes::value_type, std::string>
class policy_cache {
public:
    using key_type = std::string;
    using value_type = policy_text;

    explicit policy_cache(Bytes& in) noexcept : in_(&in) {}

    [[nodiscard]] std::optional<policy_text> get(std::string const& key);
    template <class Compute>
    outcome<policy_text> get_or_compute(std::string const& key, context& cx, Compute const& compute);

private:
    Bytes* in_;
};

// Implementation

namespace detail {

inline constexpr std::string_view policy_mark = "muster policy 1 ";    // the format's version is in it

[[nodiscard]] inline std::string encoded(policy_text const& list) {
    auto out = std::string{policy_mark} + std::to_string(list.entries) + ' ' + std::to_string(list.ran_for.count()) +
        '\n';
    return out += list.text;
}

[[nodiscard]] inline std::optional<policy_text> decoded(std::string_view bytes) {
    if (!bytes.starts_with(policy_mark)) return std::nullopt;
    bytes.remove_prefix(policy_mark.size());
    policy_text list;
    std::int64_t ran_for = 0;
    auto const* const end = bytes.data() + bytes.size();
    auto const entries = std::from_chars(bytes.data(), end, list.entries);
    if (entries.ec != std::errc{} || entries.ptr == end || *entries.ptr != ' ') return std::nullopt;
    auto const time = std::from_chars(entries.ptr + 1, end, ran_for);
    if (time.ec != std::errc{} || time.ptr == end || *time.ptr != '\n') return std::nullopt;
    list.ran_for = std::chrono::nanoseconds{ran_for};
    list.text.assign(time.ptr + 1, end);
    return list;
}

}  // namespace detail

template <class Bytes>
    requires cache<Bytes> && std::same_as<typename Bytes::key_type, std::string>
        && std::same_as<typename Bytes::value_type, std::string>
std::optional<policy_text> policy_cache<Bytes>::get(std::string const& key) {
    auto const bytes = in_->get(key);
    return bytes ? detail::decoded(*bytes) : std::nullopt;
}

template <class Bytes>
    requires cache<Bytes> && std::same_as<typename Bytes::key_type, std::string>
        && std::same_as<typename Bytes::value_type, std::string>
template <class Compute>
outcome<policy_text> policy_cache<Bytes>::get_or_compute(std::string const& key, context& cx, Compute const& compute) {
    for (bool again = false;; again = true) {
        std::optional<policy_text> mine;    // the list as it was made, when this very call made it
        auto bytes = in_->get_or_compute(key, cx, [&](context& inner) -> outcome<std::string> {
            auto made = compute(inner);
            if (!made) return std::move(made).error();
            mine = std::move(*made);
            return detail::encoded(*mine);
        });
        if (!bytes) return std::move(bytes).error();
        if (mine) return std::move(*mine);
        if (auto list = detail::decoded(*bytes)) return std::move(*list);
        if (again) return failure{cause::unavailable, "the cache holds bytes that are no policy, and cannot be mended"};
        if constexpr (requires { in_->erase(key); }) in_->erase(key);
    }
}

}  // namespace muster::bgp
