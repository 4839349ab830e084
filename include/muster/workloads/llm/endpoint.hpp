#pragma once

#include <string>         // URLs
#include <string_view>    // dialect

#include <muster/core/failure.hpp>              // failure
#include <muster/core/json.hpp>                 // json_text
#include <muster/core/outcome.hpp>              // outcome
#include <muster/workloads/llm/api_key.hpp>     // api_key

namespace muster::llm {

enum class dialect : unsigned char {
    openai,    ///< `Authorization: Bearer`, the model in the body; most servers speak it
    azure,     ///< `api-key`, the deployment in the path, with a version of the API
};

/// Who is asked.
///
///     endpoint{.url = "https://api.openai.com/v1", .model = "gpt-4o-mini", .key = key}
///     endpoint{.url = "https://NAME.openai.azure.com", .model = "my-deployment", .speaks = dialect::azure, .key = key}
struct endpoint {
    std::string url{};                          ///< http or https, up to /v1; of Azure up to the host
    std::string model{};                        ///< of Azure the deployment
    dialect speaks = dialect::openai;
    std::string api_version = "2024-10-21";     ///< of Azure
    api_key key{};
    /// "Idempotency-Key": of the header that says that a request is the same as an earlier one; empty: none is sent.
    std::string idempotency_header = "Idempotency-Key";

    /// Where chats are completed; fails with cause::invalid_input for what makes no URL.
    [[nodiscard]] outcome<std::string> completions_url() const;
};

// Implementation

inline outcome<std::string> endpoint::completions_url() const {
    if (!url.starts_with("http://") && !url.starts_with("https://"))
        return failure{cause::invalid_input, "the endpoint " + json_text(url) + " is no URL of http or https"};
    if (url.find_first_of("?#") != url.npos)
        return failure{cause::invalid_input, "the endpoint " + json_text(url) + " has a query or a fragment; it is the part before the path of the API"};
    if (model.empty()) return failure{cause::invalid_input, "there is no model to ask"};
    auto out = url;
    while (out.ends_with('/')) out.pop_back();
    if (speaks == dialect::openai) return out + "/chat/completions";
    auto const is_plain = [](std::string_view text) {
        return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == text.npos;
    };
    if (!is_plain(model)) return failure{cause::invalid_input, "the deployment " + json_text(model) + " has more than letters, digits, - _ and ."};
    if (!is_plain(api_version) || api_version.empty())
        return failure{cause::invalid_input, "the version of the API " + json_text(api_version) + " has more than letters, digits, - _ and ."};
    return out + "/openai/deployments/" + model + "/chat/completions?api-version=" + api_version;
}

}  // namespace muster::llm
