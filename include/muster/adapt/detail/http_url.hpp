#pragma once

#include <cstddef>        // size_t
#include <memory>         // unique_ptr
#include <new>            // bad_alloc
#include <string>         // URLs
#include <string_view>    // URLs
#include <utility>        // move

#include <curl/curl.h>    // curl_url

#include <muster/adapt/http_fault.hpp>    // http_fault
#include <muster/core/failure.hpp>        // failure
#include <muster/core/outcome.hpp>        // outcome

#if LIBCURL_VERSION_NUM < 0x075700
#error "muster: adapt/http_client.hpp needs libcurl 7.87 or later: before, TLS raises SIGPIPE where a server has gone"
#endif

namespace muster::detail {

/// A URL that may be called.
struct http_url {
    static constexpr std::size_t longest = 65'536;

    std::string text{};      ///< as libcurl takes it
    std::string origin{};    ///< "https://api.example.com:8443": the port where it is not the scheme's; what failures show
    bool secure = false;     ///< https

    /// Fails      http_fault::refused_url; the text shows nothing of what is behind the host, for there may be keys in it.
    [[nodiscard]] static outcome<http_url> read(std::string_view text) { return read({}, text); }
    /// Where `reference`, a Location, leads from `base`.
    [[nodiscard]] static outcome<http_url> read(std::string_view base, std::string_view reference);
    /// True for what may be a proxy.
    [[nodiscard]] static bool is_proxy(std::string const& text);
};

// Implementation

/// A URL in parts, as libcurl reads it.
class url_parts {
public:
    url_parts() : it_(::curl_url()) {
        if (!it_) throw std::bad_alloc{};
    }
    [[nodiscard]] CURLU* get() const noexcept { return it_.get(); }
    /// Empty: it has no such part.
    [[nodiscard]] std::string part(CURLUPart which, unsigned flags = 0) const {
        char* text = nullptr;
        std::string out;
        if (::curl_url_get(it_.get(), which, &text, flags) == CURLUE_OK) out = text;
        ::curl_free(text);
        return out;
    }

private:
    struct freed {
        void operator()(CURLU* it) const noexcept { ::curl_url_cleanup(it); }
    };
    std::unique_ptr<CURLU, freed> it_;
};

inline bool http_url::is_proxy(std::string const& text) {
    url_parts const at;
    if (text.find('\0') != text.npos || ::curl_url_set(at.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        return false;
    auto const scheme = at.part(CURLUPART_SCHEME);
    return scheme == "http" || scheme == "https" || scheme == "socks5" || scheme == "socks5h";
}

inline outcome<http_url> http_url::read(std::string_view base, std::string_view reference) {
    auto const refused = [](std::string why) {
        return failure{make_error_code(http_fault::refused_url), "a URL " + std::move(why)};
    };
    if (reference.empty()) return refused("is not empty");
    if (reference.size() > longest)
        return refused("has at most " + std::to_string(longest) + " bytes, not " + std::to_string(reference.size()));
    for (std::size_t i = 0; i < reference.size(); ++i)
        if (reference[i] <= ' ' || reference[i] >= 0x7f)    // char may be signed: others than ASCII are one or the other
            return refused("holds printable ASCII alone, percent-encoded where it is other; byte " + std::to_string(i) + " is none");

    if (base.empty()) {    // libcurl guesses more: http:/host, http:///host
        auto const host = reference.find("://");
        if (host == reference.npos || host + 3 == reference.size() || reference[host + 3] == '/')
            return refused("is absolute, as in https://api.example.com/path");
    }

    url_parts const at;
    auto const set = [&](std::string_view part) {
        return ::curl_url_set(at.get(), CURLUPART_URL, std::string{part}.c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER);
    };
    auto code = base.empty() ? CURLUE_OK : set(base);
    if (code == CURLUE_OK) code = set(reference);
    if (code == CURLUE_USER_NOT_ALLOWED) return refused("holds no user and password: send a header in their place");
    if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc{};
    if (code != CURLUE_OK) return refused(std::string{"is absolute and well formed: "} + ::curl_url_strerror(code));

    http_url out;
    auto const scheme = at.part(CURLUPART_SCHEME);
    out.secure = scheme == "https";
    if (!out.secure && scheme != "http") return refused("begins with http:// or https://");
    auto host = at.part(CURLUPART_HOST);
    if (host.empty()) return refused("names a host");
    for (char& c : host)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    out.origin = scheme + "://" + host;
    if (auto const port = at.part(CURLUPART_PORT, CURLU_NO_DEFAULT_PORT); !port.empty()) out.origin += ':' + port;
    out.text = at.part(CURLUPART_URL);
    return out;
}

}  // namespace muster::detail
