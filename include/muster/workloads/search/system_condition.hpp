#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <string>         // values
#include <string_view>    // text
#include <vector>         // values

#include <muster/workloads/search/collected_system.hpp>    // collected_system

namespace muster::searching {

/// What of a system a condition looks at.
enum class system_attribute : std::uint8_t { family, version, product, distribution, producer, producer_version, name };
/// How. `among`: equal to one of the values.
enum class comparison : std::uint8_t { equal, not_equal, less, less_or_equal, greater, greater_or_equal, among };

/// One condition on the system of a file: a rule with some is tried on files whose systems meet all of them.
///
/// Shape      text is compared without regard to the case of ASCII letters. Versions are compared number by number, what is missing
///            counts as 0: 10.0 equals 10 and is less than 10.0.1; letters behind the numbers do not count.
///            A system that does not tell what is asked meets no condition but `not_equal`.
struct system_condition {
    system_attribute attribute = system_attribute::family;
    comparison by = comparison::equal;
    std::vector<std::string> values{};    ///< one; any number with `among`

    [[nodiscard]] bool holds(collected_system const& of) const;
    friend bool operator==(system_condition const&, system_condition const&) = default;
};

// Implementation

namespace detail {

inline std::string_view attribute_of(collected_system const& of, system_attribute which) {
    switch (which) {
        case system_attribute::family: return of.family == system_family::unknown ? std::string_view{} : name_of(of.family);
        case system_attribute::version: return of.version;
        case system_attribute::product: return of.product;
        case system_attribute::distribution: return of.distribution;
        case system_attribute::producer: return of.producer;
        case system_attribute::producer_version: return of.producer_version;
        case system_attribute::name: return of.name;
    }
    return {};
}

// The next number of a version, without its zeros in front, taken off; "0" where there is none.
inline std::string_view next_number(std::string_view& version) {
    std::size_t digits = 0;
    while (digits < version.size() && version[digits] >= '0' && version[digits] <= '9') ++digits;
    auto number = version.substr(0, digits);
    version.remove_prefix(digits);
    if (version.starts_with('.')) version.remove_prefix(1);
    else version = {};
    while (number.size() > 1 && number.front() == '0') number.remove_prefix(1);
    return number.empty() ? std::string_view{"0"} : number;
}

// Below 0, 0 or above 0, as strcmp; of any length, since numbers are compared as text.
inline int compare_versions(std::string_view a, std::string_view b) {
    while (!a.empty() || !b.empty()) {
        auto const x = next_number(a), y = next_number(b);
        if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
        if (auto const order = x.compare(y); order != 0) return order;
    }
    return 0;
}

inline int compare_texts(std::string_view a, std::string_view b) {
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return static_cast<unsigned char>(lower(a[i])) < static_cast<unsigned char>(lower(b[i])) ? -1 : 1;
    return a.size() < b.size() ? -1 : a.size() > b.size();
}

}  // namespace detail

inline bool system_condition::holds(collected_system const& of) const {
    auto const told = detail::attribute_of(of, attribute);
    if (told.empty()) return by == comparison::not_equal;
    auto const is_version = attribute == system_attribute::version || attribute == system_attribute::producer_version;
    auto const order = [&](std::string_view value) {
        return is_version ? detail::compare_versions(told, value) : detail::compare_texts(told, value);
    };
    if (by == comparison::among) {
        for (auto const& value : values)
            if (order(value) == 0) return true;
        return false;
    }
    auto const found = order(values.empty() ? std::string_view{} : std::string_view{values.front()});
    switch (by) {
        case comparison::equal: return found == 0;
        case comparison::not_equal: return found != 0;
        case comparison::less: return found < 0;
        case comparison::less_or_equal: return found <= 0;
        case comparison::greater: return found > 0;
        case comparison::greater_or_equal: return found >= 0;
        case comparison::among: break;
    }
    return false;
}

}  // namespace muster::searching
