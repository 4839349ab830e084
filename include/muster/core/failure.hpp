#pragma once

#include <atomic>          // the count of a shared record
#include <chrono>          // nanoseconds
#include <cstddef>         // size_t
#include <cstdint>         // uint32_t
#include <exception>       // exception_ptr
#include <optional>        // exit code, signal, retry_after
#include <string>          // text
#include <string_view>     // stage
#include <system_error>    // error_code
#include <utility>         // exchange, move
#include <vector>          // path

namespace muster {

/// What went wrong, in the fewest kinds that a caller treats differently.
///
/// A task may return its own `std::error_code` instead; its category says through `default_error_condition` which of
/// these it amounts to, and `failure::is` then answers for both.
enum class cause : std::uint8_t {
    threw = 1,       ///< the task threw; `failure::exception()` holds what
    timed_out,       ///< a deadline passed
    cancelled,       ///< somebody asked the run to stop
    rejected,        ///< a gate said no for now: full, or open
    exhausted,       ///< a budget, quota or cap is spent: trying again soon is pointless
    crashed,         ///< a process died of a signal; `failure::signal()` says which
    exited,          ///< a process ended with a code that means failure; `failure::exit_code()` says which
    out_of_memory,   ///< killed or refused for memory
    invalid_input,   ///< the item itself is wrong: no attempt can succeed
    unavailable,     ///< the other side is not there: no such program, no connection, server refused
    would_deadlock,  ///< the call would wait for itself
    wrong_shape,     ///< a batch answered with another number of results than it was given items
    forbidden,       ///< a sandbox refused what the task tried
};

}  // namespace muster

template <>
struct std::is_error_code_enum<muster::cause> : std::true_type {};

namespace muster {

/// The name of a cause as it is written here, with spaces: "timed out".
[[nodiscard]] constexpr std::string_view name_of(cause which) noexcept;

/// The category of `cause`; its name is "muster".
[[nodiscard]] std::error_category const& cause_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(cause which) noexcept {
    return {static_cast<int>(which), cause_category()};
}

/// What went wrong (said by the task) and where (stamped by the library).
///
/// Default    a failure that nobody filled in reads as `cause::cancelled`, "did not run"; so does one moved from.
/// Threads    distinct objects may be used from distinct threads, also when they share a record.
/// Cost       one pointer; a copy counts a reference, a change to a shared record copies it first.
class failure {
public:
    failure() noexcept = default;
    failure(cause which, std::string text) : failure(make_error_code(which), std::move(text)) {}
    failure(std::error_code code, std::string text);
    failure(failure const& other) noexcept;
    failure(failure&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
    failure& operator=(failure other) noexcept { std::swap(record_, other.record_); return *this; }
    ~failure();

    /// The code that the task gave; compares with `cause` and with any other error enum.
    [[nodiscard]] std::error_code code() const noexcept;
    /// True when the code is `which`, or its category maps it to `which`.
    [[nodiscard]] bool is(cause which) const noexcept;
    /// The sentence that the task gave, numbers in it.
    [[nodiscard]] std::string const& text() const noexcept;

    /// The position of the item in the range of the verb that returned this failure; 0 outside verbs.
    [[nodiscard]] std::size_t index() const noexcept;
    /// Positions from the outermost verb to the innermost.
    [[nodiscard]] std::vector<std::size_t> const& path() const noexcept;
    /// The name of the innermost named stage that failed; empty when no stage had one.
    [[nodiscard]] std::string_view stage() const noexcept;
    /// How often the task was tried; 1 without `retry`, 0 when it never ran.
    [[nodiscard]] unsigned attempts() const noexcept;

    /// How long the other side asked to be left alone; `retry` honours it.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> retry_after() const noexcept;
    [[nodiscard]] std::optional<int> exit_code() const noexcept;
    [[nodiscard]] std::optional<int> signal() const noexcept;
    /// What the task threw, or null.
    [[nodiscard]] std::exception_ptr exception() const noexcept;

    failure& retry_after(std::chrono::nanoseconds wait);
    failure& exit_code(int code);
    failure& signal(int number);
    failure& exception(std::exception_ptr thrown);
    /// Appends what a later layer knows: "; gave up: the next attempt would pass the deadline".
    failure& note(std::string_view more);

    /// For the library: says where, without overwriting what an inner layer said.
    failure& stamp(std::string_view stage, std::vector<std::size_t> path, unsigned attempts);
    /// For verbs: this failure is given for the item at `path`, so `index()` counts the items of its innermost verb. A failure
    /// that came from another item, as through a cache, is numbered anew.
    failure& leave(std::vector<std::size_t> path);

    friend bool operator==(failure const& a, failure const& b) noexcept {
        return a.code() == b.code() && a.text() == b.text();
    }

private:
    struct record;
    record& own();      // makes the record this object's alone
    void release() noexcept;

    record* record_ = nullptr;
};

/// One line for people: `stage "fetch", item 3, 4 attempts: timed out: no answer within 2 s`.
[[nodiscard]] std::string to_string(failure const& what);

// Implementation

constexpr std::string_view name_of(cause which) noexcept {
    switch (which) {
        case cause::threw: return "threw";
        case cause::timed_out: return "timed out";
        case cause::cancelled: return "cancelled";
        case cause::rejected: return "rejected";
        case cause::exhausted: return "exhausted";
        case cause::crashed: return "crashed";
        case cause::exited: return "exited";
        case cause::out_of_memory: return "out of memory";
        case cause::invalid_input: return "invalid input";
        case cause::unavailable: return "unavailable";
        case cause::would_deadlock: return "would deadlock";
        case cause::wrong_shape: return "wrong shape";
        case cause::forbidden: return "forbidden";
    }
    return "unknown cause";
}

inline std::error_category const& cause_category() noexcept {
    class category final : public std::error_category {
        char const* name() const noexcept override { return "muster"; }
        std::string message(int value) const override { return std::string{name_of(static_cast<cause>(value))}; }
    };
    static category const instance;
    return instance;
}

struct failure::record {
    std::atomic<std::uint32_t> owners{1};
    std::error_code code;
    std::string text;
    std::string stage;
    std::vector<std::size_t> path;
    std::size_t depth = 0;
    unsigned attempts = 0;
    bool knows_attempts = false;    // 0 is something that was said: it never ran
    std::optional<std::chrono::nanoseconds> retry_after;
    std::optional<int> exit_code;
    std::optional<int> signal;
    std::exception_ptr exception;

    record() = default;
    record(record const& other)
        : code(other.code), text(other.text), stage(other.stage), path(other.path), depth(other.depth),
          attempts(other.attempts), knows_attempts(other.knows_attempts), retry_after(other.retry_after),
          exit_code(other.exit_code), signal(other.signal), exception(other.exception) {}
};

inline failure::failure(std::error_code code, std::string text) : record_(new record) {
    record_->code = code;
    record_->text = std::move(text);
}

inline failure::failure(failure const& other) noexcept : record_(other.record_) {
    // relaxed: whoever copies already holds a reference, so nothing is published here
    if (record_) record_->owners.fetch_add(1, std::memory_order_relaxed);
}

inline void failure::release() noexcept {
    // acq_rel: pairs with the same decrement by other owners; the last one sees all that they wrote before it deletes
    if (record_ && record_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete record_;
}

inline failure::~failure() { release(); }

inline failure::record& failure::own() {
    if (!record_) {
        *this = failure{cause::cancelled, "did not run"};
    // acquire: pairs with the release decrement of an owner that has just let go
    } else if (record_->owners.load(std::memory_order_acquire) != 1) {
        auto* copy = new record(*record_);
        release();
        record_ = copy;
    }
    return *record_;
}

inline std::error_code failure::code() const noexcept {
    return record_ ? record_->code : make_error_code(cause::cancelled);
}

inline bool failure::is(cause which) const noexcept {
    auto const have = code();
    return have.category().equivalent(have.value(), cause_category().default_error_condition(static_cast<int>(which)));
}

inline std::string const& failure::text() const noexcept {
    static std::string const untouched{"did not run"};
    return record_ ? record_->text : untouched;
}

inline std::size_t failure::index() const noexcept {
    return record_ && record_->depth < record_->path.size() ? record_->path[record_->depth] : 0;
}

inline std::vector<std::size_t> const& failure::path() const noexcept {
    static std::vector<std::size_t> const nowhere;
    return record_ ? record_->path : nowhere;
}

inline std::string_view failure::stage() const noexcept { return record_ ? record_->stage : std::string_view{}; }
inline unsigned failure::attempts() const noexcept { return record_ ? record_->attempts : 0; }

inline std::optional<std::chrono::nanoseconds> failure::retry_after() const noexcept {
    return record_ ? record_->retry_after : std::nullopt;
}
inline std::optional<int> failure::exit_code() const noexcept { return record_ ? record_->exit_code : std::nullopt; }
inline std::optional<int> failure::signal() const noexcept { return record_ ? record_->signal : std::nullopt; }
inline std::exception_ptr failure::exception() const noexcept { return record_ ? record_->exception : nullptr; }

inline failure& failure::retry_after(std::chrono::nanoseconds wait) { own().retry_after = wait; return *this; }
inline failure& failure::exit_code(int code) { own().exit_code = code; return *this; }
inline failure& failure::signal(int number) { own().signal = number; return *this; }
inline failure& failure::exception(std::exception_ptr thrown) { own().exception = std::move(thrown); return *this; }
inline failure& failure::note(std::string_view more) { own().text += more; return *this; }

inline failure& failure::stamp(std::string_view stage, std::vector<std::size_t> path, unsigned attempts) {
    auto& mine = own();
    if (mine.stage.empty()) mine.stage = stage;
    if (mine.path.size() < path.size()) mine.path = std::move(path);
    if (!std::exchange(mine.knows_attempts, true)) mine.attempts = attempts;
    return *this;
}

inline failure& failure::leave(std::vector<std::size_t> path) {
    if (path.empty()) return *this;
    auto& mine = own();
    mine.depth = path.size() - 1;
    if (mine.path.size() <= path.size()) mine.path = std::move(path);
    else    // what is deeper stays
        for (std::size_t i = 0; i < path.size(); ++i) mine.path[i] = path[i];
    return *this;
}

inline std::string to_string(failure const& what) {
    std::string out;
    auto add = [&out](std::string_view part) { if (!out.empty()) out += ", "; out += part; };
    if (!what.stage().empty()) add("stage \"" + std::string{what.stage()} + '"');
    if (auto const& path = what.path(); !path.empty()) {
        std::string item = "item ";
        for (std::size_t i = 0; i < path.size(); ++i) {
            if (i != 0) item += '.';
            item += std::to_string(path[i]);
        }
        add(item);
    }
    if (what.attempts() > 1) add(std::to_string(what.attempts()) + " attempts");
    if (!out.empty()) out += ": ";
    out += what.code().message();
    if (!what.text().empty()) out += ": " + what.text();
    return out;
}

}  // namespace muster
