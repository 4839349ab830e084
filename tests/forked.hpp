// A child process that does one thing, and how it ended.
#pragma once

#include <cerrno>        // EINTR
#include <functional>    // function
#include <ostream>       // what a test shows

#include <sys/wait.h>    // waitpid
#include <unistd.h>      // fork

/// AddressSanitizer and ThreadSanitizer keep terabytes of private memory, and call the system where a program would not.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

struct child_end {
    int code = -1;      ///< with which it exited; -1 when it did not
    int signal = 0;     ///< of which it died; 0 when it did not
    friend bool operator==(child_end const&, child_end const&) = default;
    friend std::ostream& operator<<(std::ostream& to, child_end const& what) {
        return what.signal != 0 ? to << "died of " << what.signal : to << "exited with " << what.code;
    }
};

inline child_end exits(int code) { return {code, 0}; }
inline child_end dies_of(int signal) { return {-1, signal}; }

/// Runs `work` in a child, which exits with what it returns, without destructors and handlers at its exit; 99 when it throws.
inline child_end in_child(std::function<int()> const& work) {
    auto const child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = work();
        } catch (...) {
        }
        ::_exit(code);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (WIFSIGNALED(status)) return dies_of(WTERMSIG(status));
    return exits(WEXITSTATUS(status));
}
