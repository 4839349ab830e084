#pragma once

#include <compare>        // strong_ordering
#include <cstddef>        // size_t
#include <string>         // string
#include <string_view>    // string_view

#include <muster/core/outcome.hpp>                         // outcome
#include <muster/workloads/bgp/detail/printable.hpp>       // printable

namespace muster::bgp {

/// The text that bgpq4 writes for each prefix (-F): "%n/%l\n".
///
/// Shape      printable ASCII; %n address, %l length, %a and %A shortest and longest length, %m mask, %i inverse
///            mask, %N name, %% a percent sign; \n, \t and \\; at most 200 bytes. Holds %n and %l, and ends in its
///            only \n, so that the answer is one line for each prefix and can be counted.
/// Fails      cause::invalid_input, with a text that names the input and the rule.
class output_template {
public:
    static constexpr std::size_t most_bytes = 200;

    [[nodiscard]] static outcome<output_template> parse(std::string_view text);

    [[nodiscard]] std::string const& text() const noexcept { return text_; }

    friend auto operator<=>(output_template const&, output_template const&) = default;

private:
    explicit output_template(std::string_view text) : text_(text) {}

    std::string text_;
};

// Implementation

inline outcome<output_template> output_template::parse(std::string_view text) {
    auto const refuse = [text](std::string_view rule) {
        return failure{cause::invalid_input, detail::printable(text) + " is no template: " + std::string{rule}};
    };
    if (text.size() > most_bytes) return refuse("at most 200 bytes are allowed");
    bool address = false, length = false, ended = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (ended) return refuse("\\n is allowed once, at the end");
        char const c = text[i];
        if (c < 0x20 || c > 0x7e) return refuse("printable ASCII is allowed; write \\n and \\t with a backslash");
        if (c != '%' && c != '\\') continue;
        char const next = i + 1 < text.size() ? text[++i] : '\0';
        if (c == '%') {
            if (next == '\0' || std::string_view{"nlaAmiN%"}.find(next) == std::string_view::npos)
                return refuse("after % stands one of n, l, a, A, m, i, N, %");
            address = address || next == 'n';
            length = length || next == 'l';
        } else {
            if (next != 'n' && next != 't' && next != '\\') return refuse("after \\ stands one of n, t, \\");
            ended = next == 'n';
        }
    }
    if (!address || !length || !ended) return refuse("it holds %n and %l and ends in \\n, as in %n/%l\\n");
    return output_template{text};
}

}  // namespace muster::bgp
