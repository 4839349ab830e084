#include <muster/process/detail/seccomp_filter.hpp>

#include "catch.hpp"
#include "forked.hpp"

#include <cstring>    // memcpy
#include <random>     // filters of any shape

#include <muster/process/sandbox.hpp>    // filter_for

using namespace muster;
using detail::seccomp_filter;

namespace {

std::uint32_t const allow = SECCOMP_RET_ALLOW;
std::uint32_t const refused = SECCOMP_RET_TRAP;
std::uint32_t const other = SECCOMP_RET_ERRNO | 7;

struct answer {
    std::uint32_t action = 0;
    int steps = 0;
};

// What the kernel does with a program, as far as these programs go; it refuses what leaves them.
answer run(seccomp_filter::program const& code, seccomp_data const& call) {
    unsigned char bytes[sizeof call];
    std::memcpy(bytes, &call, sizeof call);
    std::uint32_t a = 0;
    answer out;
    for (std::size_t at = 0; at < code.size(); ++at) {
        auto const& [op, if_true, if_false, k] = code[at];
        ++out.steps;
        switch (op) {
            case BPF_LD | BPF_W | BPF_ABS: std::memcpy(&a, bytes + k, 4); break;
            case BPF_ALU | BPF_AND | BPF_K: a &= k; break;
            case BPF_JMP | BPF_JA: at += k; break;
            case BPF_JMP | BPF_JEQ | BPF_K: at += a == k ? if_true : if_false; break;
            case BPF_JMP | BPF_JGE | BPF_K: at += a >= k ? if_true : if_false; break;
            case BPF_RET | BPF_K: out.action = k; return out;
            default: throw std::logic_error{"an instruction that these filters have no use for"};
        }
    }
    throw std::logic_error{"the program ended without an answer"};
}

seccomp_data call_of(std::uint32_t number, std::initializer_list<std::uint64_t> arguments = {}) {
    seccomp_data call{};
    call.nr = static_cast<int>(number);
    call.arch = seccomp_filter::architecture;
    std::size_t i = 0;
    for (auto const argument : arguments) call.args[i++] = argument;
    return call;
}

}  // namespace

TEST_CASE("seccomp_filter: every number gets its own rule, and all others theirs", "[process][seccomp_filter]") {
    std::mt19937 draw{7};
    for (int const rules : {0, 1, 2, 3, 40, 300, 900}) {
        std::map<std::uint32_t, std::uint32_t> wanted;
        seccomp_filter filter{allow, refused};
        for (int i = 0; i < rules; ++i) {
            auto const number = static_cast<std::uint32_t>(draw() % 1'000);
            auto const action = draw() % 2 ? refused : other;
            wanted[number] = action;
            filter.put(number, {action, {}, {}});
        }
        auto const code = filter.code();
        bool right = true;
        int most = 0;
        for (std::uint32_t number = 0; number < 1'100; ++number) {
            auto const [action, steps] = run(code, call_of(number));
            right = right && action == (wanted.count(number) ? wanted[number] : allow);
            most = std::max(most, steps);
        }
        INFO(rules << " rules, " << code.size() << " instructions");
        CHECK(right);
        CHECK(most <= 3 + 10 + 4 + 1);    // 2^10 parts, and a long jump here and there
        CHECK(code.size() <= BPF_MAXINSNS);
    }
}

TEST_CASE("seccomp_filter: another architecture and another ABI are refused, also where all is allowed", "[process][seccomp_filter]") {
    auto const code = seccomp_filter{allow, refused}.code();
    CHECK(run(code, call_of(1)).action == allow);
    for (std::uint32_t const number : {seccomp_filter::x32, seccomp_filter::x32 + 39, 0x8000'0000u, 0xffff'ffffu})
        CHECK(run(code, call_of(number)).action == refused);
    CHECK(run(code, call_of(seccomp_filter::x32 - 1)).action == allow);
    auto foreign = call_of(1);
    foreign.arch = AUDIT_ARCH_I386;
    CHECK(run(code, foreign).action == refused);
}

TEST_CASE("seccomp_filter: a rule with tests holds where all of them do", "[process][seccomp_filter]") {
    seccomp_filter filter{refused, refused};
    filter.put(5, {allow, {{0, {1, 2, 30}}, {3, {0x10}, 0x30}}, other});
    filter.put(6, {allow, {{2, {0}, ~0u, true}}, other});
    auto const code = filter.code();
    for (std::uint64_t const first : {1u, 2u, 30u}) {
        CHECK(run(code, call_of(5, {first, 9, 9, 0x10})).action == allow);
        CHECK(run(code, call_of(5, {first | 1ull << 40, 9, 9, 0xdf})).action == allow);    // an int's high half means nothing
        CHECK(run(code, call_of(5, {first, 9, 9, 0x30})).action == other);
        CHECK(run(code, call_of(5, {first, 9, 9, 0})).action == other);
    }
    for (std::uint64_t const first : {0u, 3u, 31u}) CHECK(run(code, call_of(5, {first, 9, 9, 0x10})).action == other);
    CHECK(run(code, call_of(6)).action == allow);
    CHECK(run(code, call_of(6, {1, 1, 1})).action == other);
    CHECK(run(code, call_of(6, {0, 0, 1ull << 32})).action == other);    // a pointer's does
    for (std::uint32_t const number : {4u, 7u}) CHECK(run(code, call_of(number)).action == refused);
}

TEST_CASE("seccomp_filter: what only computes has few instructions to go through", "[process][seccomp_filter]") {
    auto const code = detail::filter_for({.only_computing = true}, 17);
    int most = 0;
    for (std::uint32_t number = 0; number < 600; ++number) most = std::max(most, run(code, call_of(number)).steps);
    CHECK(most <= 30);
    CHECK(code.size() < 400);
    for (auto const number : detail::computing_syscalls)
        CHECK(run(code, call_of(static_cast<std::uint32_t>(number))).action == allow);
    for (long const number : {long{SYS_openat}, long{SYS_socket}, long{SYS_execve}, long{SYS_mount}, long{SYS_setns}, 600l})
        CHECK(run(code, call_of(static_cast<std::uint32_t>(number))).action == refused);
}

TEST_CASE("seccomp_filter: of clone's flags only those of a thread pass, and of processes only this one", "[process][seccomp_filter]") {
    auto const code = detail::filter_for({.only_computing = true}, 17);
    // As glibc 2.36 starts a thread.
    std::uint64_t const thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS |
                                 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    auto const of = [&](long number, std::initializer_list<std::uint64_t> arguments) {
        return run(code, call_of(static_cast<std::uint32_t>(number), arguments)).action;
    };
    CHECK(of(SYS_clone, {thread}) == allow);
    CHECK(of(SYS_clone, {thread | CLONE_NEWNET}) == refused);
    CHECK(of(SYS_clone, {thread & ~std::uint64_t{CLONE_THREAD}}) == refused);
    CHECK(of(SYS_clone, {CLONE_VM | CLONE_VFORK | SIGCHLD}) == refused);
    CHECK(of(SYS_kill, {17, 9}) == allow);
    CHECK(of(SYS_kill, {static_cast<std::uint64_t>(-1), 9}) == refused);
    CHECK(of(SYS_kill, {0, 9}) == refused);    // the process group
    CHECK(of(SYS_tgkill, {18, 18, 9}) == refused);
    CHECK(of(SYS_prlimit64, {0, 7, 0}) == allow);
    CHECK(of(SYS_prlimit64, {0, 7, 0x7fff'0000'0000}) == refused);
}

TEST_CASE("seccomp_filter: the kernel takes the largest of them", "[process][seccomp_filter][forks]") {
    if (!seccomp_filter::available()) SKIP("no seccomp");
    CHECK(in_child([] {
        seccomp_filter filter{allow, refused};
        for (long number = 600; number < 1'600; ++number) filter.put(number, {number % 2 ? refused : other, {}, {}});
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || seccomp_filter::install(filter.code()) != 0) return 1;
        if (::syscall(1'000) != -1 || errno != 7) return 2;
        return ::syscall(SYS_getpid) == ::getpid() ? 0 : 3;
    }) == exits(0));
}
