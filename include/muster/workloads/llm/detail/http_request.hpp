#pragma once

#include <algorithm>      // all_of, search
#include <cstddef>        // size_t
#include <cstdint>        // uint8_t
#include <string_view>    // string_view

namespace muster::llm::detail {

/// What the endpoint needs of a request's head; views into the bytes that it was read from.
struct http_request {
    std::string_view method, target;
    std::string_view key{};                // of Authorization: Bearer or api-key
    std::string_view idempotency_key{};
    std::size_t head = 0;                  // bytes, the empty line among them
    std::size_t body = 0;                  // bytes that follow
    bool keep_alive = true;
    bool expects_continue = false;
};

/// How a read of a head went: 0 more is needed, 1 done, else the status that refuses it.
struct http_reading {
    int status = 1;
    std::string_view why{};
};

[[nodiscard]] inline bool equal_folded(std::string_view one, std::string_view lower_case) {
    return one.size() == lower_case.size() && std::equal(one.begin(), one.end(), lower_case.begin(), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
    });
}

[[nodiscard]] inline bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
    });
}

/// One line of the head: a name, a colon, a value without the blanks around it. No folded lines, no control characters.
[[nodiscard]] inline bool split_header(std::string_view line, std::string_view& name, std::string_view& value) {
    auto const colon = line.find(':');
    if (colon == line.npos) return false;
    name = line.substr(0, colon);
    value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    return is_token(name) && std::all_of(value.begin(), value.end(), [](char c) {
        return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    });
}

/// Reads the head of an HTTP/1 request, strictly: whatever two readers could take for different things is refused.
///
/// `looked`   how many bytes are known to hold no end of a head; kept between calls, so that bytes are searched once.
/// Source     RFC 9112, sections 2, 3, 5 and 6.
[[nodiscard]] inline http_reading read_http(std::string_view in, std::size_t& looked, http_request& out, std::size_t most_head) {
    auto const end = in.find("\r\n\r\n", looked < 3 ? 0 : looked - 3);
    if (end == in.npos || end + 4 > most_head) {
        if (in.size() > most_head) return {431, "the head is too long"};
        looked = in.size();
        return {0};
    }
    out = {};
    out.head = end + 4;
    auto rest = in.substr(0, end + 2);
    auto const next_line = [&rest] {
        auto const stop = rest.find("\r\n");
        auto const line = rest.substr(0, stop);
        rest.remove_prefix(stop + 2);
        return line;
    };

    auto const line = next_line();
    auto const one = line.find(' '), two = line.rfind(' ');
    if (one == line.npos || one == two) return {400, "no request line"};
    out.method = line.substr(0, one);
    out.target = line.substr(one + 1, two - one - 1);
    auto const version = line.substr(two + 1);
    auto const printable = [](char c) { return c > 0x20 && c < 0x7f; };
    if (!is_token(out.method) || out.target.empty() || out.target.front() != '/' ||
        !std::all_of(out.target.begin(), out.target.end(), printable))
        return {400, "no request line"};
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return {505, "HTTP/1.1 is spoken here"};
    out.keep_alive = version == "HTTP/1.1";

    bool has_host = false, has_length = false;
    for (std::size_t lines = 0; !rest.empty(); ++lines) {
        std::string_view name, value;
        if (!split_header(next_line(), name, value)) return {400, "a header that is none"};
        if (lines == 100) return {431, "more than 100 headers"};
        if (equal_folded(name, "content-length")) {
            bool const digits = !value.empty() && value.size() <= 12 &&
                                std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
            if (!digits || has_length) return {400, "content-length is not one number"};
            has_length = true;
            for (char const c : value) out.body = out.body * 10 + static_cast<std::size_t>(c - '0');
        } else if (equal_folded(name, "transfer-encoding")) {
            return {411, "a body needs a content-length here"};
        } else if (equal_folded(name, "host")) {
            if (has_host) return {400, "more than one host"};
            has_host = true;
        } else if (equal_folded(name, "connection")) {
            if (equal_folded(value, "close")) out.keep_alive = false;
        } else if (equal_folded(name, "expect")) {
            if (!equal_folded(value, "100-continue")) return {417, "only 100-continue can be expected"};
            out.expects_continue = true;
        } else if (equal_folded(name, "authorization")) {
            if (value.size() > 7 && equal_folded(value.substr(0, 7), "bearer ")) out.key = value.substr(7);
        } else if (equal_folded(name, "api-key")) {
            out.key = value;
        } else if (equal_folded(name, "idempotency-key")) {
            out.idempotency_key = value;
        }
    }
    if (!has_host && version == "HTTP/1.1") return {400, "no host"};
    return {1};
}

}  // namespace muster::llm::detail
