#pragma once

#include <bit>        // endian
#include <cassert>    // a jump that does not fit
#include <cerrno>     // errno
#include <cstddef>    // offsetof
#include <cstdint>    // uint32_t
#include <iterator>   // next
#include <map>        // rules by number
#include <span>       // a part of the numbers
#include <utility>    // move
#include <vector>     // instructions

#include <linux/audit.h>      // AUDIT_ARCH_...
#include <linux/filter.h>     // sock_filter
#include <linux/seccomp.h>    // seccomp_data, SECCOMP_RET_...
#include <sys/syscall.h>      // SYS_seccomp
#include <unistd.h>           // syscall

namespace muster::detail {

/// What is allowed of one argument of a system call: these values, once masked.
struct argument_test {
    unsigned index = 0;    ///< 0 to 5
    std::vector<std::uint32_t> values{};
    std::uint32_t mask = ~std::uint32_t{0};
    bool wide = false;     ///< all 64 bits count, as of a pointer; else the low half alone, as of an int
};

/// What a system call gets: `action` where all tests hold, else `otherwise`.
struct syscall_rule {
    std::uint32_t action = SECCOMP_RET_ALLOW;
    std::vector<argument_test> tests{};
    std::uint32_t otherwise = SECCOMP_RET_KILL_PROCESS;

    [[nodiscard]] bool same_as(syscall_rule const& other) const noexcept {
        return tests.empty() && other.tests.empty() && action == other.action;
    }
};

/// A seccomp filter in the making: a rule for some system calls, and one action for all others.
///
/// The program looks at the architecture first, then finds the number in a balanced tree of comparisons: no jump table exists in
/// this language, and a list would cost a hundred instructions for the last. What has no tests and lies side by side is one leaf.
///
/// Cost       some 40 ns a system call where it is always allowed (since Linux 5.11 the kernel keeps a bit map), 70 with a test.
/// Source     the kernel's Documentation/userspace-api/seccomp_filter.rst.
class seccomp_filter {
public:
    using program = std::vector<sock_filter>;

    /// Numbers of the x32 ABI, which repeat all others from here on, and other architectures get `refused`.
    static constexpr std::uint32_t x32 = 0x4000'0000;

    /// Of this machine; 0 where it has no rules here.
#if defined(__x86_64__)
    static constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
    static constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
    static constexpr std::uint32_t architecture = 0;
#endif

    seccomp_filter(std::uint32_t others, std::uint32_t refused) : others_{others, {}, {}}, refused_{refused, {}, {}} {}

    /// The last rule for a number counts.
    void put(long number, syscall_rule rule) {
        assert(number >= 0 && number < static_cast<long>(x32) - 1);
        rules_[static_cast<std::uint32_t>(number)] = std::move(rule);
    }

    [[nodiscard]] program code() const;

    /// Of all threads of the process, from now on. 0; an errno; or -1: another thread has filters of its own.
    [[nodiscard]] static int install(program code) noexcept;
    /// Whether the kernel can do what these filters ask.
    [[nodiscard]] static bool available() noexcept;

private:
    struct part {
        std::uint32_t first;    // up to the next part
        syscall_rule const* rule;
    };

    [[nodiscard]] std::vector<part> parts() const;
    static program find(std::span<part const> among);
    static program leaf(syscall_rule const& rule);
    static sock_filter step(int code, std::uint32_t value, std::size_t if_true = 0, std::size_t if_false = 0);

    std::map<std::uint32_t, syscall_rule> rules_;
    syscall_rule others_;
    syscall_rule refused_;
};

// Implementation

inline sock_filter seccomp_filter::step(int code, std::uint32_t value, std::size_t if_true, std::size_t if_false) {
    assert(if_true < 256 && if_false < 256);
    return {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(if_true), static_cast<std::uint8_t>(if_false), value};
}

inline std::vector<seccomp_filter::part> seccomp_filter::parts() const {
    std::vector<part> all;
    auto const add = [&all](std::uint32_t first, syscall_rule const& rule) {
        if (all.empty() || !all.back().rule->same_as(rule)) all.push_back({first, &rule});
    };
    if (!rules_.contains(0)) add(0, others_);
    for (auto at = rules_.begin(); at != rules_.end(); ++at) {
        add(at->first, at->second);
        auto const after = at->first + 1;
        if (auto const next = std::next(at); next == rules_.end() || next->first != after) add(after, others_);
    }
    add(x32, refused_);
    return all;
}

inline seccomp_filter::program seccomp_filter::leaf(syscall_rule const& rule) {
    static_assert(std::endian::native == std::endian::little, "muster: the low half of an argument comes first");
    // From the end: whoever passes a test falls into what follows, whoever does not meets the return in between.
    program body{step(BPF_RET | BPF_K, rule.action)};
    for (auto test = rule.tests.rbegin(); test != rule.tests.rend(); ++test) {
        auto const low = static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * std::size_t{test->index});
        program check;
        if (test->wide) {
            check.push_back(step(BPF_LD | BPF_W | BPF_ABS, low + 4));
            check.push_back(step(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0));
            check.push_back(step(BPF_RET | BPF_K, rule.otherwise));
        }
        check.push_back(step(BPF_LD | BPF_W | BPF_ABS, low));
        if (test->mask != ~std::uint32_t{0}) check.push_back(step(BPF_ALU | BPF_AND | BPF_K, test->mask));
        for (std::size_t i = 0; i < test->values.size(); ++i)
            check.push_back(step(BPF_JMP | BPF_JEQ | BPF_K, test->values[i], test->values.size() - i, 0));
        check.push_back(step(BPF_RET | BPF_K, rule.otherwise));
        body.insert(body.begin(), check.begin(), check.end());
    }
    return body;
}

inline seccomp_filter::program seccomp_filter::find(std::span<part const> among) {
    if (among.size() == 1) return leaf(*among[0].rule);
    auto const half = among.size() / 2;
    auto const below = find(among.first(half));
    auto const above = find(among.subspan(half));
    program both;
    if (below.size() < 256) {
        both.push_back(step(BPF_JMP | BPF_JGE | BPF_K, among[half].first, below.size(), 0));
    } else {    // a comparison jumps no farther than 255
        both.push_back(step(BPF_JMP | BPF_JGE | BPF_K, among[half].first, 0, 1));
        both.push_back(step(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(below.size())));
    }
    both.insert(both.end(), below.begin(), below.end());
    both.insert(both.end(), above.begin(), above.end());
    return both;
}

inline seccomp_filter::program seccomp_filter::code() const {
    program all{step(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
                step(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0),
                step(BPF_RET | BPF_K, refused_.action),
                step(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    auto const sorted = parts();
    auto const tree = find(sorted);
    all.insert(all.end(), tree.begin(), tree.end());
    assert(all.size() <= BPF_MAXINSNS);
    return all;
}

inline int seccomp_filter::install(program code) noexcept {
    sock_fprog const whole{static_cast<unsigned short>(code.size()), code.data()};
    long const result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &whole);
    return result == 0 ? 0 : result < 0 ? errno : -1;
}

inline bool seccomp_filter::available() noexcept {
    if (architecture == 0) return false;
    std::uint32_t const trap = SECCOMP_RET_TRAP;
    return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &trap) == 0;
}

}  // namespace muster::detail
