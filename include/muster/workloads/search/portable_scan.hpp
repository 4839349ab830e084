#pragma once

#include <cstddef>    // size_t
#include <memory>     // shared_ptr
#include <mutex>      // mutex
#include <span>       // patterns
#include <utility>    // move
#include <vector>     // rules

#include <muster/core/context.hpp>                      // context
#include <muster/core/json.hpp>                         // json_text
#include <muster/core/outcome.hpp>                      // outcome
#include <muster/core/with.hpp>                         // with
#include <muster/workloads/search/engine.hpp>           // engine
#include <muster/workloads/search/piece.hpp>            // piece
#include <muster/workloads/search/rule.hpp>             // rule
#include <muster/workloads/search/scanner.hpp>          // scanner

namespace muster::searching {

/// Makes an engine; a function, so that it can be named in another process.
using engine_function = outcome<engine> (*)(std::span<line_pattern const>);

/// A scanner that can travel to worker processes: `map(pieces, isolate{cells} | portable_scan<make_engine>(rules))`. There an engine that
/// crashes takes one piece with it, not the search.
///
/// Shape      a task, as `scanner` is. The rules are to be right: one that is not would be left out, and its hits with it.
/// Fails      as `scanner`; with what `Make` fails with; cause::invalid_input where a rule is wrong.
/// Cost       each process compiles the rules once, and keeps the last set that it was asked for; a call carries the rules.
template <engine_function Make>
[[nodiscard]] auto portable_scan(std::vector<rule> rules, scanner_options options = {});

// Implementation

namespace detail {

// The scanner of a worker process, made for the first piece and for other rules anew.
inline outcome<scanner> scanner_here(std::vector<rule> const& rules, scanner_options const& options, engine_function make) {
    struct kept {
        std::vector<rule> rules;
        scanner_options options;
        engine_function make;
        scanner by;
    };
    static std::mutex mutex;
    static std::shared_ptr<kept const> last;
    std::lock_guard const lock(mutex);
    if (!last || last->make != make || last->options != options || last->rules != rules) {
        auto checked = rule_set::check(rules);
        if (!checked.faults.empty()) {
            auto const& wrong = checked.faults.front();
            return failure{cause::invalid_input, "the rule " + json_text(rules[wrong.rule].name) + " cannot be used: " + wrong.text};
        }
        auto by = make(checked.rules.patterns());
        if (!by) return std::move(by).error();
        last = std::make_shared<kept const>(kept{rules, options, make, scanner{std::move(checked.rules), std::move(*by), options}});
    }
    return last->by;
}

}  // namespace detail

template <engine_function Make>
auto portable_scan(std::vector<rule> rules, scanner_options options) {
    return with{std::move(rules), options, [](piece const& what, std::vector<rule> const& by, scanner_options const& how, context& cx) {
                    auto const scan = detail::scanner_here(by, how, Make);
                    return scan ? (*scan)(what, cx) : outcome<scanned_piece>{scan.error()};
                }};
}

}  // namespace muster::searching
