#pragma once

#include <string_view>    // names

#include <sys/syscall.h>    // numbers

namespace muster {

/// The name of a system call by its number on this machine's architecture, for messages: "connect". Those that a sandbox may
/// refuse, and the common ones; empty for others.
[[nodiscard]] constexpr std::string_view name_of_syscall(long number) noexcept;

// Implementation

namespace detail {

struct named_syscall {
    long number;
    std::string_view name;
};

inline constexpr named_syscall named_syscalls[]{
    {SYS_read, "read"}, {SYS_write, "write"}, {SYS_readv, "readv"}, {SYS_writev, "writev"}, {SYS_pread64, "pread64"},
    {SYS_pwrite64, "pwrite64"}, {SYS_close, "close"}, {SYS_fstat, "fstat"}, {SYS_newfstatat, "newfstatat"},
    {SYS_lseek, "lseek"}, {SYS_mmap, "mmap"}, {SYS_munmap, "munmap"}, {SYS_mprotect, "mprotect"}, {SYS_brk, "brk"},
    {SYS_mremap, "mremap"}, {SYS_madvise, "madvise"}, {SYS_futex, "futex"}, {SYS_socket, "socket"},
    {SYS_socketpair, "socketpair"}, {SYS_connect, "connect"}, {SYS_bind, "bind"}, {SYS_listen, "listen"},
    {SYS_accept, "accept"}, {SYS_accept4, "accept4"}, {SYS_sendto, "sendto"}, {SYS_sendmsg, "sendmsg"},
    {SYS_sendmmsg, "sendmmsg"}, {SYS_recvfrom, "recvfrom"}, {SYS_recvmsg, "recvmsg"}, {SYS_recvmmsg, "recvmmsg"},
    {SYS_shutdown, "shutdown"}, {SYS_getsockname, "getsockname"}, {SYS_getpeername, "getpeername"},
    {SYS_setsockopt, "setsockopt"}, {SYS_getsockopt, "getsockopt"}, {SYS_execve, "execve"}, {SYS_execveat, "execveat"},
    {SYS_clone, "clone"}, {SYS_clone3, "clone3"}, {SYS_wait4, "wait4"}, {SYS_waitid, "waitid"}, {SYS_kill, "kill"},
    {SYS_tkill, "tkill"}, {SYS_tgkill, "tgkill"}, {SYS_rt_sigqueueinfo, "rt_sigqueueinfo"},
    {SYS_rt_tgsigqueueinfo, "rt_tgsigqueueinfo"}, {SYS_pidfd_open, "pidfd_open"}, {SYS_pidfd_getfd, "pidfd_getfd"},
    {SYS_pidfd_send_signal, "pidfd_send_signal"}, {SYS_openat, "openat"}, {SYS_openat2, "openat2"}, {SYS_statx, "statx"},
    {SYS_faccessat, "faccessat"}, {SYS_faccessat2, "faccessat2"}, {SYS_readlinkat, "readlinkat"},
    {SYS_getdents64, "getdents64"}, {SYS_getcwd, "getcwd"}, {SYS_chdir, "chdir"}, {SYS_fchdir, "fchdir"},
    {SYS_fchmod, "fchmod"}, {SYS_fchmodat, "fchmodat"}, {SYS_fchown, "fchown"}, {SYS_fchownat, "fchownat"},
    {SYS_utimensat, "utimensat"}, {SYS_truncate, "truncate"}, {SYS_ftruncate, "ftruncate"}, {SYS_fallocate, "fallocate"},
    {SYS_mkdirat, "mkdirat"}, {SYS_mknodat, "mknodat"}, {SYS_unlinkat, "unlinkat"}, {SYS_symlinkat, "symlinkat"},
    {SYS_linkat, "linkat"}, {SYS_renameat2, "renameat2"}, {SYS_statfs, "statfs"}, {SYS_fstatfs, "fstatfs"},
    {SYS_umask, "umask"}, {SYS_ioctl, "ioctl"}, {SYS_fcntl, "fcntl"}, {SYS_flock, "flock"}, {SYS_fsync, "fsync"},
    {SYS_fdatasync, "fdatasync"}, {SYS_sync, "sync"}, {SYS_setxattr, "setxattr"}, {SYS_lsetxattr, "lsetxattr"},
    {SYS_fsetxattr, "fsetxattr"}, {SYS_getxattr, "getxattr"}, {SYS_lgetxattr, "lgetxattr"}, {SYS_fgetxattr, "fgetxattr"},
    {SYS_inotify_init1, "inotify_init1"}, {SYS_fanotify_init, "fanotify_init"}, {SYS_name_to_handle_at, "name_to_handle_at"},
    {SYS_open_by_handle_at, "open_by_handle_at"}, {SYS_dup, "dup"}, {SYS_dup3, "dup3"}, {SYS_pipe2, "pipe2"},
    {SYS_eventfd2, "eventfd2"}, {SYS_signalfd4, "signalfd4"}, {SYS_epoll_create1, "epoll_create1"},
    {SYS_epoll_ctl, "epoll_ctl"}, {SYS_epoll_pwait, "epoll_pwait"}, {SYS_ppoll, "ppoll"}, {SYS_pselect6, "pselect6"},
    {SYS_memfd_create, "memfd_create"}, {SYS_memfd_secret, "memfd_secret"}, {SYS_userfaultfd, "userfaultfd"},
    {SYS_sendfile, "sendfile"}, {SYS_splice, "splice"}, {SYS_tee, "tee"}, {SYS_vmsplice, "vmsplice"},
    {SYS_copy_file_range, "copy_file_range"}, {SYS_ptrace, "ptrace"}, {SYS_process_vm_readv, "process_vm_readv"},
    {SYS_process_vm_writev, "process_vm_writev"}, {SYS_kcmp, "kcmp"}, {SYS_prctl, "prctl"}, {SYS_seccomp, "seccomp"},
    {SYS_landlock_create_ruleset, "landlock_create_ruleset"}, {SYS_landlock_add_rule, "landlock_add_rule"},
    {SYS_landlock_restrict_self, "landlock_restrict_self"}, {SYS_io_uring_setup, "io_uring_setup"},
    {SYS_io_uring_enter, "io_uring_enter"}, {SYS_io_uring_register, "io_uring_register"}, {SYS_bpf, "bpf"},
    {SYS_perf_event_open, "perf_event_open"}, {SYS_io_setup, "io_setup"}, {SYS_setuid, "setuid"}, {SYS_setgid, "setgid"},
    {SYS_setreuid, "setreuid"}, {SYS_setregid, "setregid"}, {SYS_setresuid, "setresuid"}, {SYS_setresgid, "setresgid"},
    {SYS_setgroups, "setgroups"}, {SYS_setpgid, "setpgid"}, {SYS_setsid, "setsid"}, {SYS_setns, "setns"},
    {SYS_unshare, "unshare"}, {SYS_capset, "capset"}, {SYS_prlimit64, "prlimit64"}, {SYS_setrlimit, "setrlimit"},
    {SYS_setpriority, "setpriority"}, {SYS_sched_setaffinity, "sched_setaffinity"},
    {SYS_sched_setscheduler, "sched_setscheduler"}, {SYS_sched_setattr, "sched_setattr"}, {SYS_personality, "personality"},
    {SYS_shmget, "shmget"}, {SYS_shmat, "shmat"}, {SYS_shmctl, "shmctl"}, {SYS_semget, "semget"}, {SYS_semop, "semop"},
    {SYS_msgget, "msgget"}, {SYS_msgsnd, "msgsnd"}, {SYS_mq_open, "mq_open"}, {SYS_keyctl, "keyctl"}, {SYS_add_key, "add_key"},
    {SYS_request_key, "request_key"}, {SYS_mount, "mount"}, {SYS_umount2, "umount2"}, {SYS_pivot_root, "pivot_root"},
    {SYS_chroot, "chroot"}, {SYS_open_tree, "open_tree"}, {SYS_move_mount, "move_mount"}, {SYS_fsopen, "fsopen"},
    {SYS_swapon, "swapon"}, {SYS_swapoff, "swapoff"}, {SYS_reboot, "reboot"}, {SYS_sethostname, "sethostname"},
    {SYS_init_module, "init_module"}, {SYS_finit_module, "finit_module"}, {SYS_delete_module, "delete_module"},
    {SYS_kexec_load, "kexec_load"}, {SYS_syslog, "syslog"}, {SYS_acct, "acct"}, {SYS_quotactl, "quotactl"},
    {SYS_settimeofday, "settimeofday"}, {SYS_clock_settime, "clock_settime"}, {SYS_adjtimex, "adjtimex"},
#ifdef __x86_64__    // what newer architectures no longer have
    {SYS_open, "open"}, {SYS_creat, "creat"}, {SYS_fork, "fork"}, {SYS_vfork, "vfork"}, {SYS_stat, "stat"},
    {SYS_lstat, "lstat"}, {SYS_access, "access"}, {SYS_readlink, "readlink"}, {SYS_getdents, "getdents"}, {SYS_chmod, "chmod"},
    {SYS_chown, "chown"}, {SYS_lchown, "lchown"}, {SYS_utime, "utime"}, {SYS_utimes, "utimes"}, {SYS_futimesat, "futimesat"},
    {SYS_mkdir, "mkdir"}, {SYS_mknod, "mknod"}, {SYS_unlink, "unlink"}, {SYS_rmdir, "rmdir"}, {SYS_symlink, "symlink"},
    {SYS_link, "link"}, {SYS_rename, "rename"}, {SYS_renameat, "renameat"}, {SYS_dup2, "dup2"}, {SYS_pipe, "pipe"},
    {SYS_eventfd, "eventfd"}, {SYS_signalfd, "signalfd"}, {SYS_epoll_create, "epoll_create"}, {SYS_epoll_wait, "epoll_wait"},
    {SYS_poll, "poll"}, {SYS_select, "select"}, {SYS_inotify_init, "inotify_init"}, {SYS_uselib, "uselib"},
    {SYS_ustat, "ustat"}, {SYS_iopl, "iopl"}, {SYS_ioperm, "ioperm"}, {SYS_modify_ldt, "modify_ldt"},
    {SYS_arch_prctl, "arch_prctl"},
#endif
};

}  // namespace detail

constexpr std::string_view name_of_syscall(long number) noexcept {
    for (auto const& each : detail::named_syscalls)
        if (each.number == number) return each.name;
    return {};
}

}  // namespace muster
