#pragma once

#include <span>       // patterns
#include <string>     // reasons
#include <utility>    // move
#include <vector>     // makers

#include <muster/core/failure.hpp>               // cause, failure
#include <muster/core/outcome.hpp>               // outcome
#include <muster/workloads/search/engine.hpp>    // engine, engine_maker, line_pattern

namespace muster::searching {

/// Makes the first engine that can be made: `first_of({by_hyperscan, by_re2, by_pcre2})`.
///
/// Fails      with cause::invalid_input at once, for a regex that is wrong for one is wrong for all; else, where none can be made, with
///            cause::unavailable and the reason of each.
[[nodiscard]] engine_maker first_of(std::vector<engine_maker> makers);

// Implementation

inline engine_maker first_of(std::vector<engine_maker> makers) {
    return [all = std::move(makers)](std::span<line_pattern const> patterns) -> outcome<engine> {
        std::string reasons;
        for (auto const& make : all) {
            auto made = make(patterns);
            if (made || made.error().is(cause::invalid_input)) return made;
            (reasons += reasons.empty() ? "" : "; ") += made.error().text();
        }
        return failure{cause::unavailable, reasons.empty() ? "there is no engine to be made" : "no engine can be made: " + reasons};
    };
}

}  // namespace muster::searching
