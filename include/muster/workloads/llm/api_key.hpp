#pragma once

#include <cstdlib>        // getenv
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move

#include <muster/core/failure.hpp>    // failure
#include <muster/core/outcome.hpp>    // outcome

namespace muster::llm {

/// The key that an endpoint knows its customers by.
///
/// It has no printed form, is compared with nothing, and is sent in one header alone.
class api_key {
public:
    /// None: for endpoints that ask for none.
    api_key() = default;

    /// Fails with cause::invalid_input for a variable that is not set, or is no key: printable ASCII without blanks.
    [[nodiscard]] static outcome<api_key> from_environment(char const* variable = "OPENAI_API_KEY") {
        auto const* const value = std::getenv(variable);
        if (value == nullptr || *value == '\0')
            return failure{cause::invalid_input, std::string{variable} + " is not set: keys are given in the environment alone"};
        return of(value, variable);
    }
    /// `called` is how a failure names it.
    [[nodiscard]] static outcome<api_key> of(std::string key, std::string_view called = "the key") {
        for (char const c : key)
            if (c <= ' ' || c > '~') return failure{cause::invalid_input, std::string{called} + " is no key: one has printable ASCII alone, without blanks"};
        api_key made;
        made.text_ = std::move(key);
        return made;
    }

    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    /// For who sends it.
    [[nodiscard]] std::string const& reveal() const noexcept { return text_; }

private:
    std::string text_;
};

}  // namespace muster::llm
