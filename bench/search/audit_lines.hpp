#pragma once

#include <array>          // the hundred
#include <string_view>    // texts

namespace bench::search {

/// A pattern of an audit, and a line of a report on which it matches.
///
/// Shape      patterns without lookaround and back references, named groups as (?P<name>), so that RE2, Rust's regex, Hyperscan and PCRE2 all
///            take them; case is in the pattern. In a line %n is a number, %w a word, %u a user, %h a host, %i an IPv4 address, %p a path,
///            %x eight hexadecimal digits, %D a date, %t a time, %v a version, %b yes or no. No line: nothing in the corpus matches.
struct audit_line {
    std::string_view pattern;
    std::string_view line;
};

/// The first is a word, the first ten are short.
inline constexpr std::array<audit_line, 100> audit_lines{{
    // sshd
    {R"re(PermitRootLogin)re", "PermitRootLogin %b"},
    {R"re((?i)^\s*PasswordAuthentication\s+(yes|no)\s*$)re", "PasswordAuthentication %b"},
    {R"re(^root:[^:]*:)re", "root:$6$%x$:19%n:0:99999:7:::"},
    {R"re((?i)\bNOPASSWD:\s*(\S.*)$)re", "%u ALL=(ALL) NOPASSWD: %p"},
    {R"re(^([a-z_][a-z0-9_-]*):[^:]*:0:(\d+):)re", "%u:x:0:0:%w:%p:/bin/sh"},
    {R"re((?i)^\s*X11Forwarding\s+yes)re", "X11Forwarding yes"},
    {R"re(^net\.ipv4\.ip_forward\s*=\s*(\d))re", "net.ipv4.ip_forward = 1"},
    {R"re((?i)^FileVault is (On|Off))re", "FileVault is On."},
    {R"re(KB\d{7}\s)re", "%h     Security Update  KB500%n  NT AUTHORITY\\SYSTEM  %D"},
    {R"re((?i)^\s*State\s+(ON|OFF)\s*$)re", "State                                 ON"},
    {R"re((?i)^\s*MaxAuthTries\s+(?P<tries>\d+))re", "MaxAuthTries 4"},
    {R"re((?i)^\s*ClientAlive(?P<what>Interval|CountMax)\s+(?P<value>\d+))re", "ClientAliveInterval 300"},
    {R"re((?i)^\s*Ciphers\s+\S*\b(3des-cbc|aes(?:128|192|256)-cbc|arcfour)\b)re", "Ciphers aes256-ctr,aes128-cbc"},
    {R"re((?i)^\s*(?P<option>KexAlgorithms|MACs|HostKeyAlgorithms)\s+(?P<value>\S+)$)re", "MACs hmac-sha2-512,hmac-sha1"},
    {R"re((?i)^\s*PermitEmptyPasswords\s+yes)re", ""},
    {R"re((?i)^\s*AllowTcpForwarding\s+(\S+))re", "AllowTcpForwarding %b"},
    {R"re((?i)^\s*(?P<which>Allow|Deny)(?P<of>Users|Groups)\s+(?P<names>.+)$)re", "AllowGroups %w %w"},
    {R"re((?i)^\s*Subsystem\s+sftp\s+(\S+))re", "Subsystem sftp /usr/lib/openssh/sftp-server"},
    // users, passwords, sudo
    {R"re(^(?P<user>[a-z_][a-z0-9_-]*):x:(?P<uid>\d+):(?P<gid>\d+):(?P<name>[^:]*):(?P<home>[^:]*):(?P<shell>/\S*sh)$)re", "%u:x:1%n:1%n:%w %w:/home/%u:/bin/bash"},
    {R"re(^(?P<user>[a-z_][a-z0-9_-]*)::\d*:)re", "%u::19%n:0:99999:7:::"},
    {R"re(^(?P<user>[a-z_][a-z0-9_-]*):\$(?P<method>1|2a|5)\$)re", "%u:$5$%x:19%n:0:99999:7:::"},
    {R"re(^PASS_(?P<what>MAX_DAYS|MIN_DAYS|WARN_AGE|MIN_LEN)\s+(?P<value>\d+))re", "PASS_MAX_DAYS   99999"},
    {R"re(^ENCRYPT_METHOD\s+(MD5|DES|SHA256))re", "ENCRYPT_METHOD SHA256"},
    {R"re(^UMASK\s+(?P<mask>0[0-7]{2}))re", "UMASK           022"},
    {R"re(^\s*(?P<setting>minlen|minclass|[dulo]credit)\s*=\s*(?P<value>-?\d+))re", "minlen = 12"},
    {R"re(^Password expires\s+:\s+(?P<when>never|\w{3} \d{2}, \d{4}))re", "Password expires                                        : never"},
    {R"re(^Last password change\s+:\s+(?P<when>.+)$)re", "Last password change                                    : Mar 03, 2025"},
    {R"re(^Account expires\s+:\s+(.+)$)re", "Account expires                                         : never"},
    {R"re(^Defaults\s+(?P<option>!?\w+)(?:\s*=\s*(?P<value>\S+))?$)re", "Defaults        timestamp_timeout=15"},
    {R"re(^(?P<who>%?[\w.-]+)\s+(?P<host>\S+)=\((?P<as>[^)]*)\)\s+ALL$)re", "%u  ALL=(ALL:ALL) ALL"},
    {R"re(^uid=(?P<uid>\d+)\((?P<user>[^)]+)\) gid=(?P<gid>\d+)\((?P<group>[^)]+)\))re", "uid=1%n(%u) gid=1%n(%u) groups=1%n(%u)"},
    {R"re(^(?:sudo|wheel|admin):[^:]*:(?P<gid>\d+):(?P<members>.+)$)re", "sudo:x:27:%u,%u,%u"},
    {R"re(pam_(?P<module>faillock|tally2|pwquality|unix)\.so\s+(?P<options>\S.*)$)re", "auth required pam_faillock.so preauth silent deny=5"},
    {R"re((?i)^login:\s+(?P<user>\S+)\s+failed\s+(?P<count>\d+) times)re", "login: %u failed %n times"},
    // kernel, mounts, files
    {R"re(^net\.ipv4\.conf\.(?P<interface>all|default)\.(?P<parameter>accept_redirects|send_redirects|rp_filter)\s*=\s*(?P<value>\d))re", "net.ipv4.conf.all.accept_redirects = 0"},
    {R"re(^net\.ipv6\.conf\.(?P<interface>\w+)\.(?P<parameter>\w+)\s*=\s*(?P<value>\d+))re", "net.ipv6.conf.all.disable_ipv6 = 1"},
    {R"re(^kernel\.(?P<parameter>randomize_va_space|dmesg_restrict|kptr_restrict)\s*=\s*(?P<value>\d))re", "kernel.randomize_va_space = 2"},
    {R"re(^fs\.(?:suid_dumpable|protected_\w+)\s*=\s*(\d))re", "fs.suid_dumpable = 0"},
    {R"re(^(?P<device>\S+) on (?P<point>/tmp|/var/tmp|/dev/shm|/home) type (?P<type>\w+) \((?P<options>[^)]*)\)$)re", "tmpfs on /tmp type tmpfs (rw,nosuid,nodev)"},
    {R"re(^-rwsr-[xs]r-[xt] +\d+ (?P<owner>\S+) (?P<group>\S+) +(?P<size>\d+) .* (?P<path>/\S+)$)re", "-rwsr-xr-x 1 root root %n Mar 23  2025 %p"},
    {R"re(^[d-]rwxrwxrwx\s+\d+\s+(?P<owner>\S+)\s+(?P<group>\S+)\s.*\s(?P<path>/\S+)$)re", "-rwxrwxrwx 1 %u %u %n Mar 23  2025 %p"},
    {R"re(^install (?P<module>cramfs|freevxfs|hfsplus|udf|usb-storage) /bin/(?:true|false))re", "install cramfs /bin/true"},
    {R"re(\bselinux=(0|1)\b)re", "BOOT_IMAGE=/vmlinuz root=UUID=%x-%x ro selinux=0 quiet"},
    {R"re(^SELinux status:\s+(enabled|disabled))re", "SELinux status:                 enabled"},
    {R"re(^(?P<count>\d+) profiles are in (?P<mode>enforce|complain) mode)re", "31 profiles are in enforce mode."},
    {R"re(^crontab: (?P<user>\S+): (?P<when>(?:\S+ ){5})(?P<command>.+)$)re", "crontab: %u: 5 3 * * 1 %p --quiet"},
    {R"re(\.rhosts\b)re", ""},
    {R"re(^\*\.\*\s+@{1,2}(?P<host>[\w.-]+)(?::(?P<port>\d+))?)re", "*.* @@%h.example:514"},
    {R"re(^-w (?P<path>\S+) -p (?P<permissions>[rwxa]+)(?: -k (?P<key>\S+))?)re", "-w /etc/passwd -p wa -k identity"},
    {R"re(^-a always,exit -F arch=b(?P<bits>32|64) -S (?P<calls>\S+))re", "-a always,exit -F arch=b64 -S adjtimex -k time"},
    // services, packages, network
    {R"re(^(?P<unit>[\w@.-]+)\.service\s+(?P<state>enabled|masked)\b)re", "%w.service                          enabled         enabled"},
    {R"re(^(?:telnet|rsh|rlogin|tftp|vsftpd|ypserv|xinetd)\S*\s+enabled)re", "vsftpd.service                      enabled         disabled"},
    {R"re(^ii\s+(?P<package>openssl|openssh-server|bash|sudo|nginx|apache2)\s+(?P<version>\S+)\s+(?P<for>\w+))re", "ii  openssl                  %v-1~deb12u2   amd64   toolkit"},
    {R"re(^(?P<package>openssl|openssh-server|bash|sudo|glibc)-(?P<version>\d[\w.]*)-(?P<release>[\w.]+)\.(?:x86_64|noarch)$)re", "openssl-%v-24.el9.x86_64"},
    {R"re(^tcp\s+LISTEN\s+\d+\s+\d+\s+(?P<address>[\d.*]+|\[[\da-f:]*\]):(?P<port>\d+))re", "tcp   LISTEN 0      128       0.0.0.0:%n       0.0.0.0:*    users:((\"%w\",pid=%n,fd=3))"},
    {R"re(^udp\s+UNCONN\s+\d+\s+\d+\s+(?P<address>\S+):(?P<port>\d+))re", "udp   UNCONN 0      0         %i:%n       0.0.0.0:*"},
    {R"re(^-A (?P<chain>INPUT|FORWARD|OUTPUT)\b.*--dport (?P<port>[\d:]+).* -j (?P<target>ACCEPT|DROP|REJECT)$)re", "-A INPUT -p tcp -m tcp --dport %n -j ACCEPT"},
    {R"re(^-P (?P<chain>\w+) (?P<target>ACCEPT|DROP))re", "-P FORWARD DROP"},
    {R"re(^nameserver\s+(?P<address>[\da-f.:]+)$)re", "nameserver %i"},
    {R"re(^default via (?P<gateway>\d+\.\d+\.\d+\.\d+) dev (?P<interface>\S+))re", "default via %i dev eth0 proto static"},
    {R"re(^(?:server|pool)\s+(?P<host>[\w.-]+)\s+iburst)re", "server %h.example iburst"},
    {R"re(^community\s+(public|private)\b)re", "community public %i"},
    {R"re((?i)^\s*ssl_protocols\s+.*\b(SSLv3|TLSv1(?:\.1)?)\b)re", "    ssl_protocols TLSv1 TLSv1.2;"},
    {R"re(^subject=.*CN ?= ?(?P<name>[^,/]+))re", "subject=C = XX, O = Example, CN = %h.example"},
    {R"re(^notAfter=(?P<month>\w{3}) +(?P<day>\d+) [\d:]+ (?P<year>20\d\d) GMT)re", "notAfter=Jun 14 12:00:00 2027 GMT"},
    {R"re(-----BEGIN (?:(?:RSA|EC|OPENSSH) )?PRIVATE KEY-----)re", ""},
    {R"re((?i)\b(?P<key>password|passwd|secret|api_key)\s*[=:]\s*(?P<value>[^\s;]{8,})$)re", "password = %x%x"},
    // Windows
    {R"re((?i)\\Control\\Lsa\s+(?P<value>LmCompatibilityLevel|NoLMHash|RestrictAnonymous|RunAsPPL)\s+REG_DWORD\s+0x(?P<data>[0-9a-f]+))re", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa    LmCompatibilityLevel    REG_DWORD    0x5"},
    {R"re((?i)\\LanmanServer\\Parameters\s+(?P<value>SMB[12]|RequireSecuritySignature)\s+REG_DWORD\s+0x(?P<data>[0-9a-f]+))re", "HKLM\\SYSTEM\\CurrentControlSet\\Services\\LanmanServer\\Parameters    SMB1    REG_DWORD    0x0"},
    {R"re((?i)\\SCHANNEL\\Protocols\\(?P<protocol>[^\\]+)\\(?P<side>Client|Server)\s+(?P<value>Enabled|DisabledByDefault)\s+REG_DWORD\s+0x(?P<data>\w+))re", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.0\\Server    Enabled    REG_DWORD    0x0"},
    {R"re((?i)\\CurrentVersion\\Run(?:Once)?\s+(?P<name>\S+)\s+REG_(?:EXPAND_)?SZ\s+(?P<command>.+)$)re", "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run    %w    REG_SZ    C:\\%w\\%w.exe"},
    {R"re((?i)UseLogonCredential\s+REG_DWORD\s+0x1)re", ""},
    {R"re((?i)fDenyTSConnections\s+REG_DWORD\s+0x(?P<denied>[01]))re", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server    fDenyTSConnections    REG_DWORD    0x1"},
    {R"re((?i)^\s*ScreenSave(?P<what>Active|TimeOut|rIsSecure)\s+REG_SZ\s+(?P<data>\d+))re", "    ScreenSaveTimeOut    REG_SZ    900"},
    {R"re((?i)^(?P<value>EnableLUA|ConsentPromptBehaviorAdmin|FilterAdministratorToken)\s*:\s*(?P<data>\d))re", "EnableLUA : 1"},
    {R"re(^Minimum password length:\s+(\d+))re", "Minimum password length:                              12"},
    {R"re(^Maximum password age \(days\):\s+(?P<days>\d+|Unlimited))re", "Maximum password age (days):                          90"},
    {R"re(^Lockout (?P<what>threshold|duration \(minutes\)|observation window \(minutes\)):\s+(?P<value>\w+))re", "Lockout threshold:                                    5"},
    {R"re(^(?P<what>AntivirusEnabled|RealTimeProtectionEnabled|IsTamperProtected)\s+: (?P<value>True|False))re", "RealTimeProtectionEnabled        : True"},
    {R"re(^Exclusion(?P<kind>Path|Process|Extension)\s+: \{(?P<what>[^}]+)\})re", "ExclusionPath                    : {C:\\%w}"},
    {R"re(^(?P<profile>Domain|Private|Public) Profile Settings:)re", "Public Profile Settings:"},
    {R"re(^Firewall Policy\s+(?P<in>\w+),(?P<out>\w+))re", "Firewall Policy                       BlockInbound,AllowOutbound"},
    {R"re(^\s*TCP\s+(?P<address>\S+):(?P<port>\d+)\s+\S+\s+LISTENING\s+(?P<process>\d+))re", "  TCP    0.0.0.0:%n            0.0.0.0:0              LISTENING       %n"},
    {R"re(^OS (?P<what>Name|Version):\s+(?P<value>.+)$)re", "OS Version:                10.0.17763 N/A Build 17763"},
    {R"re(^\s+(?P<category>Logon|Logoff|Process Creation|Credential Validation)\s{2,}(?P<setting>No Auditing|Success(?: and Failure)?|Failure)$)re", "  Logon                                   Success and Failure"},
    {R"re(^\s+Protection Status:\s+Protection (On|Off))re", "    Protection Status:    Protection On"},
    {R"re(^(?P<share>[^\s$]+)\s+(?P<path>[A-Z]:\\\S*)\s+(?P<remark>\S.*)$)re", "%w       D:\\%w    Shared by %u"},
    {R"re((?i)^(?P<service>\S+)\s+(?:Running|Stopped)\s+Auto\s+(?P<account>DOMAIN\\\S+)$)re", "%w  Running  Auto  DOMAIN\\svc-%w"},
    // macOS
    {R"re(^assessments (enabled|disabled))re", "assessments enabled"},
    {R"re(^System Integrity Protection status: (?P<state>\w+))re", "System Integrity Protection status: enabled."},
    {R"re(/Library/Launch(?P<kind>Daemons|Agents)/(?P<label>[\w.-]+)\.plist)re", "/Library/LaunchDaemons/org.example.%w.plist"},
    {R"re(^GroupMembership: (?P<members>.+)$)re", "GroupMembership: root %u %u"},
    {R"re(^Firewall (?:is|stealth mode is) (?P<state>\w+))re", "Firewall is enabled. (State = 1)"},
    {R"re(^(?P<program>\S+)\s+(?P<process>\d+)\s+(?P<user>\S+)\s.*TCP (?P<address>\S+):(?P<port>\d+) \(LISTEN\)$)re", "%w  %n %u   7u  IPv4 0x%x%x      0t0  TCP *:%n (LISTEN)"},
    {R"re(^askForPassword(?:Delay)? = (?P<value>\d+))re", "askForPasswordDelay = 5"},
    {R"re(^(?P<setting>Automatic\w+|CriticalUpdateInstall) = (?P<value>[01]);)re", "AutomaticCheckEnabled = 1;"},
    {R"re(<key>policyAttribute(?P<what>\w+)</key>\s*<integer>(?P<value>\d+)</integer>)re", "<dict><key>policyAttributeMinimumLength</key><integer>12</integer></dict>"},
    {R"re(^Remote (?:Login|Management|Apple Events): On)re", "Remote Login: On"},
    {R"re((?i)\bguest\s*account\s+(?P<state>enabled|disabled))re", "Guest account disabled."},
    {R"re(com\.apple\.screensharing\s.*(?P<state>true|false))re", ""},
}};

}  // namespace bench::search
