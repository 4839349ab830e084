// What the programs here do alike with their command lines. A wrong one ends 2, after a line that names what is wrong with it.
#pragma once

#include <cerrno>      // program_invocation_short_name
#include <cstdio>      // stderr
#include <cstdlib>     // exit
#include <string>      // what is wrong

#include <CLI/CLI.hpp>    // the command line

#include <muster/core/parse_width.hpp>    // parse_width

constexpr int usage = 2;

[[noreturn]] inline void refuse(std::string const& why) {
    std::fprintf(stderr, "%s: %s\n", ::program_invocation_short_name, why.c_str());
    std::exit(usage);
}

// Reads what `app` was told of, or shows its help and ends 0.
inline void parse(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
    } catch (CLI::CallForHelp const& asked) {
        std::exit(app.exit(asked));
    } catch (CLI::ParseError const& wrong) {
        app.exit(wrong);
        std::exit(usage);
    }
}

inline muster::width width_of(std::string const& option, std::string const& text, muster::automatic rule = {}) {
    auto const made = muster::parse_width(text, rule);
    if (!made) refuse(option + ' ' + made.error().text());
    return *made;
}
