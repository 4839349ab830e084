#pragma once

#include <chrono>          // system_clock
#include <string>          // text
#include <system_error>    // error_category
#include <utility>         // move

#include <muster/adapt/detail/http_text.hpp>      // plain_text, without_secrets
#include <muster/adapt/http_headers.hpp>          // http_headers
#include <muster/adapt/http_request.hpp>          // http_request
#include <muster/adapt/http_response.hpp>         // http_response
#include <muster/adapt/http_retry_after.hpp>      // retry_after_of
#include <muster/core/failure.hpp>                // cause, failure
#include <muster/core/outcome.hpp>                // outcome
#include <muster/core/travelling_category.hpp>    // travelling_category

namespace muster {

/// The cause that a status amounts to: 408, 425 and 504 timed_out; 429 rejected; other 5xx unavailable; all else, redirections too,
/// invalid_input: the same request will have the same answer.
[[nodiscard]] constexpr cause cause_of_status(int status) noexcept {
    if (status == 408 || status == 425 || status == 504) return cause::timed_out;
    if (status == 429) return cause::rejected;
    return status >= 500 && status <= 599 ? cause::unavailable : cause::invalid_input;
}

/// The category whose values are statuses; its name is "http status".
[[nodiscard]] inline std::error_category const& http_status_category() noexcept {
    class category final : public std::error_category {
        char const* name() const noexcept override { return "http status"; }
        std::string message(int value) const override { return "HTTP status " + std::to_string(value); }
        std::error_condition default_error_condition(int value) const noexcept override {
            return make_error_code(cause_of_status(value)).default_error_condition();
        }
    };
    static category const instance;
    return instance;
}

inline travelling_category const http_statuses_travel{http_status_category()};

/// The failure that an answer amounts to for who needs a 2xx: code() is the status, retry_after() what the server asks for, the text the
/// begin of the body.
///
/// Shape      what `asked` sent as a key is not repeated, where the server does.
[[nodiscard]] inline failure status_failure(http_response const& answer, http_request const& asked,
                                            std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) {
    // Hidden before it is cut: half a key is not found any more. What is shown is far less than this.
    failure out{std::error_code{answer.status, http_status_category()},
                detail::plain_text(detail::without_secrets(answer.body.substr(0, 65'536), asked.headers))};
    if (auto const wait = retry_after_of(answer.headers, now)) out.retry_after(*wait);
    return out;
}

/// The answer, where it is a 2xx; else status_failure.
[[nodiscard]] inline outcome<http_response> require_ok(outcome<http_response> answer, http_request const& asked,
                                                       std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) {
    if (!answer || answer->ok()) return answer;
    return status_failure(*answer, asked, now);
}

}  // namespace muster
