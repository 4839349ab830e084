#pragma once

#include <cstddef>        // size_t
#include <string>         // string
#include <string_view>    // string_view

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/bgp/detail/ascii.hpp>           // is_name_character
#include <muster/workloads/bgp/detail/printable.hpp>       // printable

namespace muster::bgp {

/// The registries to ask, in order of preference: "RIPE,RADB".
///
/// bgpq4 hangs on a list of 304 bytes; here it ends at 200.
///
/// Shape      names of letters, digits, `-` and `_`, 1 to 32 bytes, that begin with a letter or digit; parted by
///            commas.
/// Default    empty: the server's own list and order.
/// Fails      cause::invalid_input, with a text that names the input and the rule.
class source_list {
public:
    static constexpr std::size_t most_bytes = 200;

    source_list() = default;
    [[nodiscard]] static outcome<source_list> parse(std::string_view text);

    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    [[nodiscard]] std::string const& text() const noexcept { return text_; }

    friend auto operator<=>(source_list const&, source_list const&) = default;

private:
    std::string text_;
};

// Implementation

inline outcome<source_list> source_list::parse(std::string_view text) {
    auto const refuse = [text](std::string_view rule) {
        return failure{cause::invalid_input, detail::printable(text) + " is no list of sources: " + std::string{rule}};
    };
    if (text.size() > most_bytes) return refuse("at most 200 bytes are allowed");
    for (auto left = text;;) {
        auto const comma = left.find(',');
        auto const name = left.substr(0, comma);
        if (name.empty() || name.size() > 32) return refuse("names have 1 to 32 bytes, with one comma between them");
        if (!detail::is_alphanumeric(name.front())) return refuse("a name begins with a letter or a digit");
        for (char const c : name)
            if (!detail::is_name_character(c))
                return refuse("letters, digits, '-' and '_' are allowed, as in RIPE,RADB");
        if (comma == left.npos) break;
        left.remove_prefix(comma + 1);
    }
    source_list made;
    made.text_ = text;
    return made;
}

}  // namespace muster::bgp
