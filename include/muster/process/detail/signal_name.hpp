#pragma once

#include <csignal>        // the numbers
#include <string>         // text
#include <string_view>    // names

namespace muster::detail {

constexpr std::string_view name_of_signal(int number) noexcept {
    switch (number) {
        case SIGHUP: return "SIGHUP";
        case SIGINT: return "SIGINT";
        case SIGQUIT: return "SIGQUIT";
        case SIGILL: return "SIGILL";
        case SIGTRAP: return "SIGTRAP";
        case SIGABRT: return "SIGABRT";
        case SIGBUS: return "SIGBUS";
        case SIGFPE: return "SIGFPE";
        case SIGKILL: return "SIGKILL";
        case SIGSEGV: return "SIGSEGV";
        case SIGPIPE: return "SIGPIPE";
        case SIGALRM: return "SIGALRM";
        case SIGTERM: return "SIGTERM";
        case SIGSTOP: return "SIGSTOP";
        case SIGXCPU: return "SIGXCPU";
        case SIGXFSZ: return "SIGXFSZ";
        case SIGSYS: return "SIGSYS";
        default: return "a signal";
    }
}

/// "signal 11 (SIGSEGV)"
inline std::string signal_text(int number) { return "signal " + std::to_string(number) + " (" + std::string{name_of_signal(number)} + ')'; }

}  // namespace muster::detail
