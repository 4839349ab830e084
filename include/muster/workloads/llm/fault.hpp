#pragma once

#include <cstdint>         // uint8_t
#include <string>          // message
#include <string_view>     // name_of
#include <system_error>    // error_code
#include <type_traits>     // true_type

#include <muster/core/failure.hpp>                // cause
#include <muster/core/travelling_category.hpp>    // travelling_category

namespace muster::llm {

/// Why an endpoint's answer is of no use. What keeps an answer from coming at all is an http_fault.
///
/// `failure::is` answers for the cause behind each: those that another attempt may mend are rejected, unavailable or timed_out.
enum class fault : std::uint8_t {
    rate_limited = 1,    ///< 429: too many requests or tokens for now; retry_after() where it says how long    (rejected)
    quota_spent,         ///< 429, 402: money or an allowance is spent: no request of this run can succeed      (exhausted)
    unauthorized,        ///< 401, 403: the key is wrong, or may not do this: nor can any other request         (forbidden)
    no_such_model,       ///< 404: the endpoint has no such model, deployment or path: nor for any other        (forbidden)
    refused_request,     ///< 400, 413, 422 and the like: this request is wrong, as often as it is sent         (invalid_input)
    too_long,            ///< the prompt is longer than the model can take                                      (invalid_input)
    overloaded,          ///< 500, 503, 529 and the like                                                        (unavailable)
    slow,                ///< 408, 504: the endpoint, or a proxy before it, gave up waiting                     (timed_out)
    bad_answer,          ///< what came is no chat completion: HTML, other JSON, no choice, no content          (unavailable)
    cut_short,           ///< `finish_reason` is length: the content ends somewhere                             (exhausted)
    filtered,            ///< a content filter has kept the prompt or the answer back                           (invalid_input)
    refused_by_model,    ///< the model has said that it does not answer this                                   (invalid_input)
    no_json,             ///< the content is no JSON, where JSON was asked for                                  (unavailable)
    wrong_shape,         ///< the content is JSON that breaks the schema                                        (unavailable)
};

/// True for faults that every other request of the run will meet, too: to send one more is waste, or cost.
[[nodiscard]] constexpr bool ends_the_run(fault which) noexcept {
    return which == fault::quota_spent || which == fault::unauthorized || which == fault::no_such_model;
}

}  // namespace muster::llm

template <>
struct std::is_error_code_enum<muster::llm::fault> : std::true_type {};

namespace muster::llm {

/// "rate limited": the fault as people read it.
[[nodiscard]] constexpr std::string_view name_of(fault which) noexcept {
    switch (which) {
        case fault::rate_limited: return "rate limited";
        case fault::quota_spent: return "quota spent";
        case fault::unauthorized: return "unauthorized";
        case fault::no_such_model: return "no such model";
        case fault::refused_request: return "request refused";
        case fault::too_long: return "prompt too long";
        case fault::overloaded: return "endpoint overloaded";
        case fault::slow: return "endpoint too slow";
        case fault::bad_answer: return "no chat completion";
        case fault::cut_short: return "answer cut short";
        case fault::filtered: return "content filtered";
        case fault::refused_by_model: return "refused by the model";
        case fault::no_json: return "no JSON";
        case fault::wrong_shape: return "schema not met";
    }
    return "unknown fault";
}

/// The cause that a fault amounts to.
[[nodiscard]] constexpr cause cause_of(fault which) noexcept {
    switch (which) {
        case fault::rate_limited: return cause::rejected;
        case fault::quota_spent:
        case fault::cut_short: return cause::exhausted;
        case fault::unauthorized:
        case fault::no_such_model: return cause::forbidden;
        case fault::refused_request:
        case fault::too_long:
        case fault::filtered:
        case fault::refused_by_model: return cause::invalid_input;
        case fault::slow: return cause::timed_out;
        case fault::overloaded:
        case fault::bad_answer:
        case fault::no_json:
        case fault::wrong_shape: return cause::unavailable;
    }
    return cause::unavailable;
}

/// The category of `fault`; its name is "llm".
[[nodiscard]] inline std::error_category const& fault_category() noexcept {
    class category final : public std::error_category {
        char const* name() const noexcept override { return "llm"; }
        std::string message(int value) const override { return std::string{name_of(static_cast<fault>(value))}; }
        std::error_condition default_error_condition(int value) const noexcept override {
            return make_error_code(cause_of(static_cast<fault>(value))).default_error_condition();
        }
    };
    static category const instance;
    return instance;
}

inline travelling_category const faults_travel{fault_category()};

[[nodiscard]] inline std::error_code make_error_code(fault which) noexcept { return {static_cast<int>(which), fault_category()}; }

/// True for a failure that every other request of the run will meet, too.
[[nodiscard]] inline bool ends_the_run(failure const& what) noexcept {
    return what.code().category() == fault_category() && ends_the_run(static_cast<fault>(what.code().value()));
}

}  // namespace muster::llm
