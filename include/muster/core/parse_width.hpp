#pragma once

#include <string>         // what is wrong
#include <string_view>    // text

#include <muster/core/json.hpp>        // json_text
#include <muster/core/outcome.hpp>     // outcome
#include <muster/core/settings.hpp>    // whole_number, most_workers
#include <muster/core/width.hpp>       // width

namespace muster {

/// The width that people ask for on a command line: `auto`, or a number of workers from 1 to 4,096, as `-p 8`.
///
/// Default    `rule` is what `auto` means.
/// Fails      cause::invalid_input: `"x" is no number of workers: auto, or 1 to 4096, is allowed`.
[[nodiscard]] inline outcome<width> parse_width(std::string_view text, automatic rule = {}) {
    if (text == "auto") return width{rule};
    if (auto const number = detail::whole_number(text, detail::most_workers)) return width{*number};
    return failure{cause::invalid_input,
                   json_text(text) + " is no number of workers: auto, or 1 to " + std::to_string(detail::most_workers) + ", is allowed"};
}

}  // namespace muster
