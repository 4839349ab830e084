#pragma once

#include <algorithm>      // count, min
#include <array>          // lines of configuration
#include <cmath>          // log-uniform sizes, Zipf
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstdio>         // files
#include <filesystem>     // folders
#include <stdexcept>      // what cannot be written
#include <string>         // texts
#include <string_view>    // words
#include <vector>         // rules, words

#include <muster/core/bytes.hpp>                  // KiB
#include <muster/workloads/search/engine.hpp>     // line_pattern

#include "audit_lines.hpp"    // audit_lines

// What an audit is searched in: reports that collectors wrote on machines, 1 to 2 MB each, and the other text that lies on disks,
// sources, prose and logs of 1 KB to 2 MB. All of it is made from a seed: equal seeds give equal bytes, and a larger corpus of
// the same seed starts with the files of a smaller one, but for the last of each kind.

namespace bench::search {

struct corpus_options {
    std::uint64_t bytes = 500 * muster::MiB;    ///< in all; reached within one byte
    std::uint64_t seed = 7;
    double reports = 0.4;                       ///< their part of the bytes
};

struct written_corpus {
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;
    std::uint64_t lines = 0;
    friend bool operator==(written_corpus const&, written_corpus const&) = default;
};

/// Writes a corpus below a folder, which is made: reports/000/0.txt and text/000/0.c and so on, 256 files in each.
///
/// Throws     std::runtime_error where a file cannot be written, std::filesystem::filesystem_error where a folder cannot be made.
written_corpus write_corpus(std::filesystem::path const& folder, corpus_options const& options = {});

/// The patterns of audit_lines; on about one of 60 lines of a corpus some of them matches.
[[nodiscard]] std::vector<muster::searching::line_pattern> hundred_rules();

/// A pattern as part of an alternation, which ripgrep and RE2 make of many: in a group, so that (?i) ends with it, and with groups that
/// have no names, since those of all patterns would have to differ.
[[nodiscard]] std::string in_alternation(std::string_view pattern);

// Implementation

namespace detail {

// SplitMix64: a few instructions, and the same numbers everywhere, which distributions of std do not promise.
class dice {
public:
    explicit dice(std::uint64_t seed) : state_(seed) {}
    std::uint64_t operator()() {
        auto z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(((*this)() >> 32) * n >> 32); }
    bool once_in(std::size_t n) { return below(n) == 0; }
    template <class T, std::size_t N>
    T const& of(std::array<T, N> const& these) { return these[below(N)]; }

private:
    std::uint64_t state_;
};

// 4,000 words, the short ones of every day first, drawn as they are in texts: the n-th of them about 1/n as often as the first.
class vocabulary {
public:
    vocabulary() {
        constexpr std::string_view common =
            "the of and to a in is that for it as with be by on this are or from at not an if can which will all one has been have but they "
            "when use file set value name option default system may only other than same line type must first after data time no each more "
            "new number list user code given there any into these its used called function return error process order path see some such "
            "command also out size message string object then how using between version read key write state output input result where "
            "before without directory example based two following change possible support test memory note page point character next "
            "end length server create start called node index open bytes address control local current specified need address field make";
        for (std::size_t from = 0; from < common.size();) {
            auto const end = std::min(common.find(' ', from), common.size());
            words_.emplace_back(common.substr(from, end - from));
            from = end + 1;
        }
        constexpr std::array<std::string_view, 48> parts{
            "con", "ver", "ti", "re", "sta", "lo", "pro", "ma", "in", "ter", "na", "ble", "com", "pu", "te", "dis", "pa", "tion", "ex", "per", "im", "age", "sub", "let",
            "ca", "che", "min", "al", "der", "ment", "fo", "lin", "mo", "du", "le", "sig", "nal", "pre", "fix", "ac", "cess", "or", "gan", "ize", "ra", "di", "us", "ing"};
        dice roll{1};
        while (words_.size() < 4'000) {
            std::string word;
            for (auto n = 2 + roll.below(3); n > 0; --n) word += roll.of(parts);
            words_.push_back(word);
        }
        for (auto& each : drawn_) {
            auto const part = static_cast<double>(roll() >> 11) * 0x1p-53;
            each = static_cast<std::uint16_t>(std::min(std::pow(static_cast<double>(words_.size()), part), static_cast<double>(words_.size())) - 1);
        }
    }
    [[nodiscard]] std::string_view draw(dice& roll) const { return words_[drawn_[roll.below(drawn_.size())]]; }

private:
    std::vector<std::string> words_;
    std::array<std::uint16_t, 1 << 15> drawn_{};
};

inline constexpr std::array<std::string_view, 12> users{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "deploy", "backup", "svc-web"};
inline constexpr std::array<std::string_view, 8> hosts{"web-0", "db-0", "app-0", "build-0", "mail-0", "file-0", "mac-0", "log-0"};
inline constexpr std::array<std::string_view, 10> roots{"/etc/", "/usr/lib/", "/var/log/", "/opt/", "/srv/", "/home/", "/usr/share/", "/var/lib/", "/usr/bin/", "/run/"};

// Lines as they stand in collected configuration, no audit asks for them; placeholders as in audit_line.
inline constexpr std::array<std::string_view, 80> linux_lines{
    "# %w %w %w the %w of %w", "%w_%w = %n", "%w.%w.enabled = %b", "%w=%w", "export %w=%p", "    %w %p;", "[%w]", "%w:%w:%n:%n", "Listen %n", "LogLevel info", "include %p/%w.conf",
    "%D %t %h %w[%n]: %w %w %w", "%D %t %h kernel: [%n.%n] %w: %w %w", "drwxr-xr-x 2 root root 4096 Mar 23  2025 %w", "-rw-r--r-- 1 root root %n Mar 23  2025 %w.conf", "lrwxrwxrwx 1 root root 11 Mar 23  2025 %w -> %p",
    "/dev/sd%n on %p type ext4 (rw,relatime)", "%n %w %w", "proc %n %u %w %w --%w=%n", "ii  lib%w%n  %v-1  amd64  %w %w library", "ii  python3-%w  %v-2  all  %w for %w", "lib%w-%v-%n.el9.x86_64.rpm", "  inet %i/24 scope global eth0",
    "  link/ether %x brd ff:ff:ff:ff:ff:ff", "%i %h.example %h", "net.core.%w_%w = %n", "vm.%w = %n", "module %w %n 0 - Live 0x%x", "CONFIG_%w_%w=y", "# CONFIG_%w is not set", "ESTAB 0 0 %i:%n %i:%n",
    "tcp ESTAB 0 0 %i:%n %i:%n users:((\"%w\",pid=%n))", "%w.timer loaded active waiting %w %w", "  %w.socket                     static          -", "%u pts/%n %i %t", "%u   tty1   %D %t still logged in", "alias %w='%w --%w'", "MaxSessions %n",
    "if [ -f %p ]; then . %p; fi", "PATH=/usr/local/bin:/usr/bin:/bin", "SHELL=/bin/bash", "rotate %n", "compress", "missingok", "notifempty", "create 0640 root adm", "weekly", "", "}", "{", "  %w: %w", "  - %w", "    %w: %n", "timeout %n",
    "retry = %n", "driver = %w", "backend %w_%w", "upstream %w { server %i:%n; }", "proxy_pass http://%h:%n/%w/;", "gpg-key %x%x", "sha256:%x%x%x%x%x%x%x%x", "UUID=%x-%x %p xfs defaults 0 2", "%p/%w.so.%n", "%p/%w/%w.py", "%p/%w.d/%n-%w.conf",
    "Group %w", "User %u", "Description=%w %w %w", "ExecStart=%p --%w", "After=%w.target", "WantedBy=multi-user.target",
    "%D %t %h %w[%n]: %w %w the %w of %w/%w for user %u from %i port %n, %w %w %n ms", "%u %n 0.0 0.1 %n %n ? Ss %D 0:0%n %p/%w --%w=%n --%w %w --config %p/%w.conf",
    "-rw-r----- 1 root adm %n Mar 23  2025 %p/%w/%w-%v/%w.%w.log.%n.gz", "# %w: the %w %w of a %w is %w when %w, and %w otherwise; see %p/%w.txt",
    "ii  lib%w-%w-dev:amd64  %v-%n+deb12u1  amd64  %w %w for %w, development files and %w", "tcp   ESTAB  0      0      %i:%n      %i:%n      users:((\"%w\",pid=%n,fd=12))  timer:(keepalive,%n,0)",
    "log_format %w '$remote_addr - $remote_user [$time_local] $%w $%w $%w';", "Environment=\"%w_%w=%p/%w\" \"%w_OPTIONS=--%w --%w %n\"", "kernel.%w.%w_%w_%w = %n %n %n %n"};
inline constexpr std::array<std::string_view, 36> windows_lines{
    "HKLM\\Software\\%w\\%w    %w    REG_SZ    %w", "HKLM\\Software\\Classes\\%w    %w    REG_DWORD    0x%x", "C:\\Program Files\\%w\\%w.dll", "C:\\Windows\\System32\\%w.dll  %v", "%w.exe  %n Console  1  %n K", "DisplayName     : %w %w",
    "DisplayVersion  : %v", "Publisher       : %w", "InstallDate     : %D", "", "Name            : %w", "Caption         : %w %w", "TimeCreated     : %D %t", "Message         : The %w %w was %w.", "Id              : %n",
    "  TCP    %i:%n       %i:%n       ESTABLISHED     %n", "  UDP    0.0.0.0:%n  *:*  %n", "Physical Address. . . . . . : %x", "IPv4 Address. . . . . . . . : %i", "TaskName: \\%w\\%w", "Next Run Time: %D %t", "Status: Ready", "Driver: %w.sys",
    "GPO: %w %w", "Policy: %w", "Computer Setting: %b", "S-1-5-21-%n-%n-%n-%n", "%w  Manual  Stopped  LocalService", "Handle %n %w", "CertSerial %x%x%x%x", "[%w]", "---------- -------- ----",
    "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{%x-%x}    InstallLocation    REG_SZ    C:\\Program Files\\%w %w", "C:\\Program Files (x86)\\Common Files\\%w\\%w\\%w-%v\\%w.dll  %v  %D %t  Example %w",
    "%w %w                Running  Manual    C:\\Windows\\system32\\svchost.exe -k %w -p", "Message         : The %w %w of %w could not %w the %w (%n): %w %w %w at %D %t."};
inline constexpr std::array<std::string_view, 31> darwin_lines{
    "com.example.%w.%w = %n;", "    \"%w %w\" = \"%w\";", "    %w = (", "    );", "}", "{", "-  0  com.apple.%w.%w", "%n  0  com.apple.%w", "/System/Library/%w/%w.framework", "/Applications/%w.app", "drwxr-xr-x  3 root  wheel  96 Jan  1  2025 %w",
    "    <key>%w</key>", "    <string>%w %w</string>", "    <integer>%n</integer>", "    <dict>", "    </dict>", "en0: flags=%n mtu 1500", "	inet %i netmask 0xffffff00", "	ether %x", "%D %t %h %w[%n]: (%w) %w %w", "tcp4  0  0  %i.%n  %i.%n  ESTABLISHED",
    "%w (%v)", "kMDItem%w = \"%w\"", "disk%n: %w", "   %n: Apple_%w %w", "%w %w: %b", "", "ProcessID %n",
    "%D %t %h %w[%n]: (%w) [com.example.%w.%w:%w] %w the %w of %w: %w %n", "-rwxr-xr-x  1 root  wheel  %n Jan  1  2025 /Library/Application Support/%w/%w.bundle/Contents/%w", "    \"com.example.%w.%w\" = \"%w %w %w of %w\"; // %x-%x"};

// Makes texts by appending to a string.
class writer {
public:
    writer(vocabulary const& words, std::uint64_t seed) : words_(words), roll_(seed) {}

    void report(std::string& to, std::size_t size) {
        auto const family = roll_.below(3);
        auto const host = roll_.of(hosts);
        constexpr std::array<std::string_view, 3> tops{"KPNIXVERSION: 0.6.21\nSystem_OSInfo::ID=debian\nSystem_OSInfo::VERSION_ID=\"12\"\nSystem_OSInfo::PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nHostname: ",
                                                       "KPWINVERSION: 0.4.8\nProductName: Windows Server 2019 Standard\nHost Name: ", "KPMACVERSION: 0.1.0\nProductName:\t\tmacOS\nProductVersion:\t\t13.6.4\nHostname: "};
        (to += tops[family]).append(host);
        number(to, 100);
        to += '\n';
        while (to.size() < size) {
            for (int i = 0; i < 60; ++i) line(to, family == 0 ? roll_.of(linux_lines) : family == 1 ? roll_.of(windows_lines) : roll_.of(darwin_lines));
            if (roll_.below(100) >= 15) continue;
            (to += "#[BEGIN] Audit_").append(word()).append("\n");
            for (auto n = 7 + roll_.below(19); n > 0;) {
                auto const& each = roll_.of(audit_lines);
                if (each.line.empty()) continue;
                line(to, each.line);
                --n;
            }
            to += "#[END]\n";
        }
    }
    void prose(std::string& to, std::size_t size) {
        while (to.size() < size) {
            for (auto sentences = 2 + roll_.below(6); sentences > 0; --sentences) {
                auto const first = to.size();
                for (auto n = 5 + roll_.below(18); n > 0; --n) {
                    to += word();
                    if (roll_.once_in(12)) to += ',';
                    to += to.size() - to.rfind('\n') > 72 ? '\n' : ' ';
                }
                if (to[first] >= 'a') to[first] = static_cast<char>(to[first] - 'a' + 'A');
                to.back() = '.';
                to += sentences == 1 ? '\n' : ' ';
            }
            to += '\n';
        }
    }
    void source(std::string& to, std::size_t size) {
        constexpr std::array<std::string_view, 24> lines{
            "    int const %w_%w = %w(%w, %n);", "    if (%w == NULL || %w->%w < %n) {", "        return -EINVAL;", "    }", "", "/* %w %w the %w of %w, and %w. */", "static int %w_%w(struct %w *%w, size_t %w)", "{", "}", "#include <%w/%w.h>",
            "    for (size_t i = 0; i < %w->%w; ++i)", "        %w[i] = %w_%w(%w, i);", "    %w->%w = %w;", "#define %w_%w 0x%x", "    printf(\"%w: %w %w\\n\", %w);", "    // %w %w %w", "struct %w_%w {", "    unsigned %w : %n;", "};",
            "    case %w_%w:", "        break;", "    std::vector<%w> %w{%w.begin(), %w.end()};", "    auto const& [%w, %w] = *%w;", "extern \"C\" void %w_%w(void);"};
        while (to.size() < size) line(to, roll_.of(lines));
    }
    void script(std::string& to, std::size_t size) {
        constexpr std::array<std::string_view, 20> lines{
            "def %w_%w(self, %w, %w=None):", "    \"\"\"%w %w the %w.\"\"\"", "    for %w in self.%w:", "        if %w is None:", "            continue", "    return %w.%w(%w, %n)", "", "", "import %w.%w", "from %w import %w", "class %w(%w):",
            "    %w = {\"%w\": %n, \"%w\": \"%w\"}", "    # %w %w to %w", "        self.%w = %w[%n:]", "    raise ValueError(f\"%w {%w}\")", "    with open(%w) as %w:", "        yield %w", "    assert %w == %n", "@%w.%w", "    try:"};
        while (to.size() < size) line(to, roll_.of(lines));
    }
    void log(std::string& to, std::size_t size) {
        constexpr std::array<std::string_view, 12> lines{
            "%D %t %h %w[%n]: %w %w %w", "%D %t %h sshd[%n]: Accepted publickey for %u from %i port %n ssh2", "%i - %u [%D:%t +0000] \"GET /%w/%w HTTP/1.1\" 200 %n", "%i - - [%D:%t +0000] \"POST /%w HTTP/1.1\" 404 %n",
            "%D %t %h CRON[%n]: pam_unix(cron:session): session opened for user %u", "%D %t INFO  %w.%w: %w %w in %n ms", "%D %t WARN  %w.%w: %w %w, retry %n", "%D %t DEBUG %w: id=%x-%x %w=%n",
            "{\"time\":\"%DT%tZ\",\"level\":\"info\",\"%w\":\"%w\",\"ms\":%n}", "%D %t %h kernel: [%n.%n] %w%n: %w %w", "%D %t %h systemd[1]: Started %w.service", "%D %t ERROR %w: %p: %w %w"};
        while (to.size() < size) line(to, roll_.of(lines));
    }
    // One text of a kind by chance, and how its name ends.
    std::string_view any(std::string& to, std::size_t size) {
        auto const kind = roll_.below(100);
        if (kind < 30) return source(to, size), ".c";
        if (kind < 50) return script(to, size), ".py";
        if (kind < 75) return prose(to, size), ".txt";
        if (kind < 90) return log(to, size), ".log";
        while (to.size() < size) line(to, roll_.once_in(200) ? roll_.of(audit_lines).line : roll_.of(linux_lines));
        return ".conf";
    }
    std::size_t between(std::size_t least, std::size_t most) { return least + roll_.below(most - least); }
    // 1 KB to 2 MB, most of them small: 26 KB on the average.
    std::size_t text_size() {
        auto const part = static_cast<double>(roll_() >> 11) * 0x1p-53;
        auto const kind = roll_.below(100);
        if (kind < 70) return static_cast<std::size_t>(1'000 * std::pow(10.0, part));
        return static_cast<std::size_t>(kind < 98 ? 10'000 * std::pow(10.0, part) : 100'000 * std::pow(20.0, part));
    }

private:
    std::string_view word() { return words_.draw(roll_); }
    void number(std::string& to, std::size_t below) {
        std::array<char, 20> digits{};
        auto at = digits.size();
        auto n = roll_.below(below);
        do digits[--at] = static_cast<char>('0' + n % 10);
        while ((n /= 10) != 0);
        to.append(digits.data() + at, digits.size() - at);
    }
    void two(std::string& to, std::size_t from, std::size_t below) {
        auto const n = from + roll_.below(below);
        to += static_cast<char>('0' + n / 10);
        to += static_cast<char>('0' + n % 10);
    }
    void line(std::string& to, std::string_view form) {
        for (;;) {
            auto const at = form.find('%');
            to += form.substr(0, at);
            if (at == form.npos || at + 1 >= form.size()) break;
            fill(to, form[at + 1]);
            form.remove_prefix(at + 2);
        }
        to += '\n';
    }
    void fill(std::string& to, char what) {
        constexpr std::string_view digits = "0123456789abcdef";
        switch (what) {
            case 'n': return number(to, 10'000);
            case 'w': to += word(); return;
            case 'u': to += roll_.of(users); return;
            case 'h': to += roll_.of(hosts); return number(to, 10);
            case 'i':
                to += "10.";
                number(to, 256);
                to += '.';
                number(to, 256);
                to += '.';
                return number(to, 256);
            case 'p': (to += roll_.of(roots)).append(word()); return;
            case 'x':
                for (auto bits = roll_(), i = std::uint64_t{0}; i < 8; ++i, bits >>= 4) to += digits[bits & 15];
                return;
            case 'D':
                to += "202";
                number(to, 7);
                to += '-';
                two(to, 1, 12);
                to += '-';
                return two(to, 1, 28);
            case 't':
                two(to, 0, 24);
                to += ':';
                two(to, 0, 60);
                to += ':';
                return two(to, 0, 60);
            case 'v':
                number(to, 10);
                to += '.';
                number(to, 30);
                to += '.';
                return number(to, 20);
            case 'b': to += roll_.once_in(2) ? "yes" : "no"; return;
            default: to += what; return;
        }
    }

    vocabulary const& words_;
    dice roll_;
};

inline void write_file(std::filesystem::path const& path, std::string_view text) {
    auto* const file = std::fopen(path.c_str(), "wb");
    if (!file) throw std::runtime_error{"cannot open " + path.string()};
    bool const written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (std::fclose(file) != 0 || !written) throw std::runtime_error{"cannot write " + path.string()};
}

}  // namespace detail

inline std::vector<muster::searching::line_pattern> hundred_rules() {
    std::vector<muster::searching::line_pattern> rules;
    for (auto const& each : audit_lines) rules.push_back({.regex = std::string{each.pattern}, .ignore_case = false});
    return rules;
}

inline std::string in_alternation(std::string_view pattern) {
    std::string out = "(?:";
    constexpr std::string_view named = "(?P<";
    for (;;) {
        auto const at = pattern.find(named);
        out += pattern.substr(0, at);
        if (at == pattern.npos) return out + ')';
        out += '(';
        pattern.remove_prefix(pattern.find('>', at) + 1);
    }
}

inline written_corpus write_corpus(std::filesystem::path const& folder, corpus_options const& options) {
    static detail::vocabulary const words;
    written_corpus done;
    std::string text;
    auto const files = [&](std::string_view kind, std::uint64_t most, std::uint64_t seed, auto make) {
        auto place = folder / kind;
        for (std::uint64_t bytes = 0, i = 0; bytes < most; ++i) {
            if (i % 256 == 0) {
                auto number = std::to_string(i / 256);
                number.insert(0, number.size() < 3 ? 3 - number.size() : 0, '0');
                place = folder / kind / number;
                std::filesystem::create_directories(place);
            }
            text.clear();
            detail::writer by{words, seed + i * 0x632be59bd9b4e019u};
            auto const ending = make(by);
            text.resize(std::min<std::uint64_t>(text.size(), most - bytes));
            detail::write_file(place / (std::to_string(i % 256) + std::string{ending}), text);
            bytes += text.size();
            done.bytes += text.size();
            done.lines += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) + (text.ends_with('\n') ? 0 : 1);
            ++done.files;
        }
    };
    auto const of_reports = static_cast<std::uint64_t>(static_cast<double>(options.bytes) * options.reports);
    files("reports", of_reports, options.seed * 2, [&](detail::writer& by) {
        by.report(text, by.between(1'000'000, 2'000'000));
        return std::string_view{".txt"};
    });
    files("text", options.bytes - of_reports, options.seed * 2 + 1, [&](detail::writer& by) { return by.any(text, by.text_size()); });
    return done;
}

}  // namespace bench::search
