#pragma once

#include <chrono>              // grace
#include <cstddef>             // size_t
#include <cstdlib>             // getenv
#include <initializer_list>    // names
#include <optional>            // input
#include <string>              // program
#include <string_view>         // names
#include <utility>             // move
#include <vector>              // args

namespace muster {

/// A program to run: its name, its arguments one by one, and everything that it may see of us. Never a shell.
///
/// An argument reaches the program byte for byte: blanks, quotes, `$` and `;` mean nothing on the way. What a program
/// itself makes of an argument that starts with `-` is its own affair: put "--" in front where it understands that.
///
/// Default    no arguments, no input, our directory, an environment of PATH (ours) and LANG=C.
struct command {
    /// Without a slash it is looked up in our PATH; a relative path counts from `directory`.
    std::string program;
    std::vector<std::string> args{};
    /// "NAME=value" for each variable. What is not listed is not there.
    std::vector<std::string> environment = with_ours({"PATH"}, {"LANG=C"});
    /// What the program reads from its standard input; none: nothing, as from /dev/null.
    std::optional<std::string> input{};
    /// Empty: ours.
    std::string directory{};
    /// The most bytes that standard output may bring, and standard error. 64 MiB: more than a text for people has, less than
    /// hurts when eight run at once.
    std::size_t output_cap = std::size_t{64} << 20;
    /// From asking to end (TERM) to ending (KILL); also how long a descendant may keep the output open after the program ended.
    std::chrono::nanoseconds grace = std::chrono::milliseconds{100};
    /// True: every exit code is a result. False: a code other than 0 is a failure.
    bool any_exit = false;

    friend bool operator==(command const&, command const&) = default;

    /// Variables of ours by name, those that are set, and others behind them: `with_ours({"PATH", "HOME"}, {"LANG=C"})`.
    /// Threads: as getenv, beside any number of itself, but not beside a setenv.
    [[nodiscard]] static std::vector<std::string> with_ours(std::initializer_list<std::string_view> names,
                                                            std::vector<std::string> others = {});
};

// Implementation

inline std::vector<std::string> command::with_ours(std::initializer_list<std::string_view> names, std::vector<std::string> others) {
    std::vector<std::string> out;
    out.reserve(names.size() + others.size());
    for (auto const name : names) {
        std::string entry{name};
        if (char const* const value = std::getenv(entry.c_str())) out.push_back(std::move(entry.append(1, '=').append(value)));
    }
    for (auto& other : others) out.push_back(std::move(other));
    return out;
}

}  // namespace muster
