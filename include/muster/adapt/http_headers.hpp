#pragma once

#include <algorithm>           // equal, erase_if
#include <cstddef>             // size_t
#include <initializer_list>    // headers as they are written in a program
#include <optional>            // a header that is not there
#include <string>              // names, values
#include <string_view>         // names
#include <utility>             // move
#include <vector>              // the headers

namespace muster {

struct http_header {
    std::string name{};
    std::string value{};
    friend bool operator==(http_header const&, http_header const&) = default;
};

/// The headers of a request or a response, in their order; names are the same in any case.
///
///     http_headers ask{{"Content-Type", "application/json"}, {"api-key", key}};
///     auto const wait = answer.headers.find("retry-after");    // std::optional<std::string_view>
///
/// Lifetime   what is found lives as long as the headers are not changed.
/// Cost       a look passes over all of them: there are a dozen.
class http_headers {
public:
    http_headers() = default;
    http_headers(std::initializer_list<http_header> of) : all_(of) {}

    /// The value of the first of that name.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// The values of all of that name, in their order.
    [[nodiscard]] std::vector<std::string_view> find_all(std::string_view name) const;

    /// One more, whatever is there.
    void add(std::string name, std::string value) { all_.push_back({std::move(name), std::move(value)}); }
    /// In place of all of that name.
    void set(std::string name, std::string value);
    /// How many there were of that name.
    std::size_t erase(std::string_view name) {
        return std::erase_if(all_, [&](http_header const& each) { return same_name(each.name, name); });
    }
    void clear() noexcept { all_.clear(); }
    /// For whoever reads headers off the wire: the newest.
    [[nodiscard]] http_header& back() { return all_.back(); }

    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    [[nodiscard]] auto begin() const noexcept { return all_.begin(); }
    [[nodiscard]] auto end() const noexcept { return all_.end(); }

    /// True for names that differ in the case of ASCII letters alone, whatever the locale.
    [[nodiscard]] static bool same_name(std::string_view a, std::string_view b) noexcept {
        auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
    }
    friend bool operator==(http_headers const&, http_headers const&) = default;

private:
    std::vector<http_header> all_;
};

// Implementation

inline std::optional<std::string_view> http_headers::find(std::string_view name) const noexcept {
    for (auto const& each : all_)
        if (same_name(each.name, name)) return each.value;
    return std::nullopt;
}

inline std::vector<std::string_view> http_headers::find_all(std::string_view name) const {
    std::vector<std::string_view> out;
    for (auto const& each : all_)
        if (same_name(each.name, name)) out.push_back(each.value);
    return out;
}

inline void http_headers::set(std::string name, std::string value) {
    erase(name);
    add(std::move(name), std::move(value));
}

}  // namespace muster
