#pragma once

#include <concepts>       // integral, floating_point
#include <cstdint>        // uint64_t
#include <string>         // text
#include <string_view>    // text

namespace muster {

namespace detail {
template <class T, class... Others>
concept none_of = (!std::same_as<T, Others> && ...);
}  // namespace detail

/// What one cell of a `workbook` shows: nothing, a text, or a number.
///
/// Shape      a text stays a text, whatever it starts with. A number is a double, as spreadsheets have no other; a whole number
///            beyond 2^53 (which a double cannot hold), a NaN and an infinity are written as text.
/// Lifetime   refers to the text.
class workbook_cell {
public:
    constexpr workbook_cell() noexcept = default;
    constexpr workbook_cell(std::string_view text) noexcept : text_(text), kind_(kind::text) {}
    constexpr workbook_cell(char const* text) noexcept : workbook_cell(std::string_view{text}) {}
    workbook_cell(std::string const& text) noexcept : workbook_cell(std::string_view{text}) {}
    template <std::floating_point T>
    constexpr workbook_cell(T number) noexcept : number_(static_cast<double>(number)), kind_(kind::number) {}
    /// No bool and no character: say how they are to be shown.
    template <std::integral T>
        requires detail::none_of<T, bool, char, wchar_t, char8_t, char16_t, char32_t>
    constexpr workbook_cell(T number) noexcept
        : number_(static_cast<double>(number)),
          magnitude_(number < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number)),
          negative_(number < 0), kind_(magnitude_ > largest_whole ? kind::large : kind::number) {}

    enum class kind : std::uint8_t { nothing, text, number, large };
    [[nodiscard]] constexpr kind what() const noexcept { return kind_; }
    [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
    [[nodiscard]] constexpr double number() const noexcept { return number_; }
    /// The digits of a whole number beyond 2^53.
    [[nodiscard]] std::string digits() const { return (negative_ ? "-" : "") + std::to_string(magnitude_); }

private:
    static constexpr std::uint64_t largest_whole = std::uint64_t{1} << 53;

    std::string_view text_;
    double number_ = 0;
    std::uint64_t magnitude_ = 0;
    bool negative_ = false;
    kind kind_ = kind::nothing;
};

}  // namespace muster
