#pragma once

#include <chrono>         // durations in headers
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstdio>         // snprintf
#include <ctime>          // gmtime_r
#include <string>         // texts
#include <string_view>    // string_view

#include <muster/core/json.hpp>                           // json_text
#include <muster/workloads/llm/responder_fault.hpp>       // responder_fault
#include <muster/workloads/llm/responder_rule.hpp>        // retry_hint

namespace muster::llm::detail {

/// What follows the last byte of an answer.
enum class after : std::uint8_t { keep, close, reset, silence };

/// An answer, but for its status line.
struct chat_answer {
    int status = 200;
    std::string_view type = "application/json";
    std::string body{};
    std::string headers{};              // whole lines
    std::size_t announced = 0;          // content-length; 0: the size of the body
    std::size_t filler = 0;             // further bytes of body, made when they are sent
    bool drips = false;                 // the body comes a byte at a time
    bool well = false;                  // 200, and meant well
    after then = after::keep;
};

/// FNV-1a, 64 bits: the same facts for the same prompt, on every machine.
[[nodiscard]] inline std::uint64_t digest_of(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (char const c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

/// What the schema of the responder accepts, made from the prompt alone.
[[nodiscard]] inline std::string facts_of(std::string_view prompt) {
    static constexpr std::string_view kinds[] = {"passenger", "segment", "price", "service", "other"};
    static constexpr std::string_view names[] = {"identity", "status", "currency", "carrier", "fare", "place"};
    auto const hash = digest_of(prompt);
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
    std::string out = "{\"kind\":\"";
    out += kinds[hash % 5];
    out.append("\",\"summary\":\"Node ").append(hex).append(", ").append(std::to_string(prompt.size())).append(" bytes\",\"confidence\":0.");
    out += std::to_string(50 + (hash >> 8) % 50);
    out += ",\"facts\":[";
    for (std::uint64_t i = 0, count = 1 + (hash >> 16) % 4; i < count; ++i) {
        if (i != 0) out += ',';
        out.append("{\"name\":\"").append(names[(hash >> (20 + 4 * i)) % 6]).append("\",\"value\":\"").append(hex, 4 * i, 4).append("\"}");
    }
    return out += "]}";
}

/// The body of an answer of 200. `content` is null, or goes out as a JSON text.
[[nodiscard]] inline std::string completion(std::uint64_t number, std::string_view model, std::size_t prompt_bytes, std::string const* content,
                                            std::string_view finish, bool refuses = false) {
    auto const asked = (prompt_bytes + 3) / 4, given = content ? (content->size() + 3) / 4 : 0;
    std::string out;
    out.reserve(512 + (content ? content->size() * 5 / 4 : 0));
    out.append("{\"id\":\"chatcmpl-").append(std::to_string(number)).append("\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":");
    out.append(json_text(model)).append(",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    if (content && !refuses) out.append(json_text(*content)).append(",\"refusal\":null");
    else if (refuses) out.append("null,\"refusal\":").append(json_text(*content));
    else out += "null,\"refusal\":null";
    out.append("},\"logprobs\":null,\"finish_reason\":\"").append(finish).append("\"}],\"usage\":{\"prompt_tokens\":").append(std::to_string(asked));
    out.append(",\"completion_tokens\":").append(std::to_string(given)).append(",\"total_tokens\":").append(std::to_string(asked + given));
    out += ",\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}";
    return out;
}

/// An error as OpenAI says it; an empty `code` is null.
[[nodiscard]] inline std::string error_body(std::string_view message, std::string_view type, std::string_view code) {
    std::string out = "{\"error\":{\"message\":" + json_text(message) + ",\"type\":" + json_text(type) + ",\"param\":null,\"code\":";
    return out.append(code.empty() ? std::string{"null"} : json_text(code)).append("}}");
}

[[nodiscard]] inline chat_answer error_answer(int status, std::string_view message, std::string_view type, std::string_view code = {}) {
    chat_answer out;
    out.status = status;
    out.body = error_body(message, type, code);
    return out;
}

/// As OpenAI writes durations: `20ms`, `1.25s`, `6m0s`. Rounded up to milliseconds.
[[nodiscard]] inline std::string reset_text(std::chrono::nanoseconds time) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(time).count();
    if (left < 1'000) return std::to_string(left) + "ms";
    std::string out;
    if (left >= 3'600'000) out += std::to_string(left / 3'600'000) + "h";
    if (left >= 60'000) out += std::to_string(left / 60'000 % 60) + "m";
    left %= 60'000;
    out += std::to_string(left / 1'000);
    if (left % 1'000 != 0) {
        out += '.' + std::to_string(1'000 + left % 1'000).substr(1);
        while (out.back() == '0') out.pop_back();
    }
    return out += 's';
}

[[nodiscard]] inline std::string whole_seconds(std::chrono::nanoseconds time) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count());
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, in English whatever the locale is.
[[nodiscard]] inline std::string http_date(std::time_t when) {
    static constexpr char const* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr char const* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm parts{};
    ::gmtime_r(&when, &parts);
    char out[64];
    std::snprintf(out, sizeof out, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday % 7], parts.tm_mday, months[parts.tm_mon % 12],
                  1900 + parts.tm_year, parts.tm_hour, parts.tm_min, parts.tm_sec);
    return out;
}

/// The line that says when to come again.
[[nodiscard]] inline std::string hint_line(retry_hint const& hint) {
    using std::chrono::ceil;
    switch (hint.as) {
        case retry_hint::form::none: break;
        case retry_hint::form::milliseconds:
            return "retry-after-ms: " + std::to_string(ceil<std::chrono::milliseconds>(hint.wait).count()) + "\r\n";
        case retry_hint::form::seconds: return "Retry-After: " + whole_seconds(hint.wait) + "\r\n";
        case retry_hint::form::date: {
            auto const now = std::chrono::system_clock::now();
            auto const then = ceil<std::chrono::seconds>(now + ceil<std::chrono::microseconds>(hint.wait));
            return "Date: " + http_date(std::chrono::system_clock::to_time_t(now)) +
                   "\r\nRetry-After: " + http_date(std::chrono::system_clock::to_time_t(then)) + "\r\n";
        }
    }
    return {};
}

[[nodiscard]] inline chat_answer rate_answer(retry_hint const& hint, std::string_view what, bool azure) {
    auto out = error_answer(429, "Too many " + std::string{what} + " for now.", what, azure ? "429" : "rate_limit_exceeded");
    out.headers = hint_line(hint);
    return out;
}

[[nodiscard]] inline chat_answer quota_answer() {
    return error_answer(429, "The quota of this account is spent.", "insufficient_quota", "insufficient_quota");
}

/// How `rule` answers a request that else would get `well`, which it may spoil.
[[nodiscard]] inline chat_answer spoiled(responder_rule const& rule, retry_hint const& hint, chat_answer well, std::uint64_t number,
                                         std::string_view model, std::size_t prompt_bytes, std::string const& content, std::size_t huge) {
    using enum responder_fault;
    auto const with_hint = [&](chat_answer out) {
        out.headers = hint_line(hint);
        return out;
    };
    auto const plainly = [&](std::string body) {
        chat_answer out;
        out.body = std::move(body);
        return out;
    };
    auto const says = [&](std::string_view given, std::string_view finish, bool refuses = false) {
        auto const text = std::string{given};
        return plainly(completion(number, model, prompt_bytes, &text, finish, refuses));
    };
    auto const half = well.body.size() / 2;
    switch (rule.fault) {
        case none: return well;
        case rate_limited: return rate_answer(hint, "requests", false);
        case azure_rate_limited: return rate_answer(hint, "requests", true);
        case slow_down: return with_hint(error_answer(429, "Slow down.", "requests", "slow_down"));
        case flat_rate_limited: {
            auto out = with_hint(error_answer(429, "", ""));
            out.body = R"({"object":"error","message":"Too many requests for now.","type":"rate_limited","param":null,"code":"1300"})";
            return out;
        }
        case typed_overloaded: {
            auto out = error_answer(529, "", "");
            out.body = R"({"type":"error","error":{"type":"overloaded_error","message":"Too much to do."}})";
            return out;
        }
        case quota_spent: return quota_answer();
        case spend_limit:
            return error_answer(429, "The organization has spent what it may.", "invalid_request_error", "organization_spend_limit_exceeded");
        case server_error: return error_answer(500, "Something broke in here.", "server_error");
        case unavailable: return with_hint(error_answer(503, "Not to be had for now.", "service_unavailable"));
        case unauthorized: return error_answer(401, "The key is wrong.", "invalid_request_error", "invalid_api_key");
        case request_timeout: return error_answer(408, "The request took too long.", "timeout");
        case html_error: {
            chat_answer out;
            out.status = 502;
            out.type = "text/html";
            out.body = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
                       "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
            return out;
        }
        case reset_before_headers: well.then = after::reset; break;
        case reset_in_body: well.then = after::reset; [[fallthrough]];
        case half_answer:
            well.announced = well.body.size();
            well.body.resize(half);
            if (rule.fault == half_answer) well.then = after::close;
            break;
        case slow_body: well.drips = true; return well;    // late, and well for all that
        case hang: well.then = after::silence; break;
        case huge_body:
            well.body.pop_back();                          // an object that goes on with blanks
            well.filler = huge > well.body.size() ? huge - well.body.size() : 0;
            well.announced = well.body.size() + well.filler;
            break;
        case bad_json: return plainly(well.body.substr(0, half));
        case bad_content: return says("As a language model, I would say: kind is passenger.", "stop");
        case wrong_schema: return says(R"({"unasked":[1,2,3]})", "stop");
        case cut_at_length: return says(std::string_view{content}.substr(0, content.size() / 2), "length");
        case content_filter: return plainly(completion(number, model, prompt_bytes, nullptr, "content_filter"));
        case refusal: return says("This is nothing to talk about.", "stop", true);
        case null_content: return plainly(completion(number, model, prompt_bytes, nullptr, "stop"));
        case no_choices: {
            auto const from = well.body.find("\"choices\":["), to = well.body.find("],\"usage\"", from);
            well.body.erase(from + 11, to - from - 11);
            break;
        }
        case own_answer: {
            auto out = plainly(rule.body);
            out.status = rule.status;
            out.type = rule.content_type;
            return out;
        }
    }
    well.well = false;
    return well;
}

}  // namespace muster::llm::detail
