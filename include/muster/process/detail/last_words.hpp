#pragma once

#include <array>      // signals
#include <atomic>     // what is said
#include <csignal>    // sigaction
#include <cstddef>    // byte
#include <cstdint>    // uint64_t
#include <cstring>    // memset
#include <ctime>      // nanosleep

#include <signal.h>          // sigaltstack
#include <sys/eventfd.h>     // eventfd_write
#include <sys/ucontext.h>    // where the stack was

#include <muster/os/futex.hpp>                  // futex_wake
#include <muster/process/detail/channel.hpp>    // last_words

// What a dying worker leaves for its program: which signal, at which address, which system call. A handler on a stack of its own
// notes it and lets the signal do its work: the process ends as it would have without it.

namespace muster::detail {

class notes_of_death {
public:
    /// From now on, for this process. `into` stays for its life. Who waits for an answer at `word`, and whoever hears `bell`, is woken at
    /// once: the end itself takes the kernel some 0.2 ms.
    static void take(last_words& into, std::atomic<std::uint32_t>& word, int bell) noexcept {
        asleep().store(&word);
        rings().store(bell);
        where().store(&into);
        static std::byte stack[16 << 10];    // a stack that has overflown is no place for a handler
        std::memset(stack, 0, sizeof stack);    // now: its pages are there when it is needed
        stack_t other{};
        other.ss_sp = stack;
        other.ss_size = sizeof stack;
        ::sigaltstack(&other, nullptr);
        struct sigaction mine {};
        mine.sa_sigaction = &note;
        mine.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
        ::sigemptyset(&mine.sa_mask);
        for (int const number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGXCPU, SIGXFSZ}) ::sigaction(number, &mine, nullptr);
    }

private:
    static std::atomic<last_words*>& where() noexcept {
        static constinit std::atomic<last_words*> it{nullptr};
        return it;
    }
    static std::atomic<std::atomic<std::uint32_t>*>& asleep() noexcept {
        static constinit std::atomic<std::atomic<std::uint32_t>*> it{nullptr};
        return it;
    }
    static std::atomic<int>& rings() noexcept {
        static constinit std::atomic<int> it{-1};
        return it;
    }
    static void note(int number, siginfo_t* info, void* machine) noexcept {
        if (auto* const into = where().load()) {
            into->signal = number;
            into->code = info->si_code;
            if (number == SIGSYS) into->syscall = info->si_syscall;
            else into->address = reinterpret_cast<std::uint64_t>(info->si_addr);
#if defined(__x86_64__)
            into->stack = static_cast<std::uint64_t>(static_cast<ucontext_t const*>(machine)->uc_mcontext.gregs[REG_RSP]);
#elif defined(__aarch64__)
            into->stack = static_cast<ucontext_t const*>(machine)->uc_mcontext.sp;
#else
            (void)machine;
#endif
            into->said.store(1, std::memory_order_seq_cst);    // before the look at who sleeps, as an answer
            if (auto* const word = asleep().load()) {
                auto const how = word->exchange(0, std::memory_order_seq_cst);
                (void)futex_wake(*word, 1, futex_reach::shared);    // whatever it was: an answer may have been about to. Who was to
                // hear the bell and is missed for the same reason hears of the end, 0.5 ms later.
                if (how == 2) (void)::eventfd_write(rings().load(), 1);
            }
            // The end keeps the processor for some 0.3 ms, in the kernel. Who steps in goes first.
            timespec const moment{0, 200'000};
            (void)::nanosleep(&moment, nullptr);
        }
        ::raise(number);    // it is blocked until this returns, and then takes its default course
    }
};

}  // namespace muster::detail
