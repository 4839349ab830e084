#pragma once

#include <cerrno>     // EPERM
#include <cstdint>    // uint32_t
#include <utility>    // move
#include <vector>     // tests

#include <fcntl.h>           // F_...
#include <sched.h>           // CLONE_...
#include <sys/ioctl.h>       // TCGETS
#include <sys/prctl.h>       // PR_...
#include <sys/syscall.h>     // numbers

#include <muster/process/detail/seccomp_filter.hpp>    // seccomp_filter

namespace muster::detail {

/// What any of the lists below would be worth nothing without: to act through another process, or through a ring of requests that
/// the kernel carries out itself.
inline constexpr long detours[]{SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd,
                                SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register};

/// To make a socket, or to reach somebody with one. Sockets that are open go on sending and receiving.
inline constexpr long network_syscalls[]{SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4};

/// To become another program.
inline constexpr long program_syscalls[]{SYS_execve, SYS_execveat};

/// What computes, with the memory and the descriptors that are there, and harms nobody whatever its arguments are.
inline constexpr long computing_syscalls[]{
    // memory
    SYS_brk, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_mincore, SYS_msync, SYS_mlock, SYS_mlock2, SYS_munlock,
    SYS_membarrier, SYS_mbind, SYS_get_mempolicy, SYS_set_mempolicy, SYS_pkey_alloc, SYS_pkey_free, SYS_pkey_mprotect,
    // threads among themselves
    SYS_futex, SYS_futex_waitv, SYS_set_robust_list, SYS_rseq, SYS_set_tid_address, SYS_sched_yield,
    SYS_sched_getaffinity, SYS_sched_getparam, SYS_sched_getscheduler, SYS_sched_get_priority_max, SYS_sched_get_priority_min,
    SYS_getcpu,
    // descriptors that are open, and new ones that lead nowhere else
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_preadv2, SYS_pwritev2,
    SYS_close, SYS_close_range, SYS_lseek, SYS_fstat, SYS_fsync, SYS_fdatasync, SYS_fallocate, SYS_ftruncate, SYS_fadvise64, SYS_flock,
    SYS_dup, SYS_dup3, SYS_pipe2, SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_ppoll, SYS_pselect6,
    SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_recvfrom, SYS_recvmsg,
    // fstat as most C libraries call it. The path is beyond a filter: the attributes of any file can be asked, as localtime does.
    SYS_newfstatat,
    // time
    SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_times, SYS_getitimer, SYS_setitimer,
    SYS_timer_create, SYS_timer_settime, SYS_timer_gettime, SYS_timer_getoverrun, SYS_timer_delete,
    // signals of its own
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_sigaltstack,
    SYS_signalfd4, SYS_restart_syscall,
    // who it is, what it has used, chance
    SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrusage, SYS_uname, SYS_sysinfo,
    SYS_getrandom,
    // to allow itself less: a ruleset can only name what is open
    SYS_landlock_create_ruleset, SYS_landlock_add_rule, SYS_landlock_restrict_self,
    // the end
    SYS_exit, SYS_exit_group,
#ifdef __x86_64__    // the names from before, and what is this architecture's own: vector registers that are asked for
    SYS_dup2, SYS_pipe, SYS_poll, SYS_select, SYS_epoll_wait, SYS_eventfd, SYS_time, SYS_pause, SYS_alarm, SYS_getrlimit, SYS_arch_prctl,
#endif
};

/// Puts down what only computing needs; `refused` is what everything else gets. `self` is the process that the filter is for.
inline void allow_computing(seccomp_filter& filter, std::uint32_t refused, std::uint32_t self, bool threads) {
    auto const error = [](int number) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number); };
    auto const where = [&](long number, std::vector<argument_test> tests) {
        filter.put(number, {SECCOMP_RET_ALLOW, std::move(tests), refused});
    };
    for (auto const number : computing_syscalls) filter.put(number, {SECCOMP_RET_ALLOW, {}, {}});

    // A filter cannot look into clone3's structure: told that there is none, the C library asks clone, whose flags are an argument.
    filter.put(SYS_clone3, {error(ENOSYS), {}, {}});
    if (threads) {
        std::uint32_t const thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
        std::uint32_t const never = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                    CLONE_NEWNET | CLONE_PTRACE;
        where(SYS_clone, {{0, {thread}, thread | never}});
    }
    where(SYS_tgkill, {{0, {self}}});    // abort, raise
    where(SYS_kill, {{0, {self}}});
    where(SYS_sched_setaffinity, {{0, {0, self}}});
    where(SYS_prlimit64, {{0, {0, self}}, {2, {0}, ~std::uint32_t{0}, true}});    // to ask, not to change
    where(SYS_sendto, {{4, {0}, ~std::uint32_t{0}, true}});                       // send: no address
    where(SYS_fcntl, {{1, {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK,
                           F_OFD_SETLK, F_OFD_SETLKW, F_ADD_SEALS, F_GET_SEALS}}});
    where(SYS_ioctl, {{1, {TCGETS, FIONREAD, FIONBIO, FIOCLEX}}});    // TCGETS: stdio asks whether it writes to a terminal
    where(SYS_seccomp, {{0, {SECCOMP_SET_MODE_FILTER, SECCOMP_GET_ACTION_AVAIL}}});    // to allow itself less
    // Names of threads, and to allow itself less. Libraries try the others and live without: no reason to end a process.
    filter.put(SYS_prctl, {SECCOMP_RET_ALLOW,
                           {{0, {PR_SET_NAME, PR_GET_NAME, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS}}},
                           error(EPERM)});
}

}  // namespace muster::detail
