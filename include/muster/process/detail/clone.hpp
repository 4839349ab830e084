#pragma once

#include <cerrno>     // errno
#include <csignal>    // SIGCHLD
#include <cstdint>    // uintptr_t

#include <sched.h>          // CLONE_PARENT
#include <sys/prctl.h>      // PR_GET_TID_ADDRESS
#include <sys/syscall.h>    // SYS_clone
#include <sys/types.h>      // pid_t
#include <unistd.h>         // syscall

namespace muster::detail {

/// Whose child the new process is.
enum class born_to { caller, parent_of_caller };

/// fork() for a process with one thread, in two ways that fork() has not. The child's end sends no signal, so that a program that
/// waits for "any child", or ignores SIGCHLD, takes nothing away from us; and the child may be a sister: the fork server makes
/// workers that the program itself owns, reaps and takes along when it dies. (Those of a server that was started anew do send
/// SIGCHLD: the kernel resets that at an exec.)
///
/// What fork() does besides is done here: the C library's idea of the thread's number is renewed by the kernel, at the address that
/// the library has told it. Handlers of pthread_atfork are not called: with one thread there is no lock that another one holds.
///
/// `told`, where it is not null, gets the child's number from the kernel before the child runs, and also when the caller is killed
/// in the middle: in shared memory, whoever reaps the child knows it in any case.
///
/// Shape      0 in the child; -1 and errno on failure.
inline pid_t clone_process(born_to whose, int* told = nullptr) noexcept {
    int* number = nullptr;
    unsigned long flags = whose == born_to::parent_of_caller ? CLONE_PARENT : 0;
    if (told) flags |= CLONE_PARENT_SETTID;
#ifdef PR_GET_TID_ADDRESS
    if (::prctl(PR_GET_TID_ADDRESS, &number, 0, 0, 0) == 0 && number) flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
#endif
#if defined(__x86_64__)
    return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, told, number, nullptr));
#else
    return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, told, nullptr, number));
#endif
}

}  // namespace muster::detail
