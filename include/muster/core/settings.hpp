#pragma once

#include <algorithm>      // equal
#include <array>          // names
#include <atomic>         // the values
#include <charconv>       // from_chars
#include <cstdint>        // uint64_t
#include <cstdio>         // the settings file
#include <cstdlib>        // getenv
#include <functional>     // how the environment is asked
#include <mutex>          // one reload at a time
#include <optional>       // what nobody said
#include <stdexcept>      // invalid_argument
#include <string>         // string
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // complaints

#include <muster/core/json.hpp>         // json_text
#include <muster/core/line_sink.hpp>    // line_sink_ref
#include <muster/core/width.hpp>        // width

// Four layers, the later beating the earlier: the default, the environment, the settings file, what the program said
// (`say`); and on top of them what one call says. The file stands above the environment because whoever changes a
// running process can edit a file and cannot edit its environment: with the other order, switching off while running
// would do nothing.

namespace muster {

enum class log_level : std::uint8_t { trace, debug, info, warn, error, critical, off };

[[nodiscard]] constexpr std::string_view name_of(log_level which) noexcept;

/// Some settings, said by a program or by one call; what is empty is not said.
struct settings_options {
    std::optional<std::size_t> max_workers{};     ///< 1 to 4,096
    std::optional<bool> disable_parallel{};
    std::optional<log_level> level{};
    std::optional<std::size_t> batch_size{};      ///< 1 to 1,000,000
    friend bool operator==(settings_options const&, settings_options const&) = default;
};

/// The settings as they are at one moment; a verb reads them once, so a change acts from the next call on.
struct settings_values {
    std::optional<std::size_t> max_workers{};    ///< empty: the cap of the automatic rule stands
    bool disable_parallel = false;
    log_level level = log_level::info;
    std::size_t batch_size = 100;

    [[nodiscard]] bool parallel_disabled() const noexcept { return disable_parallel; }
    /// The maximum that somebody set, else `otherwise`.
    [[nodiscard]] std::size_t workers_or(std::size_t otherwise) const noexcept {
        return max_workers.value_or(otherwise);
    }

    /// The width that these settings leave of one that was asked for.
    ///
    /// Switched off: 1. A fixed width stands, for it is the call's own word; the automatic rule takes `max_workers`
    /// as its cap.
    [[nodiscard]] width width_for(width asked = {}) const;

    friend bool operator==(settings_values const&, settings_values const&) = default;
};

/// Where settings come from.
struct settings_source {
    std::string prefix = "MUSTER";    ///< variables are `<prefix>_MAX_WORKERS` and so on; letters, digits, underscores
    std::string file{};               ///< KEY=value lines; empty: what `<prefix>_SETTINGS_FILE` names, if anything
    line_sink_ref complain{};         ///< gets one line for each value that is not used; `complaints()` has them too
    /// How the environment is asked; empty: `std::getenv`.
    std::function<std::optional<std::string>(std::string const&)> environment{};
};

/// Typed settings of one application, read from the environment and a file, and read again while it runs.
///
/// Variables  MAX_WORKERS (1 to 4,096), DISABLE_PARALLEL (1, true, yes, on; 0, false, no, off; any case), LOG_LEVEL
///            (trace, debug, info, warn, error, critical, off), BATCH_SIZE (1 to 1,000,000), SETTINGS_FILE; each
///            behind the prefix.
/// Default    no maximum but the automatic rule's, parallel, info, 100.
/// Fails      a value that breaks its rule is said to `complain` and not used: the layer below it, in the end the
///            default, stands.
/// Throws     std::invalid_argument for a prefix that no variable can have, and for options of the program that break
///            a rule.
/// Threads    any number at once; `snapshot()` takes no lock, and its values are of one moment.
class settings {
public:
    explicit settings(settings_source from = {});
    settings(settings const&) = delete;
    settings& operator=(settings const&) = delete;

    /// The values of this moment; what the call says itself beats them.
    [[nodiscard]] settings_values snapshot(settings_options const& call = {}) const;

    /// Reads environment and file again. For SIGHUP, or whenever the application likes.
    void reload();

    /// What the program says: beats environment and file until it is said anew; `say({})` takes it back.
    void say(settings_options options);

    /// What was wrong at the last reload; empty when nothing was.
    [[nodiscard]] std::vector<std::string> complaints() const;

private:
    static void check(settings_options const& options);
    static std::uint64_t packed(settings_values const& values) noexcept;
    static settings_values unpacked(std::uint64_t bits) noexcept;
    static void apply(settings_values& to, settings_options const& from);
    void publish();
    std::vector<std::string> read_again();    // gives what it complains of
    std::optional<std::string> ask(std::string const& name) const;
    void read_file(std::string const& path, settings_options& into);
    void read(std::string_view where, std::string_view name, std::string_view value, settings_options& into);

    settings_source source_;
    mutable std::mutex mutex_;                  // guards what follows, but not `values_`
    settings_options read_, said_;
    std::vector<std::string> complaints_;
    std::atomic<std::uint64_t> values_{0};      // all four in one word: a reader never sees half of a reload
};

// Implementation

namespace detail {
inline constexpr std::array<std::string_view, 7> log_level_names{
    "trace", "debug", "info", "warn", "error", "critical", "off"};

inline bool same_word(std::string_view a, std::string_view lower) {
    auto const same = [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y; };
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), same);
}

inline std::optional<std::size_t> whole_number(std::string_view text, std::size_t most) {
    std::size_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 1 || number > most) return std::nullopt;
    return number;
}

inline std::optional<bool> yes_or_no(std::string_view text) {
    for (std::string_view const yes : {"1", "true", "yes", "on"})
        if (same_word(text, yes)) return true;
    for (std::string_view const no : {"0", "false", "no", "off"})
        if (same_word(text, no)) return false;
    return std::nullopt;
}

inline std::optional<log_level> level_named(std::string_view text) {
    for (std::size_t i = 0; i < log_level_names.size(); ++i)
        if (same_word(text, log_level_names[i])) return static_cast<log_level>(i);
    return std::nullopt;
}

inline std::string_view trimmed(std::string_view text) {
    auto const first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

inline constexpr std::size_t most_workers = 4'096;
inline constexpr std::size_t largest_batch = 1'000'000;
}  // namespace detail

constexpr std::string_view name_of(log_level which) noexcept {
    auto const at = static_cast<std::size_t>(which);
    return at < detail::log_level_names.size() ? detail::log_level_names[at] : "unknown level";
}

inline width settings_values::width_for(width asked) const {
    if (disable_parallel) return 1;
    if (asked.fixed() || !max_workers) return asked;
    auto rule = asked.rule();
    rule.cap = *max_workers;
    return rule;
}

inline settings::settings(settings_source from) : source_(std::move(from)) {
    constexpr auto fits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    if (source_.prefix.empty() || source_.prefix.find_first_not_of(fits) != std::string::npos)
        throw std::invalid_argument{"muster: a settings prefix is of letters, digits and underscores, not " +
                                    json_text(source_.prefix)};
    reload();
}

inline settings_values settings::snapshot(settings_options const& call) const {
    check(call);
    auto values = unpacked(values_.load(std::memory_order_relaxed));    // one word, and nothing hangs on it
    apply(values, call);
    return values;
}

inline void settings::reload() {
    for (auto const& line : read_again()) source_.complain.put(line);    // outside the lock: a sink may ask for settings
}

inline std::vector<std::string> settings::read_again() {
    std::lock_guard lock(mutex_);
    complaints_.clear();
    settings_options fresh;
    for (std::string_view const name : {"MAX_WORKERS", "DISABLE_PARALLEL", "LOG_LEVEL", "BATCH_SIZE"}) {
        auto const full = source_.prefix + '_' + std::string{name};
        if (auto const value = ask(full)) read("", full, *value, fresh);
    }
    auto path = source_.file;
    if (path.empty())
        if (auto const named = ask(source_.prefix + "_SETTINGS_FILE")) path = *named;
    if (!path.empty()) read_file(path, fresh);
    read_ = fresh;
    publish();
    return complaints_;
}

inline void settings::say(settings_options options) {
    check(options);
    std::lock_guard lock(mutex_);
    said_ = options;
    publish();
}

inline std::vector<std::string> settings::complaints() const {
    std::lock_guard lock(mutex_);
    return complaints_;
}

inline void settings::check(settings_options const& options) {
    auto const refuse = [](char const* what, std::size_t value, std::size_t most) {
        if (value < 1 || value > most)
            throw std::invalid_argument{std::string{"muster: "} + what + " is from 1 to " + std::to_string(most) +
                                        ", not " + std::to_string(value)};
    };
    refuse("max_workers", options.max_workers.value_or(1), detail::most_workers);
    refuse("batch_size", options.batch_size.value_or(1), detail::largest_batch);
}

inline std::uint64_t settings::packed(settings_values const& values) noexcept {
    return std::uint64_t{values.max_workers.value_or(0)} | std::uint64_t{values.disable_parallel} << 16 |
           static_cast<std::uint64_t>(values.level) << 24 | std::uint64_t{values.batch_size} << 32;
}

inline settings_values settings::unpacked(std::uint64_t bits) noexcept {
    settings_values values;
    if (auto const workers = bits & 0xffff; workers != 0) values.max_workers = static_cast<std::size_t>(workers);
    values.disable_parallel = (bits >> 16 & 1) != 0;
    values.level = static_cast<log_level>(bits >> 24 & 0xff);
    values.batch_size = static_cast<std::size_t>(bits >> 32);
    return values;
}

inline void settings::apply(settings_values& to, settings_options const& from) {
    if (from.max_workers) to.max_workers = from.max_workers;
    if (from.disable_parallel) to.disable_parallel = *from.disable_parallel;
    if (from.level) to.level = *from.level;
    if (from.batch_size) to.batch_size = *from.batch_size;
}

inline void settings::publish() {
    settings_values values;
    apply(values, read_);
    apply(values, said_);
    values_.store(packed(values), std::memory_order_relaxed);    // one word, and nothing hangs on it
}

inline std::optional<std::string> settings::ask(std::string const& name) const {
    if (source_.environment) return source_.environment(name);
    if (char const* const value = std::getenv(name.c_str())) return std::string{value};
    return std::nullopt;
}

inline void settings::read_file(std::string const& path, settings_options& into) {
    std::string content;
    auto const complain = [&](std::string_view why) {
        complaints_.push_back("muster: the settings file " + json_text(path) + ' ' + std::string{why});
    };
    if (auto* const file = std::fopen(path.c_str(), "rb")) {
        char block[4096];
        constexpr std::size_t most = 1u << 20;    // no settings file is longer; a wrong name may be an endless device
        for (std::size_t n = 1; n != 0 && content.size() <= most;) {
            n = std::fread(block, 1, sizeof block, file);
            content.append(block, n);
        }
        bool const failed = std::ferror(file) != 0;
        std::fclose(file);
        if (failed) return complain("cannot be read, and is not used");
        if (content.size() > most) return complain("is longer than 1 MiB, and is not used");
    } else {
        return complain("cannot be opened, and is not used");
    }
    std::size_t number = 0;
    for (std::string_view rest = content; !rest.empty();) {
        auto const end = rest.find('\n');
        auto const line = detail::trimmed(rest.substr(0, end));
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        ++number;
        if (line.empty() || line.front() == '#') continue;
        auto const where = path + ':' + std::to_string(number) + ": ";
        auto const equals = line.find('=');
        if (equals == std::string_view::npos) {
            complaints_.push_back("muster: " + where + json_text(line.substr(0, 100)) +
                                  " is no KEY=value line, and is not used");
            continue;
        }
        auto value = detail::trimmed(line.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
        read(where, detail::trimmed(line.substr(0, equals)), value, into);
    }
}

inline void settings::read(std::string_view where, std::string_view name, std::string_view value,
                           settings_options& into) {
    std::string_view rule;
    auto const take = [&](auto& to, auto read, std::string_view wanted) {
        if (read) to = std::move(read);
        else rule = wanted;
    };
    auto key = name;
    bool const ours = key.substr(0, source_.prefix.size()) == source_.prefix;
    key.remove_prefix(ours ? source_.prefix.size() : 0);
    if (ours && key == "_MAX_WORKERS")
        take(into.max_workers, detail::whole_number(value, detail::most_workers), "a whole number from 1 to 4096");
    else if (ours && key == "_DISABLE_PARALLEL")
        take(into.disable_parallel, detail::yes_or_no(value), "1, true, yes or on, or 0, false, no or off");
    else if (ours && key == "_LOG_LEVEL")
        take(into.level, detail::level_named(value), "trace, debug, info, warn, error, critical or off");
    else if (ours && key == "_BATCH_SIZE")
        take(into.batch_size, detail::whole_number(value, detail::largest_batch), "a whole number from 1 to 1000000");
    else {
        complaints_.push_back("muster: " + std::string{where} + json_text(name.substr(0, 100)) +
                              " is no setting, and is not used");
        return;
    }
    if (!rule.empty())
        complaints_.push_back("muster: " + std::string{where} + std::string{name} + '=' +
                              json_text(value.substr(0, 100)) + " is not used; it takes " + std::string{rule});
}

}  // namespace muster
