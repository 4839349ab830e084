#pragma once

#include <algorithm>         // max, min
#include <array>             // answers by status
#include <chrono>            // steady_clock
#include <cmath>             // llround
#include <condition_variable>    // until_in_flight
#include <cstddef>           // size_t
#include <cstdint>           // uint16_t
#include <deque>             // answers that wait
#include <mutex>             // what several threads see
#include <stdexcept>         // invalid_argument
#include <string>            // string
#include <string_view>       // string_view
#include <unordered_map>     // prompts
#include <utility>           // exchange, move
#include <vector>            // rules

#include <sys/socket.h>      // setsockopt, shutdown

#include <muster/core/waiter.hpp>                           // later
#include <muster/os/loopback_server.hpp>                    // loopback_server
#include <muster/workloads/llm/detail/chat_answer.hpp>      // chat_answer
#include <muster/workloads/llm/detail/chat_request.hpp>     // read_chat
#include <muster/workloads/llm/detail/http_request.hpp>     // read_http
#include <muster/workloads/llm/detail/request_window.hpp>   // request_window
#include <muster/workloads/llm/detail/token_bucket.hpp>     // token_bucket
#include <muster/workloads/llm/responder_options.hpp>       // responder_options
#include <muster/workloads/llm/responder_rule.hpp>          // responder_rule
#include <muster/workloads/llm/responder_stats.hpp>         // responder_stats

// Above 400 lines: the loop of one thread, which reads worse in pieces.

namespace muster::llm {

/// An OpenAI-compatible endpoint on this machine's loopback, for examples, tests and benchmarks: answers
/// `POST /v1/chat/completions` and Azure's `/openai/deployments/NAME/chat/completions?api-version=...` without a model.
///
/// Shape      the answer is made from the prompt alone: where `response_format` asks for JSON, an object that
///            `schema()` accepts, else a sentence.
/// Waits      each answer for the latency, counted from its request; the answers of one connection come in the order
///            of its requests, connections wait independently of each other.
/// Fails      what is no such request: 400, 401, 404, 405, 411, 413, 417, 431 and 505, as the standard means them.
/// Throws     std::system_error where the port is taken or descriptors or threads are out, std::invalid_argument for
///            limits that let nothing through; later nothing.
/// Threads    one of its own, whatever the number of connections, joined in the destructor; every member from any
///            thread.
/// Cost       bounded against hostile clients: connections, bytes of a request, time without one, answers not taken.
/// Source     the OpenAPI description of OpenAI's API, and Azure's reference of it; RFC 9112.
class responder {
public:
    explicit responder(responder_options options = {});
    responder(responder const&) = delete;
    responder& operator=(responder const&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return wire_.port(); }
    /// `http://127.0.0.1:PORT/v1`: what clients of OpenAI take as base.
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port()) + "/v1"; }
    /// `http://127.0.0.1:PORT`: what clients of Azure take as endpoint.
    [[nodiscard]] std::string azure_url() const { return "http://127.0.0.1:" + std::to_string(port()); }
    /// The JSON schema of the facts that it answers.
    [[nodiscard]] static constexpr std::string_view schema() noexcept;
    /// The facts that it answers for a prompt.
    [[nodiscard]] static std::string facts_of(std::string_view prompt) { return detail::facts_of(prompt); }

    /// From the next request on, after the rules that are there; the first that fits counts.
    void misbehave(responder_rule rule);
    void behave();
    void latency(std::chrono::nanoseconds of_each_answer);

    /// From now on no answer is sent, until `release`: a latch for tests.
    void hold();
    void release();
    /// Waits until so many requests are without an answer; false when that took longer.
    [[nodiscard]] bool until_in_flight(std::size_t requests, std::chrono::nanoseconds within = std::chrono::seconds{20}) const;
    /// Waits until so many requests have come; false when that took longer.
    [[nodiscard]] bool until_requests(std::uint64_t requests, std::chrono::nanoseconds within = std::chrono::seconds{20}) const;

    [[nodiscard]] responder_stats stats() const;
    /// How often each prompt was asked.
    [[nodiscard]] std::unordered_map<std::string, prompt_record> prompts() const;
    [[nodiscard]] prompt_record asked(std::string const& prompt) const;
    /// How often each idempotency key came.
    [[nodiscard]] std::unordered_map<std::string, std::uint64_t> idempotency_keys() const;
    /// When each request came.
    [[nodiscard]] std::vector<std::chrono::steady_clock::time_point> arrivals() const;

private:
    using clock = std::chrono::steady_clock;
    struct reply {
        clock::time_point due;
        std::string text;            // the head, and what of the body goes at once
        std::string drops;           // the body where it comes a byte at a time
        std::size_t filler = 0;
        detail::after then = detail::after::keep;
        int status = 0;
        prompt_record* counts = nullptr;    // whose `answered` goes up
        bool is_chat = false;               // waits for release, and is in flight until it is sent
        bool is_quota = false;
    };
    struct talk {
        std::size_t looked = 0;           // bytes of `in` without the end of a head
        std::size_t whole = 0;            // bytes of the request that `in` starts with; 0: not known
        std::string drops;                // bytes still to come one by one ...
        std::size_t dropped = 0;
        clock::time_point next_drop{};    // ... and when
        std::size_t filler = 0;
        detail::after then = detail::after::keep;
        std::deque<reply> waiting;
        clock::time_point active{};       // the last time that something was read
        bool said_all = false;            // the last answer is sent: what is left is to wait for the other end
    };
    using server = loopback_server<talk>;
    using connection = server::connection;
    friend server;

    static constexpr std::size_t most_waiting = 1'024;                  // answers of one connection; then no request is read
    static constexpr std::size_t most_unsent = std::size_t{1} << 20;

    static responder_options checked(responder_options options);
    // What the server calls
    void opened(connection& of) {
        of.active = clock::now();
        wire_.set_timer(of, idle_end(of));
    }
    void serve(connection& of, bool readable);
    void due(connection& of);
    void drop(connection& of);
    void woken();

    bool read_some(connection& of);                         // false: broken
    void take_requests(connection& of, clock::time_point now);    // these under the mutex
    void take_due(connection& of, clock::time_point now);
    reply chat(detail::http_request const& request, std::string_view body, std::string_view deployment, clock::time_point now);
    detail::chat_answer answer(responder_request const& request, detail::chat_request const& chat, bool azure, clock::time_point now, reply& into);
    reply refusal(int status, std::string_view why);
    void finish(reply& into, detail::chat_answer const& answer, bool keep_alive) const;
    [[nodiscard]] std::string limit_lines() const;
    bool send_all(connection& of);                          // false: broken
    [[nodiscard]] clock::time_point idle_end(connection const& of) const;    // never: it is to be answered
    void one_less() noexcept;

    responder_options const options_;

    mutable std::mutex mutex_;                              // guards what follows
    mutable std::condition_variable changed_;
    mutable std::size_t watching_ = 0;                      // calls of until_...
    bool held_ = false;
    bool released_ = false;
    std::chrono::nanoseconds latency_;
    std::vector<responder_rule> plan_;
    responder_stats stats_;
    std::array<std::uint64_t, 600> answers_{};              // by status
    std::uint64_t granted_ = 0;                             // of the quota
    bool quota_told_ = false;
    detail::token_bucket requests_, tokens_;
    std::vector<detail::request_window> windows_;
    std::unordered_map<std::string, prompt_record> prompts_;
    prompt_record unrecorded_;                              // all prompts beyond `most_recorded`
    std::unordered_map<std::string, std::uint64_t> keys_;
    std::vector<clock::time_point> arrivals_;

    server wire_;
};

// Implementation

constexpr std::string_view responder::schema() noexcept {
    return R"({"type":"object","additionalProperties":false,"required":["kind","summary","confidence","facts"],"properties":{)"
           R"("kind":{"type":"string","enum":["passenger","segment","price","service","other"]},"summary":{"type":"string"},)"
           R"("confidence":{"type":"number","minimum":0,"maximum":1},"facts":{"type":"array","items":{"type":"object",)"
           R"("additionalProperties":false,"required":["name","value"],"properties":{"name":{"type":"string"},"value":{"type":"string"}}}}}})";
}

inline responder_options responder::checked(responder_options options) {
    if (!(options.requests_per_second >= 0) || !(options.request_burst >= 1) || !(options.tokens_per_minute >= 0) ||
        !(options.token_burst >= 0) || options.stated_per.count() <= 0 || !(options.crowd_factor >= 0))
        throw std::invalid_argument("muster: a responder needs limits >= 0, request_burst >= 1, stated_per > 0 and crowd_factor >= 0");
    for (auto const each : options.request_windows)
        if (each.count() <= 0 || !(options.requests_per_second > 0))
            throw std::invalid_argument("muster: a responder with request_windows needs each above 0, and requests_per_second");
    return options;
}

inline responder::responder(responder_options options)
    : options_(checked(std::move(options))), latency_(options_.latency), plan_(options_.plan),
      requests_(options_.requests_per_second,
                options_.request_windows.empty() ? options_.request_burst : std::max(1.0, options_.requests_per_second * 60)),
      tokens_(options_.tokens_per_minute / 60, options_.token_burst > 0 ? options_.token_burst : options_.tokens_per_minute),
      wire_("muster: responder", options_.port, options_.most_connections) {
    for (auto const each : options_.request_windows) windows_.emplace_back(options_.requests_per_second, each);
    wire_.start(*this);
}

inline void responder::misbehave(responder_rule rule) {
    std::lock_guard lock(mutex_);
    plan_.push_back(std::move(rule));
}

inline void responder::behave() {
    std::lock_guard lock(mutex_);
    plan_.clear();
}

inline void responder::latency(std::chrono::nanoseconds of_each_answer) {
    std::lock_guard lock(mutex_);
    latency_ = of_each_answer;
}

inline void responder::hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
}

inline void responder::release() {
    {
        std::lock_guard lock(mutex_);
        held_ = false;
        released_ = true;
    }
    wire_.wake();
}

inline bool responder::until_in_flight(std::size_t requests, std::chrono::nanoseconds within) const {
    std::unique_lock lock(mutex_);
    ++watching_;
    auto const there = changed_.wait_for(lock, within, [&] { return stats_.in_flight == requests; });
    --watching_;
    return there;
}

inline bool responder::until_requests(std::uint64_t requests, std::chrono::nanoseconds within) const {
    std::unique_lock lock(mutex_);
    ++watching_;
    auto const there = changed_.wait_for(lock, within, [&] { return stats_.requests >= requests; });
    --watching_;
    return there;
}

inline responder_stats responder::stats() const {
    std::lock_guard lock(mutex_);
    auto out = stats_;
    auto const seen = wire_.seen();
    out.connections = seen.open;
    out.all_connections = seen.all;
    for (std::size_t status = 0; status < answers_.size(); ++status)
        if (answers_[status] != 0) out.answers[static_cast<int>(status)] = answers_[status];
    return out;
}

inline std::unordered_map<std::string, prompt_record> responder::prompts() const {
    std::lock_guard lock(mutex_);
    return prompts_;
}

inline prompt_record responder::asked(std::string const& prompt) const {
    std::lock_guard lock(mutex_);
    auto const found = prompts_.find(prompt);
    return found == prompts_.end() ? prompt_record{} : found->second;
}

inline std::unordered_map<std::string, std::uint64_t> responder::idempotency_keys() const {
    std::lock_guard lock(mutex_);
    return keys_;
}

inline std::vector<std::chrono::steady_clock::time_point> responder::arrivals() const {
    std::lock_guard lock(mutex_);
    return arrivals_;
}

// The thread

inline void responder::woken() {
    bool released = false;
    {
        std::lock_guard lock(mutex_);
        released = std::exchange(released_, false);
    }
    if (released) wire_.for_each([this](connection& of) { serve(of, false); });
}

inline responder::clock::time_point responder::idle_end(connection const& of) const {
    if (!of.waiting.empty() || !of.drops.empty() || of.then == detail::after::silence) return never;
    return later(of.active, of.said_all ? std::min<std::chrono::nanoseconds>(options_.idle, std::chrono::seconds{1}) : options_.idle);
}

inline void responder::due(connection& of) {
    if (idle_end(of) <= clock::now()) drop(of);
    else serve(of, false);
}

inline void responder::drop(connection& of) {
    {
        std::lock_guard lock(mutex_);
        for (auto const& each : of.waiting)
            if (each.is_chat) one_less();
        if (of.then == detail::after::silence) one_less();
    }
    wire_.drop(of);
}

inline void responder::one_less() noexcept {
    --stats_.in_flight;
    if (watching_ != 0) changed_.notify_all();
}

inline bool responder::read_some(connection& of) {
    auto const got = wire_.receive(of);
    if (!got || (of.ended && (of.then == detail::after::silence || of.said_all))) return false;
    if (*got == 0) return true;
    of.active = clock::now();
    std::lock_guard lock(mutex_);
    stats_.bytes_in += *got;
    return true;
}

// After whatever happened to a connection: reads, takes requests, sends what is due, and says what to wait for.
inline void responder::serve(connection& of, bool readable) {
    if (readable && !read_some(of)) return drop(of);
    auto const now = clock::now();
    for (bool more = true; more;) {    // what has been sent makes room for further requests
        auto const before = of.in.size();
        bool const held_back = of.unsent() >= most_unsent;    // no request is taken then, and there may be some
        {
            std::lock_guard lock(mutex_);
            if (before != 0) take_requests(of, now);
            take_due(of, now);
        }
        if (!send_all(of)) return drop(of);
        more = of.unsent() == 0 && (held_back || of.in.size() != before);
    }
    bool const unsent = of.unsent() != 0;
    if (!unsent && of.drops.empty()) {
        if (of.then == detail::after::reset) {
            linger const at_once{1, 0};
            ::setsockopt(of.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            {
                std::lock_guard lock(mutex_);
                ++stats_.resets;
            }
            return drop(of);
        }
        if (of.then == detail::after::close && !std::exchange(of.said_all, true)) {
            // Closed when the client has closed: bytes of its that nobody read would reset what was sent to it.
            if (of.ended) return drop(of);
            ::shutdown(of.socket.get(), SHUT_WR);
        }
        if (of.ended && of.waiting.empty() && of.then == detail::after::keep) return drop(of);
    }
    wire_.expect(of, of.waiting.size() < most_waiting && of.unsent() < most_unsent);

    if (!of.drops.empty()) wire_.set_timer(of, of.next_drop);
    else if (!of.waiting.empty() && !unsent && of.then == detail::after::keep && of.waiting.front().due > now)
        wire_.set_timer(of, of.waiting.front().due);    // one that is due and held waits for release
    else if (auto const end = idle_end(of); end < of.timer()) wire_.set_timer(of, end);
}

inline void responder::take_requests(connection& of, clock::time_point now) {
    std::size_t done = 0;
    while (!of.deaf && done < of.in.size() && of.waiting.size() < most_waiting) {
        auto const in = std::string_view{of.in}.substr(done);
        if (of.whole > in.size()) break;
        detail::http_request request;
        auto reading = detail::read_http(in, of.looked, request, options_.most_head);
        if (reading.status == 0) break;
        if (reading.status == 1 && request.body > options_.most_body) reading = {413, "the body is too long"};
        if (reading.status != 1) {
            of.waiting.push_back(refusal(reading.status, reading.why));
            of.deaf = true;
            break;
        }
        if (in.size() < request.head + request.body) {
            // Known by now: so that the head is not read again with each piece of the body.
            if (std::exchange(of.whole, request.head + request.body) == 0 && request.expects_continue && of.waiting.empty() && of.drops.empty() &&
                of.filler == 0)
                of.out += "HTTP/1.1 100 Continue\r\n\r\n";
            break;
        }
        auto const body = in.substr(request.head, request.body);
        done += request.head + request.body;
        of.looked = of.whole = 0;

        auto const path = request.target.substr(0, request.target.find('?'));
        constexpr std::string_view openai = "/v1/chat/completions", azure = "/openai/deployments/", tail = "/chat/completions";
        bool const is_azure = path.starts_with(azure) && path.ends_with(tail) && path.size() > azure.size() + tail.size() &&
                              request.target.find("api-version=", path.size()) != std::string_view::npos;
        if (path != openai && !is_azure) of.waiting.push_back(refusal(404, "nothing is served at " + std::string{path}));
        else if (request.method != "POST") of.waiting.push_back(refusal(405, "completions are asked for by POST"));
        else if (!options_.key.empty() && request.key != options_.key) of.waiting.push_back(refusal(401, "the key is wrong or missing"));
        else of.waiting.push_back(chat(request, body, is_azure ? path.substr(azure.size(), path.size() - azure.size() - tail.size()) : "", now));
        auto& last = of.waiting.back();
        if (!request.keep_alive && last.then == detail::after::keep) last.then = detail::after::close;
        if (last.then != detail::after::keep) of.deaf = true;    // nothing after it counts
    }
    if (of.deaf) of.in.clear();
    else of.in.erase(0, done);
}

inline responder::reply responder::refusal(int status, std::string_view why) {
    // 401, 404 and 405 are answers to a request that was read well: the connection goes on.
    bool const goes_on = status == 401 || status == 404 || status == 405;
    if (status != 401 && status != 404) ++stats_.malformed;
    reply out;
    auto answer = detail::error_answer(status, why, "invalid_request_error", status == 401 ? "invalid_api_key" : "");
    if (status == 405) answer.headers = "Allow: POST\r\n";
    if (!goes_on) answer.then = detail::after::close;
    finish(out, answer, goes_on);
    return out;
}

inline responder::reply responder::chat(detail::http_request const& http, std::string_view body, std::string_view deployment,
                                        clock::time_point now) {
    detail::chat_request asked;
    if (auto const* const flaw = detail::read_chat(body, asked)) {
        ++stats_.malformed;
        reply out;
        finish(out, detail::error_answer(400, flaw, "invalid_request_error"), http.keep_alive);
        return out;
    }
    if (!deployment.empty()) asked.model = deployment;
    if (asked.model.size() > 256) asked.model.resize(256);

    ++stats_.requests;
    stats_.after_quota += quota_told_;
    stats_.in_flight_peak = std::max(stats_.in_flight_peak, ++stats_.in_flight);
    if (watching_ != 0) changed_.notify_all();
    if (arrivals_.size() < options_.most_recorded) arrivals_.push_back(now);
    if (std::string key{http.idempotency_key}; !key.empty() && (keys_.size() < options_.most_recorded || keys_.contains(key)))
        ++keys_[std::move(key)];
    auto* record = &unrecorded_;
    if (auto const found = prompts_.find(asked.prompt); found != prompts_.end()) record = &found->second;
    else if (prompts_.size() < options_.most_recorded) record = &prompts_[asked.prompt];
    ++record->asked;

    reply out;
    out.is_chat = true;
    responder_request const request{stats_.requests, record->asked, stats_.in_flight, asked.prompt, asked.model};
    auto const made = answer(request, asked, !deployment.empty(), now, out);
    if (made.well) out.counts = record;
    finish(out, made, http.keep_alive);
    return out;
}

inline detail::chat_answer responder::answer(responder_request const& request, detail::chat_request const& asked, bool azure,
                                             clock::time_point now, reply& into) {
    auto const latency = [&] {
        auto of = options_.latency_of ? options_.latency_of(request) : latency_;
        if (request.in_flight > options_.crowd)
            of = std::chrono::nanoseconds{static_cast<std::int64_t>(static_cast<double>(of.count()) * options_.crowd_factor)};
        return of;
    };
    auto const made = [&](responder_rule const* rule) {
        auto const content = options_.content_of ? options_.content_of(request) : std::string{};
        auto const facts = !content.empty() ? content
                           : asked.wants_json || (rule && rule->fault == responder_fault::cut_at_length)
                               ? detail::facts_of(request.prompt)
                               : "This node says " + std::to_string(request.prompt.size()) + " bytes of something.";
        detail::chat_answer well;
        well.well = true;
        well.body = detail::completion(request.number, asked.model, asked.bytes, &facts, "stop");
        if (!rule) return well;
        return detail::spoiled(*rule, rule->hint.value_or(options_.hint), std::move(well), request.number, asked.model, asked.bytes, facts,
                               options_.huge_body);
    };
    for (auto& rule : plan_) {
        bool const fits = rule.times != 0 && (rule.request == 0 || rule.request == request.number) &&
                          (rule.every == 0 || request.number % rule.every == 0) && request.attempt >= rule.first_attempt &&
                          request.attempt <= rule.last_attempt && request.prompt.find(rule.prompt_has) != std::string_view::npos;
        if (!fits) continue;
        if (rule.times != responder_rule::any_number) --rule.times;
        into.due = now + latency();
        into.is_quota = rule.fault == responder_fault::quota_spent || rule.fault == responder_fault::spend_limit;
        return made(&rule);
    }

    into.due = now + options_.refusal_latency;
    if (granted_ >= options_.quota) {
        into.is_quota = true;
        return detail::quota_answer();
    }
    auto const tokens = (asked.bytes + 3) / 4;
    auto const cost = static_cast<double>(tokens) + static_cast<double>(asked.most_tokens);
    bool const fits = requests_.has(1, now), pays = tokens_.has(cost, now);    // both filled: the headers tell of both
    auto left = std::chrono::nanoseconds{0};    // of the windows that are full
    for (auto const& each : windows_)
        if (!each.has(now)) left = std::max(left, each.left(now));
    auto out = [&] {
        if (left.count() > 0) return detail::rate_answer({.as = options_.hint.as, .wait = left}, "requests", azure);
        if (!fits) return detail::rate_answer(options_.hint, "requests", azure);
        if (!pays) return detail::rate_answer(options_.hint, "tokens", azure);
        for (auto& each : windows_) each.take(now);
        requests_.take(1);
        tokens_.take(cost);
        ++granted_;
        into.due = now + latency();
        return made(nullptr);
    }();
    out.headers += limit_lines();
    return out;
}

inline std::string responder::limit_lines() const {
    std::string out;
    auto const one = [&](std::string_view what, detail::token_bucket const& bucket, std::chrono::nanoseconds per) {
        if (!bucket.is_limit()) return;
        auto const limit = std::llround(bucket.rate() * std::chrono::duration<double>{per}.count());
        auto const line = [&](std::string_view name, std::string const& value) {
            out.append("x-ratelimit-").append(name).append(what).append(": ").append(value).append("\r\n");
        };
        if (options_.headers == limit_headers::azure_absent) {
            line("limit-", "-1");
            line("remaining-", "0");
            return;
        }
        line("limit-", std::to_string(limit));
        line("remaining-", std::to_string(std::max(0ll, limit - std::llround(std::ceil(bucket.taken() - 1e-9)))));
        auto const full = bucket.until_full();
        line("reset-", options_.headers == limit_headers::openai ? detail::reset_text(full) : detail::whole_seconds(full));
    };
    if (options_.headers == limit_headers::none) return out;
    one("requests", requests_, options_.stated_per);
    one("tokens", tokens_, std::chrono::minutes{1});
    return out;
}

inline void responder::finish(reply& into, detail::chat_answer const& answer, bool keep_alive) const {
    into.status = answer.status;
    into.then = answer.then;
    if (answer.then == detail::after::silence || (answer.then == detail::after::reset && answer.announced == 0)) return;
    auto& text = into.text;
    text.reserve(256 + answer.headers.size() + answer.body.size());
    text.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(answer.status == 200 ? " OK" : " Refused");
    text.append("\r\nContent-Type: ").append(answer.type).append("\r\nContent-Length: ");
    text.append(std::to_string(answer.announced != 0 ? answer.announced : answer.body.size())).append("\r\n").append(answer.headers);
    if (!keep_alive || answer.then == detail::after::close) text += "Connection: close\r\n";
    text += "\r\n";
    into.filler = answer.filler;
    (answer.drips ? into.drops : text).append(answer.body);
}

inline void responder::take_due(connection& of, clock::time_point now) {
    if (!of.drops.empty() && of.next_drop <= now && of.sent == of.out.size()) {
        of.out += of.drops[of.dropped++];
        of.next_drop = now + options_.drip;
        if (of.dropped == of.drops.size()) {
            of.drops.clear();
            of.dropped = 0;
        }
    }
    while (!of.waiting.empty() && of.drops.empty() && of.filler == 0 && of.then == detail::after::keep) {
        auto& next = of.waiting.front();
        if (next.due > now || (held_ && next.is_chat)) break;
        of.then = next.then;
        if (next.then == detail::after::silence) {    // in flight for as long as the connection lasts
            of.waiting.clear();
            break;
        }
        if (of.out.empty()) of.out = std::move(next.text);
        else of.out += next.text;
        of.drops = std::move(next.drops);
        of.next_drop = now;
        of.filler = next.filler;
        if (!of.out.empty() || next.then != detail::after::reset) ++answers_[static_cast<std::size_t>(next.status) % answers_.size()];
        if (next.counts) ++next.counts->answered;
        quota_told_ = quota_told_ || next.is_quota;
        if (next.is_chat) one_less();
        of.waiting.pop_front();
    }
}

inline bool responder::send_all(connection& of) {
    for (;;) {
        if (!wire_.send(of)) return false;
        if (of.unsent() != 0 || of.filler == 0) return true;
        of.out.assign(std::min(of.filler, std::size_t{64} << 10), ' ');
        of.filler -= of.out.size();
    }
}

}  // namespace muster::llm
