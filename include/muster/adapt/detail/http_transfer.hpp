#pragma once

#include <algorithm>       // min, max, clamp
#include <bit>             // bit_ceil
#include <cerrno>          // EMFILE
#include <chrono>          // microseconds
#include <cstddef>         // size_t
#include <cstdint>         // uint64_t
#include <new>             // bad_alloc
#include <stdexcept>       // runtime_error
#include <string>          // bytes
#include <string_view>     // bytes
#include <system_error>    // error_code
#include <utility>         // move, exchange
#include <vector>          // header lines

#include <curl/curl.h>    // CURL

#include <muster/adapt/detail/http_text.hpp>    // plain_text
#include <muster/adapt/detail/http_url.hpp>     // http_url
#include <muster/adapt/http_fault.hpp>          // http_fault
#include <muster/adapt/http_options.hpp>        // http_options
#include <muster/adapt/http_request.hpp>        // http_request
#include <muster/adapt/http_response.hpp>       // http_response
#include <muster/adapt/http_retry_after.hpp>    // without_http_blanks
#include <muster/core/duration_text.hpp>        // duration_text
#include <muster/core/failure.hpp>              // cause, failure
#include <muster/core/outcome.hpp>              // outcome
#include <muster/core/waiter.hpp>               // wait_point
#include <muster/os/system_failure.hpp>         // system_failure

// Above 400 lines: one easy handle from what it is told to what it has answered, for what libcurl keeps of the one shows in the other.

namespace muster::detail {

/// One easy handle, used for one request after the other, and all that libcurl reads and writes for it: a caller may leave at any time.
///
/// Threads    one at a time: the caller's until it is started and again once `done` is woken, the loop's in between.
/// Cost       the options that are the same for all requests are set once. Setting them after a curl_easy_reset each time costs
///            3 us a request.
class http_transfer {
public:
    explicit http_transfer(http_options const& options) : options_(options) {}
    http_transfer(http_transfer const&) = delete;
    http_transfer& operator=(http_transfer const&) = delete;
    ~http_transfer() { ::curl_easy_cleanup(easy_); }

    /// Takes the request over.
    void ask(http_request request) {
        request_ = std::move(request);
        done.reset();
    }
    /// Makes the handle ready to send it. libcurl goes deep here: 8 KiB of the stack.
    ///
    /// Fails      http_fault::refused_url, refused_request.
    [[nodiscard]] outcome<void> prepare();
    /// What came of it: in the loop, once libcurl has said so.
    [[nodiscard]] outcome<http_response> ended(CURLcode code);
    /// Lets go of what the request and the answer hold.
    void clear();

    [[nodiscard]] CURL* easy() const noexcept { return easy_; }
    [[nodiscard]] http_url const& url() const noexcept { return url_; }
    /// A failure that names where the request was sent.
    [[nodiscard]] failure fail(http_fault which, std::string_view why) const {
        auto const asked = request_.url.empty() ? outcome<http_url>{failure{}} : http_url::read(request_.url);    // not prepared yet
        return {make_error_code(which), (asked ? asked->origin : url_.origin) + ": " + std::string{why}};
    }
    /// How many connections the last request opened.
    [[nodiscard]] long opened() const noexcept { return opened_; }

    // The loop's and the caller's

    wait_point done;                         ///< woken when `result` is there
    outcome<http_response> result;
    http_transfer* before = nullptr;         ///< of those under way, or of those that the polling thread is to start
    http_transfer* after = nullptr;
    http_transfer* next_started = nullptr;   ///< links of the loop's mail and of what it has finished
    http_transfer* next_left = nullptr;
    http_transfer* next_done = nullptr;
    bool to_start = false;
    bool under_way = false;
    bool unwatched = false;                  ///< its socket cannot be watched

private:
    template <class Value>
    void set(CURLoption option, Value value) {
        auto const code = ::curl_easy_setopt(easy_, option, value);
        if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc{};
        if (code != CURLE_OK)
            throw std::runtime_error("muster: libcurl does not take option " + std::to_string(static_cast<int>(option)) + ": " +
                                     ::curl_easy_strerror(code));
    }
    void make();
    void set_buffer();
    [[nodiscard]] outcome<void> check(http_request const& request) const;
    void set_method();
    void set_headers();
    [[nodiscard]] http_fault fault_of(CURLcode code, long os_error) const noexcept;

    // What libcurl calls; none lets an exception through.
    static std::size_t on_body(char* bytes, std::size_t one, std::size_t count, void* self) noexcept {
        return static_cast<http_transfer*>(self)->take_body({bytes, one * count});
    }
    static std::size_t on_header(char* bytes, std::size_t one, std::size_t count, void* self) noexcept {
        return static_cast<http_transfer*>(self)->take_header({bytes, one * count});
    }
    static int on_send(void* self, char*, char*, int, int) noexcept { return static_cast<http_transfer*>(self)->may_send(); }
    [[nodiscard]] std::size_t take_body(std::string_view bytes) noexcept;
    [[nodiscard]] std::size_t take_header(std::string_view line) noexcept;
    [[nodiscard]] int may_send() noexcept;

    static constexpr std::size_t smallest_buffer = 2'048;
    static constexpr std::size_t largest_buffer = 65'536;

    enum class stage : unsigned char { nothing, headers, body };    // of the answer
    enum class broken : unsigned char { no, body_size, header_size, memory, sent_twice };

    http_options const& options_;
    CURL* easy_ = nullptr;                // made for the first request
    http_request request_;                // until it is prepared
    http_url url_;
    std::string url_text_;                // that was asked for; the next request often asks for the same
    std::string method_;
    std::string body_;
    std::string lines_;                   // the request's headers, each with its NUL
    std::vector<curl_slist> links_;       // that name them
    http_response answer_;
    std::size_t buffer_ = 0;              // libcurl's, for what is received
    std::size_t last_body_ = 0;           // bytes
    std::size_t header_bytes_ = 0;
    long opened_ = 0;
    stage stage_ = stage::nothing;
    bool interim_ = false;                // the headers are those of a 1xx
    bool repeatable_ = false;             // the request may be sent again by libcurl
    bool sent_ = false;
    broken broken_ = broken::no;
    char words_[CURL_ERROR_SIZE] = {};    // libcurl's, of what went wrong
};

// Implementation

inline void http_transfer::make() {
    easy_ = ::curl_easy_init();
    if (!easy_) throw std::bad_alloc{};
    struct on_throw {
        CURL*& easy;
        bool well = false;
        ~on_throw() {
            if (!well) ::curl_easy_cleanup(std::exchange(easy, nullptr));
        }
    } guard{easy_};
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_ERRORBUFFER, words_);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);    // a look-up that is under way does not hold who gives up
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_HTTP09_ALLOWED, 0L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);    // answers take minutes, and what stands between forgets silent connections
    set(CURLOPT_TCP_KEEPIDLE, 60L);
    set(CURLOPT_TCP_KEEPINTVL, 60L);
    auto const ms = std::chrono::ceil<std::chrono::milliseconds>(options_.connect_timeout).count();
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min<std::chrono::milliseconds::rep>(ms, 2'000'000'000)));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    static auto const* const built = ::curl_version_info(CURLVERSION_NOW);    // prints all its versions each time
    if (!options_.ca_file.empty()) {
        set(CURLOPT_CAINFO, options_.ca_file.c_str());
        set(CURLOPT_PROXY_CAINFO, options_.ca_file.c_str());
    }
    if (!options_.ca_file.empty() || (built->age >= CURLVERSION_SEVENTH && built->cainfo)) {
        // One file, read once for all connections: with a folder beside it libcurl reads both for each.
        set(CURLOPT_CAPATH, static_cast<char const*>(nullptr));
        set(CURLOPT_PROXY_CAPATH, static_cast<char const*>(nullptr));
    }
    if (!options_.proxy.empty()) set(CURLOPT_PROXY, options_.proxy.c_str());
    else if (!options_.environment_proxy) set(CURLOPT_PROXY, "");
    if (!options_.proxy.empty()) set(CURLOPT_NOPROXY, "");    // else no_proxy of the environment would undo it
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (!options_.user_agent.empty()) set(CURLOPT_USERAGENT, options_.user_agent.c_str());
    if (options_.decompress) set(CURLOPT_ACCEPT_ENCODING, "");
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_PREREQFUNCTION, &on_send);
    set(CURLOPT_PREREQDATA, this);
    guard.well = true;
}

// Each call that is under way holds a buffer: thousands wait for small answers. Where the last one was large the next may be, and 2 KiB
// at a time take three times as long as 64 KiB: a body comes in 8 to 16 pieces.
inline void http_transfer::set_buffer() {
    auto const wanted = std::clamp(std::bit_ceil(last_body_ / 8), smallest_buffer, largest_buffer);
    if (wanted != buffer_) set(CURLOPT_BUFFERSIZE, static_cast<long>(wanted));    // between two transfers: libcurl makes one for each
    buffer_ = wanted;
}

inline outcome<void> http_transfer::check(http_request const& request) const {
    auto const refused = [&](std::string why) { return fail(http_fault::refused_request, why); };
    auto const is_token = [](std::string_view text) {
        static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
        for (char const c : text)
            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || marks.find(c) != marks.npos)) return false;
        return !text.empty();
    };
    auto const& method = request.method;
    if (method.empty() || method.size() > 32 || method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != method.npos)
        return refused("a method is 1 to 32 capital letters and hyphens, not \"" + plain_text(method, 32) + '"');
    if (method == "CONNECT" || method == "TRACE") return refused("the method " + method + " is not sent");
    if (method == "HEAD" && !request.body.empty()) return refused("a HEAD has no body");
    for (auto const& each : request.headers) {
        if (!is_token(each.name))
            return refused("the name of a header is a token as RFC 9110 has it, not \"" + plain_text(each.name, 48) + '"');
        if (each.value.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos)
            return refused("the value of the header " + plain_text(each.name, 48) + " holds CR, LF or NUL");
        for (std::string_view const ours : {"Content-Length", "Transfer-Encoding", "Trailer", "Upgrade"})
            if (http_headers::same_name(each.name, ours)) return refused("the header " + each.name + " is not the caller's to send");
    }
    return {};
}

inline outcome<void> http_transfer::prepare() {
    auto request = std::exchange(request_, {});
    if (!easy_) make();
    if (request.url != url_text_ || url_text_.empty()) {
        url_text_.clear();
        auto read = http_url::read(request.url);
        if (!read) return std::move(read).error();
        url_ = *std::move(read);
        set(CURLOPT_URL, url_.text.c_str());
        // Over plain http nothing says before the first answer whether a connection takes many requests: none waits for that.
        bool const many = url_.secure && options_.http2;
        set(CURLOPT_HTTP_VERSION, static_cast<long>(many ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
        url_text_ = std::move(request.url);
    }
    if (auto good = check(request); !good) return good;
    method_ = std::move(request.method);
    body_ = std::move(request.body);
    // What a kept connection loses is sent again by libcurl on a fresh one. The server may have done it, so only what may be done twice.
    repeatable_ = (method_ != "POST" && method_ != "PATCH") || request.headers.find("Idempotency-Key");
    set_method();
    set_buffer();
    lines_.clear();
    for (auto const& each : request.headers) {
        lines_ += each.name;
        if (each.value.find_first_not_of(" \t") == std::string::npos) lines_ += ';';    // how libcurl is told to send one without a value
        else (lines_ += ": ") += each.value;
        lines_ += '\0';
    }
    if (!request.headers.find("Expect")) lines_.append("Expect:\0", 8);    // else a second is lost on servers that do not know it
    if (!body_.empty() && !request.headers.find("Content-Type")) lines_.append("Content-Type:\0", 14);
    set_headers();
    answer_ = {};
    header_bytes_ = 0;
    opened_ = 0;
    stage_ = stage::nothing;
    interim_ = sent_ = false;
    broken_ = broken::no;
    words_[0] = '\0';
    unwatched = false;
    return {};
}

inline void http_transfer::set_method() {
    bool const has_body = !body_.empty() || method_ == "POST" || method_ == "PUT" || method_ == "PATCH";
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
    set(CURLOPT_POSTFIELDS, has_body ? body_.data() : nullptr);    // makes it a POST; not copied
    if (has_body) set(CURLOPT_POST, 1L);
    else if (method_ == "HEAD") set(CURLOPT_NOBODY, 1L);
    else set(CURLOPT_HTTPGET, 1L);
    bool const by_itself = has_body ? method_ == "POST" : method_ == "HEAD" || method_ == "GET";
    set(CURLOPT_CUSTOMREQUEST, by_itself ? nullptr : method_.c_str());
}

inline void http_transfer::set_headers() {
    links_.clear();
    for (std::size_t at = 0; at < lines_.size(); at = lines_.find('\0', at) + 1) links_.push_back({&lines_[at], nullptr});
    for (std::size_t i = 1; i < links_.size(); ++i) links_[i - 1].next = &links_[i];
    set(CURLOPT_HTTPHEADER, links_.empty() ? nullptr : links_.data());
}

inline void http_transfer::clear() {
    request_ = {};
    body_ = {};
    lines_.clear();
    answer_ = {};
    result = failure{};
    if (!easy_) return;
    set(CURLOPT_POSTFIELDS, static_cast<char const*>(nullptr));
    set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
}

inline std::size_t http_transfer::take_header(std::string_view line) noexcept {
    try {
        auto const refused = [this](broken why) {
            broken_ = why;
            return std::size_t{0};
        };
        auto const whole = line.size();
        header_bytes_ += whole;
        if (header_bytes_ > options_.largest_headers) return refused(broken::header_size);
        while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
        if (line.starts_with("HTTP/") && (stage_ == stage::nothing || (stage_ == stage::body && interim_))) {
            answer_.headers.clear();
            stage_ = stage::headers;
            auto const status = line.find(' ');
            interim_ = status != line.npos && status + 1 < line.size() && line[status + 1] == '1';
            return whole;
        }
        if (stage_ != stage::headers) return whole;    // a trailer
        if (line.empty()) {
            stage_ = stage::body;
        } else if (line.front() == ' ' || line.front() == '\t') {
            if (!answer_.headers.empty()) (answer_.headers.back().value += ' ') += without_http_blanks(line);
        } else if (auto const colon = line.find(':'); colon != line.npos) {
            answer_.headers.add(std::string{line.substr(0, colon)}, std::string{without_http_blanks(line.substr(colon + 1))});
        }
        return whole;
    } catch (std::bad_alloc const&) {
        broken_ = broken::memory;
        return 0;
    }
}

inline std::size_t http_transfer::take_body(std::string_view bytes) noexcept {
    try {
        auto& body = answer_.body;
        auto const most = options_.largest_body;
        if (body.empty()) {
            curl_off_t said = -1;
            ::curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &said);
            if (said > 0 && static_cast<std::uint64_t>(said) > most) {
                broken_ = broken::body_size;
                return 0;
            }
            // What is said is not had yet: memory is taken as the bytes come.
            if (said > 0) body.reserve(std::min<std::size_t>(static_cast<std::size_t>(said), 65'536));
        }
        if (bytes.size() > most - body.size()) {
            broken_ = broken::body_size;
            return 0;
        }
        if (body.size() + bytes.size() > body.capacity()) body.reserve(std::min(most, std::max(body.capacity() * 2, body.size() + bytes.size())));
        body.append(bytes);
        return bytes.size();
    } catch (std::bad_alloc const&) {
        broken_ = broken::memory;
        return 0;
    }
}

inline int http_transfer::may_send() noexcept {
    if (std::exchange(sent_, true) && !repeatable_) {
        broken_ = broken::sent_twice;
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

inline http_fault http_transfer::fault_of(CURLcode code, long os_error) const noexcept {
    bool const answering = stage_ == stage::body && !interim_;
    auto const lost = answering ? http_fault::truncated : http_fault::disconnected;
    long connect_status = 0;
    ::curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST: return http_fault::resolve;
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_PROXY: return http_fault::proxy;
        case CURLE_COULDNT_CONNECT: return options_.proxy.empty() ? http_fault::connect : http_fault::proxy;
        case CURLE_OPERATION_TIMEDOUT: return http_fault::connect;    // no other time is limited by libcurl
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS: return http_fault::certificate;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CLIENTCERT: return http_fault::tls;
        case CURLE_GOT_NOTHING: return http_fault::disconnected;
        case CURLE_PARTIAL_FILE: return http_fault::truncated;
        case CURLE_SEND_ERROR:
        case CURLE_HTTP2_STREAM: return lost;
        case CURLE_RECV_ERROR:
            if (connect_status != 0 && connect_status / 100 != 2) return http_fault::proxy;
            return os_error == 0 && !url_.secure ? http_fault::protocol : lost;    // chunks that are none
        case CURLE_UNSUPPORTED_PROTOCOL:    // an answer of HTTP/0.9
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
        case CURLE_HTTP2:
        case CURLE_HTTP3: return http_fault::protocol;
        case CURLE_OUT_OF_MEMORY:    // a header line that does not end: libcurl has no other word for it before version 8.6
        case CURLE_FILESIZE_EXCEEDED: return http_fault::too_large;
        case CURLE_URL_MALFORMAT: return http_fault::refused_url;
        default: return http_fault::protocol;
    }
}

inline outcome<http_response> http_transfer::ended(CURLcode code) {
    auto const microseconds = [this](CURLINFO which) {
        curl_off_t count = 0;
        ::curl_easy_getinfo(easy_, which, &count);
        return std::chrono::nanoseconds{std::chrono::microseconds{count}};
    };
    auto const number = [this](CURLINFO which) {
        long value = 0;
        ::curl_easy_getinfo(easy_, which, &value);
        return value;
    };
    opened_ = number(CURLINFO_NUM_CONNECTS);
    switch (broken_) {
        case broken::no: break;
        case broken::body_size:
            return fail(http_fault::too_large, "the body has more than the " + std::to_string(options_.largest_body) +
                                                   " bytes that http_options::largest_body allows");
        case broken::header_size:
            return fail(http_fault::too_large, "the headers have more than the " + std::to_string(options_.largest_headers) +
                                                   " bytes that http_options::largest_headers allows");
        case broken::memory: return failure{cause::out_of_memory, url_.origin + ": no memory for the answer"};
        case broken::sent_twice:
            return fail(http_fault::disconnected, "the kept connection was lost; a " + method_ + " is not sent again by itself");
    }
    if (code != CURLE_OK) {
        auto const os_error = number(CURLINFO_OS_ERRNO);
        if (code == CURLE_COULDNT_CONNECT && (os_error == EMFILE || os_error == ENFILE))
            return system_failure(static_cast<int>(os_error), url_.origin + ": no connection");
        if (code == CURLE_OUT_OF_MEMORY && stage_ == stage::nothing && microseconds(CURLINFO_STARTTRANSFER_TIME_T).count() == 0)
            return failure{cause::out_of_memory, url_.origin + ": no memory for the request"};
        return fail(fault_of(code, os_error), plain_text(words_[0] != '\0' ? words_ : ::curl_easy_strerror(code)));
    }
    // libcurl takes an end amid the headers for the end of an answer.
    if (stage_ != stage::body || interim_) return fail(http_fault::disconnected, "the connection ended amid the headers");
    answer_.status = static_cast<int>(number(CURLINFO_RESPONSE_CODE));
    if (answer_.status < 100) return fail(http_fault::protocol, "the answer has no status");
    switch (number(CURLINFO_HTTP_VERSION)) {
        case CURL_HTTP_VERSION_1_0: answer_.version = 10; break;
        case CURL_HTTP_VERSION_1_1: answer_.version = 11; break;
        case CURL_HTTP_VERSION_2_0: answer_.version = 20; break;
        case CURL_HTTP_VERSION_3: answer_.version = 30; break;
        default: break;
    }
    auto const connected = std::max(microseconds(CURLINFO_CONNECT_TIME_T), microseconds(CURLINFO_APPCONNECT_TIME_T));
    answer_.times = {opened_ == 0 ? std::chrono::nanoseconds{} : connected, microseconds(CURLINFO_STARTTRANSFER_TIME_T),
                     microseconds(CURLINFO_TOTAL_TIME_T)};
    last_body_ = answer_.body.size();
    return std::move(answer_);
}

}  // namespace muster::detail
