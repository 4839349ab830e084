#pragma once

#include <atomic>         // places
#include <chrono>         // nanoseconds
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <memory>         // unique_ptr
#include <span>           // answers
#include <string>         // commands
#include <utility>        // move

#include <muster/adapt/detail/redis_connection.hpp>    // redis_address, redis_answer, redis_connection
#include <muster/core/failure.hpp>                     // cause, failure
#include <muster/core/outcome.hpp>                     // outcome
#include <muster/core/waiter.hpp>                      // later

namespace muster::detail {

/// Connections that are kept between calls. There is no lock: a child that was forked while another thread held it would hang, and a
/// call would wait for calls on a server that hangs. A call that finds no connection opens one.
class redis_pool {
public:
    redis_pool(redis_address address, std::string password, std::chrono::nanoseconds timeout, std::size_t kept)
        : address_(std::move(address)), password_(std::move(password)), timeout_(timeout), kept_(kept),
          places_(std::make_unique<std::atomic<redis_connection*>[]>(kept)) {}
    redis_pool(redis_pool const&) = delete;
    redis_pool& operator=(redis_pool const&) = delete;
    ~redis_pool() {
        for (std::size_t i = 0; i < kept_; ++i) std::unique_ptr<redis_connection> const gone{places_[i].load()};
    }

    [[nodiscard]] std::string const& whom() const noexcept { return address_.text(); }

    /// Sends the commands, which may be sent twice, and reads an answer to each; all of it within the timeout.
    outcome<void> ask(std::string const& commands, std::span<redis_answer> answers, std::size_t most_bytes);

private:
    using owned = std::unique_ptr<redis_connection>;
    [[nodiscard]] owned take();
    void keep(owned it);
    [[nodiscard]] outcome<owned> open(instant until);

    redis_address const address_;
    std::string const password_;
    std::chrono::nanoseconds const timeout_;
    std::size_t const kept_;
    std::unique_ptr<std::atomic<redis_connection*>[]> const places_;
    std::atomic<std::uint64_t> era_{0};    // grows with each failure: connections that have not answered since are not used again
};

// Implementation

inline auto redis_pool::take() -> owned {
    for (std::size_t i = 0; i < kept_; ++i) {
        if (!places_[i].load()) continue;    // a look does not take the cache line from others
        owned it{places_[i].exchange(nullptr)};
        if (it && it->ours() && it->answered_in(era_.load()) && it->quiet()) return it;
    }
    return {};
}

inline void redis_pool::keep(owned it) {
    it->answers_in(era_.load());    // whatever has failed meanwhile: this one works, and a busy server is not to open others for it
    for (std::size_t i = 0; i < kept_; ++i) {
        redis_connection* nobody = nullptr;
        if (!places_[i].load() && places_[i].compare_exchange_strong(nobody, it.get())) return void(it.release());
    }
}

inline auto redis_pool::open(instant until) -> outcome<owned> {
    auto const era = era_.load();
    auto socket = address_.connect(until);
    if (!socket) return std::move(socket).error();
    auto made = std::make_unique<redis_connection>(*std::move(socket), address_.text(), era);
    if (!password_.empty()) {
        std::string command;
        put_command(command, {"AUTH", password_});
        redis_answer answer;
        if (auto const asked = made->ask(command, {&answer, 1}, 65'536, until); !asked) return asked.error();
        if (answer.is == redis_answer::kind::refusal) {
            // A server that knows no AUTH repeats what it was sent, after a colon; a failure is read by more people than a password.
            auto why = answer.text.substr(0, answer.text.find(':'));
            if (why.find(password_) != std::string::npos) why = "and repeats it";
            return failure{cause::unavailable, address_.text() + " does not take the password: " + why};
        }
    }
    return made;
}

inline outcome<void> redis_pool::ask(std::string const& commands, std::span<redis_answer> answers, std::size_t most_bytes) {
    auto const until = later(std::chrono::steady_clock::now(), timeout_);
    for (bool again = true;;) {
        auto by = take();
        bool const was_kept = by != nullptr;
        if (!by) {
            auto made = open(until);
            if (!made) {
                ++era_;
                return std::move(made).error();
            }
            by = *std::move(made);
        }
        auto done = by->ask(commands, answers, most_bytes, until);
        if (done) {
            keep(std::move(by));
            return done;
        }
        ++era_;    // what has ended this one has ended the others, or their server hangs
        if (!was_kept || !by->ended() || !again) return done;
        again = false;    // a server that is restarted, or closes what is idle, just now: nothing is wrong with it
        for (auto& each : answers) each = {};
    }
}

}  // namespace muster::detail
