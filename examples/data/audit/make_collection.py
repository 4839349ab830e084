"""Makes collection/: what a collector of audit data would have written on 36 machines, 12 each of Linux, Windows and macOS.

    python3 make_collection.py [FOLDER]      # writes FOLDER/collection, beside this file if none is named

Nothing in it is of a real machine: names, numbers, users and mistakes come from a seeded generator, so that the same files come
out each time. The rules beside it find something in them, but for those that say that they are meant to find nothing. Half of the
Windows files are UTF-16LE with a byte order mark and CRLF, as PowerShell writes them, some are Latin-1, and so are some of Linux.
"""
import pathlib
import random
import sys

ROLES = ["web", "db", "app", "build", "mail", "file"]
PEOPLE = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia", "peggy", "rupert", "sybil"]
FULL_NAMES = ["Alice Berg", "Bob Castro", "Carol Dietz", "Dave Evans", "Erin Frank", "Frank Gómez", "Grace Huber", "Heidi Jäger", "Ivan Köhler",
              "Judy López", "Mallory Müller", "Niaj Nuñez", "Olivia Öhlund", "Peggy Petit", "Rupert Quist", "Sybil Roßmann"]
CERTIFICATES = ["CN=intranet.example", "CN=*.shop.example", "CN=ldap.example", "CN=vpn.example", "CN=mail.example"]


class Report:
    """Lines of one machine, in sections."""

    def __init__(self, machine, chance):
        self.machine, self.chance, self.lines = machine, chance, []

    def raw(self, *lines):
        self.lines += lines

    def section(self, name, *lines):
        self.lines.append(f"#[BEGIN] {name}")
        self.lines += [f"{name}::{line}" for line in lines]
        self.lines.append(f"#[END] {name}")

    def maybe(self, probability, *lines):
        return list(lines) if self.chance.random() < probability else []

    def one_of(self, *of):
        return self.chance.choice(of)

    def some(self, of, least, most):
        return self.chance.sample(of, min(len(of), self.chance.randint(least, most)))

    def date(self, first=2023, last=2026):
        return f"{self.chance.randint(first, last)}-{self.chance.randint(1, 12):02}-{self.chance.randint(1, 28):02}"

    def shared(self):
        """What is asked of every machine."""
        self.section("Security_Certificates", *[
            f"{subject}; serial {self.chance.randrange(1 << 48):012x}; not after {self.date(2024, 2028)}" for subject in self.some(CERTIFICATES, 2, 4)])
        secret = "".join(self.chance.choices("abcdefghkmnpqrstuvwxyz23456789", k=12))
        self.section("Files_Configuration", *[
            "/srv/app/settings.ini: database.host = db-01.example",
            f"/srv/app/settings.ini: database.password = {self.one_of('${DB_PASSWORD}', '********', '<from vault>', secret)}",
            "/srv/app/settings.ini: log.level = info",
            *self.maybe(0.3, f"/srv/batch/job.conf: smtp_passwd: {secret[::-1]}"),
            "/srv/batch/job.conf: # passwords are in the vault",
        ])


def log_lines(report, count):
    """What fills a report: lines that no rule asks for."""
    verbs = ["started", "stopped", "reloaded", "rotated", "synchronised", "mounted", "scanned", "queued", "refused", "closed"]
    things = ["session", "queue", "volume", "journal", "index", "cache", "socket", "backup", "report", "worker"]
    for _ in range(count):
        yield (f"{report.date()}T{report.chance.randrange(24):02}:{report.chance.randrange(60):02}:{report.chance.randrange(60):02}Z "
               f"{report.machine} agent[{report.chance.randrange(300, 32000)}]: {report.one_of(*things)} "
               f"{report.chance.randrange(1, 9000)} {report.one_of(*verbs)} in {report.chance.randrange(1, 4000)} ms")


def linux(report, number):
    distribution, version, product, kernel = [
        ("debian", "12", "Debian GNU/Linux 12 (bookworm)", "6.1.0-18-amd64"), ("ubuntu", "22.04", "Ubuntu 22.04.4 LTS", "5.15.0-97-generic"),
        ("rhel", "9.3", "Red Hat Enterprise Linux 9.3 (Plow)", "5.14.0-362.18.1.el9_3.x86_64"), ("rocky", "8.9", "Rocky Linux 8.9 (Green Obsidian)", "4.18.0-513.11.1.el8_9.x86_64"),
    ][number % 4]
    one_of, chance = report.one_of, report.chance
    packed_as_deb = distribution in ("debian", "ubuntu")
    report.raw(f"KPNIXVERSION: {one_of('0.6.19', '0.6.21', '0.6.22')}", f"Report of {report.machine}")
    report.section("System_OSInfo", f'PRETTY_NAME="{product}"', f'VERSION_ID="{version}"', f"ID={distribution}", "HOME_URL=https://example.org/")
    report.section("System_Kernel", f"Linux {report.machine} {kernel} #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux")
    people = report.some(list(range(len(PEOPLE))), 5, 9)
    users = ["root:x:0:0:root:/root:/bin/bash", "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin", "sync:x:4:65534:sync:/bin:/bin/sync",
             "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin", "nobody:x:65534:65534:nobody:/nonexistent:/bin/false"]
    users += [f"{PEOPLE[p]}:x:{1000 + p}:{1000 + p}:{FULL_NAMES[p]},,,:/home/{PEOPLE[p]}:{one_of('/bin/bash', '/bin/bash', '/bin/zsh', '/bin/sh')}" for p in people]
    if number in (3, 8):
        users.append("toor:x:0:0:Bourne-again Superuser:/root:/bin/sh")
    report.section("Users_Passwd", *users)
    report.section("Users_Shadow", "root:$6$" + "x" * 8 + "$[removed]:19700:0:99999:7:::", "daemon:*:19600:0:99999:7:::", *[
        f"{PEOPLE[p]}:{one_of('$6$', '$y$', '$y$', '$5$', '$1$')}[removed]:{chance.randrange(19000, 20500)}:0:{one_of('90', '99999')}:7:::" for p in people[:-1]],
        f"{PEOPLE[people[-1]]}:{'' if number in (2, 7) else '!'}:19650:0:99999:7:::")
    ages = []
    for p in people:
        never = chance.random() < 0.4
        ages += [f"User                                                    : {PEOPLE[p]}",
                 f"Last password change                                    : {one_of('Jan', 'Mar', 'Jun', 'Oct')} {chance.randint(1, 28):02}, {chance.randint(2022, 2026)}",
                 f"Password expires                                        : {'never' if never else one_of('Apr 01, 2026', 'Sep 30, 2026')}",
                 "Password inactive                                       : never",
                 "Account expires                                         : never",
                 f"Maximum number of days between password change          : {99999 if never else 90}",
                 "-" * 20]
    report.section("Users_PasswordAge", *ages)
    report.section("Users_Sudoers", "# NOPASSWD: is not wanted here, ask operations", "Defaults        env_reset", "root    ALL=(ALL:ALL) ALL", "%sudo   ALL=(ALL:ALL) ALL",
                   *report.maybe(0.4, f"{PEOPLE[people[0]]} ALL=(ALL) NOPASSWD: ALL"), *report.maybe(0.3, "deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart app, /usr/bin/rsync"),
                   *report.maybe(0.2, f"%ops {report.machine} = NOPASSWD: /usr/sbin/tcpdump"))
    report.section("Users_LoginDefs", f"PASS_MAX_DAYS   {one_of(90, 365, 99999)}", f"PASS_MIN_DAYS   {one_of(0, 1, 7)}", "PASS_WARN_AGE   7",
                   f"UMASK           {one_of('022', '027', '077')}", f"ENCRYPT_METHOD {one_of('SHA512', 'YESCRYPT')}", "USERGROUPS_ENAB yes")
    report.section("Users_PasswordQuality", *([] if number == 5 else [
        f"minlen = {one_of(8, 12, 14)}", f"dcredit = {one_of(0, -1)}", f"ucredit = {one_of(0, -1)}", "# lcredit = -1", f"retry = {one_of(3, 5)}", f"difok = {one_of(1, 5)}"]))
    ciphers = ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr"] + report.maybe(0.3, one_of("aes128-cbc", "3des-cbc"))
    report.section("Network_SSHServer", "port 22", f"permitrootlogin {one_of('no', 'no', 'yes', 'without-password')}", f"passwordauthentication {one_of('yes', 'no')}",
                   f"maxauthtries {one_of(3, 4, 6)}", f"x11forwarding {one_of('yes', 'no')}", f"clientaliveinterval {one_of(0, 300, 900)}", f"clientalivecountmax {one_of(0, 3)}",
                   "permitemptypasswords no", f"ciphers {','.join(ciphers)}", "subsystem sftp /usr/lib/openssh/sftp-server")
    services = ["ssh", "cron", "rsyslog", "systemd-timesyncd", "nginx", "postgresql", "auditd", "fail2ban", "smartd", "getty@", "NetworkManager", "chronyd", "docker", "unattended-upgrades"]
    states = [f"{s}.service{' ' * (32 - len(s))}{one_of('enabled', 'enabled', 'disabled', 'static')}{' ' * 9}enabled" for s in services]
    states += report.maybe(0.2, "telnet.socket                           enabled         disabled") + report.maybe(0.2, "vsftpd.service                          enabled         disabled")
    report.section("System_Services", *states)
    names = {"openssl": "3.0", "openssh-server": "9.2p1", "bash": "5.2.15", "sudo": "1.9.13p3", "nginx": "1.22.1", "systemd": "252.22"}
    fillers = ["adduser", "apt", "base-files", "bind9-host", "bzip2", "ca-certificates", "coreutils", "curl", "dbus", "diffutils", "e2fsprogs", "file", "findutils", "gawk",
               "git", "grep", "gzip", "hostname", "iproute2", "jq", "kmod", "less", "logrotate", "lsof", "make", "mount", "nano", "netbase", "perl", "procps", "rsync", "sed",
               "strace", "tar", "tcpdump", "tmux", "tzdata", "util-linux", "vim", "wget", "xz-utils", "zstd"]
    if packed_as_deb:
        names |= {"libc6": "2.36-9", "postgresql-15": "15.6-0"}
        packages = [f"ii  {n + (':amd64' if n == 'libc6' else ''):24} {v}-{chance.randint(1, 4)}+deb12u{chance.randint(1, 9)}   amd64   no description" for n, v in names.items()]
        packages += [f"ii  {n:24} {chance.randint(0, 9)}.{chance.randint(0, 30)}-{chance.randint(1, 9)}   all     no description" for n in fillers]
    else:
        names |= {"glibc": "2.34", "postgresql-server": "15.6"}
        packages = [f"{n}-{v}-{chance.randint(1, 60)}.el9.x86_64" for n, v in names.items()]
        packages += [f"{n}-{chance.randint(0, 9)}.{chance.randint(0, 30)}-{chance.randint(1, 9)}.el9.noarch" for n in fillers]
    report.section("System_Packages", *packages)
    sockets = [("tcp", "LISTEN", "0.0.0.0:22", "sshd"), ("tcp", "LISTEN", "127.0.0.1:5432", "postgres"), ("tcp", "LISTEN", "[::]:22", "sshd"), ("udp", "UNCONN", "127.0.0.1:323", "chronyd")]
    sockets += report.maybe(0.6, ("tcp", "LISTEN", "0.0.0.0:443", "nginx")) + report.maybe(0.3, ("tcp", "LISTEN", "*:8080", "java")) + report.maybe(0.3, ("udp", "UNCONN", "0.0.0.0:161", "snmpd"))
    report.section("Network_Listening", "Netid  State   Recv-Q  Send-Q   Local Address:Port   Peer Address:Port  Process", *[
        f'{p:6} {s:7} 0       {one_of(128, 511, 4096)}      {a:20} 0.0.0.0:*          users:(("{w}",pid={chance.randrange(300, 9000)},fd={chance.randrange(3, 20)}))' for p, s, a, w in sockets])
    report.section("System_Sysctl", f"net.ipv4.ip_forward = {one_of(0, 0, 1)}", f"net.ipv4.conf.all.accept_redirects = {one_of(0, 1)}", f"net.ipv4.conf.all.rp_filter = {one_of(0, 1, 2)}",
                   f"net.ipv4.conf.all.send_redirects = {one_of(0, 1)}", f"kernel.randomize_va_space = {one_of(2, 2, 2, 0)}", f"fs.suid_dumpable = {one_of(0, 2)}", "vm.swappiness = 60", "kernel.pid_max = 4194304")
    rules = [f"-A INPUT -p {p} -m {p} --dport {d} -j {t}" for p, d, t in [("tcp", 22, "ACCEPT"), ("tcp", 443, "ACCEPT"), ("udp", 161, "DROP"), ("tcp", "6000:6010", "REJECT")]]
    report.section("Network_Firewall", "-P INPUT DROP", "-P FORWARD DROP", "-A INPUT -i lo -j ACCEPT", *report.some(rules, 2, 4), "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
    report.section("System_Mounts", "/dev/sda1 on / type ext4 (rw,relatime,errors=remount-ro)", f"tmpfs on /tmp type tmpfs (rw,nosuid,nodev{one_of(',noexec', '')})",
                   f"tmpfs on /dev/shm type tmpfs (rw,nosuid,nodev{one_of(',noexec', '')})", f"/dev/sdb1 on /home type xfs (rw,relatime,{one_of('nodev', 'nodev,noexec')})")
    report.section("Files_WorldWritable", "/tmp/.X11-unix", "/proc/self/attr/current", *[f"/srv/{one_of('share', 'upload', 'app')}/{n}/{chance.randrange(100, 999)}.{one_of('dat', 'log', 'csv')}"
                                                                                       for n in range(chance.choice([0, 2, 5, 24]))])
    report.section("Files_SetUser", *[f"-rwsr-xr-x 1 root root {chance.randrange(20000, 300000)} Mar 23  2025 {p}"
                                      for p in ("/usr/bin/sudo", "/usr/bin/passwd", "/usr/bin/su", "/usr/bin/mount", "/usr/bin/newgrp", *report.maybe(0.2, "/opt/tools/netscan"))])
    report.section("Logging_Syslog", "# *.* @old-log.example", "auth,authpriv.*                 /var/log/auth.log", *report.maybe(0.7, f"*.* {one_of('@', '@@')}log-01.example:514"))
    report.section("Network_Time", f"{one_of('server', 'pool')} {one_of('ntp-01.example', 'ntp-02.example', '2.pool.ntp.example')} iburst")
    report.section("Files_Rhosts", "no files")


def windows(report, number):
    product, version, build = [("Microsoft Windows Server 2019 Standard", "10.0.17763", "17763"), ("Microsoft Windows Server 2022 Datacenter", "10.0.20348", "20348"),
                               ("Microsoft Windows Server 2016 Standard", "10.0.14393", "14393"), ("Microsoft Windows 11 Pro", "10.0.22631", "22631")][number % 4]
    one_of, chance = report.one_of, report.chance
    host = report.machine.upper()
    report.raw(f"KPWINVERSION: {one_of('0.4.7', '0.4.8', '0.5.0')}", f"Host Name:                 {host}", f"OS Name:                   {product}",
               f"OS Version:                {version} N/A Build {build}", "OS Manufacturer:           Microsoft Corporation", f"System Boot Time:          {report.date(2026, 2026)}, 06:1{number % 10}:12")
    local_machine = r"HKLM\SYSTEM\CurrentControlSet"
    registry = [rf"{local_machine}\Control\Lsa    LmCompatibilityLevel    REG_DWORD    0x{one_of(3, 5, 5)}", rf"{local_machine}\Control\Lsa    NoLMHash    REG_DWORD    0x1",
                rf"{local_machine}\Control\Lsa    RestrictAnonymous    REG_DWORD    0x{one_of(0, 1)}", rf"{local_machine}\Control\Lsa    RunAsPPL    REG_DWORD    0x{one_of(0, 1)}",
                rf"{local_machine}\Services\LanmanServer\Parameters    SMB1    REG_DWORD    0x{one_of(0, 0, 1)}",
                rf"{local_machine}\Control\SecurityProviders\WDigest    UseLogonCredential    REG_DWORD    0x0"]
    for protocol in ("SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2"):
        for side in ("Client", "Server"):
            on = protocol == "TLS 1.2" or chance.random() < 0.2
            registry += [rf"{local_machine}\Control\SecurityProviders\SCHANNEL\Protocols\{protocol}\{side}    Enabled    REG_DWORD    0x{int(on)}",
                         rf"{local_machine}\Control\SecurityProviders\SCHANNEL\Protocols\{protocol}\{side}    DisabledByDefault    REG_DWORD    0x{int(not on)}"]
    run = r"Software\Microsoft\Windows\CurrentVersion\Run"
    registry += [rf"HKLM\{run}    SecurityHealth    REG_EXPAND_SZ    %windir%\system32\SecurityHealthSystray.exe",
                 *report.maybe(0.4, rf"HKCU\{run}    Updater    REG_SZ    C:\Users\Public\update.exe /quiet"), *report.maybe(0.2, rf"HKLM\{run}Once    Cleanup    REG_SZ    cmd.exe /c del C:\temp\x")]
    desktop = r"HKCU\Control Panel\Desktop"
    registry += [rf"{desktop}    ScreenSaveActive    REG_SZ    {one_of(0, 1)}", rf"{desktop}    ScreenSaveTimeOut    REG_SZ    {one_of(600, 900, 3600)}", rf"{desktop}    ScreenSaverIsSecure    REG_SZ    {one_of(0, 1, 1)}"]
    report.section("Registry_Values", *registry)
    report.section("System_Patches", "HostName   Description      HotFixID   InstalledBy          InstalledOn", *[
        f"{host}     {one_of('Security Update', 'Security Update', 'Update', 'Hotfix'):16} KB{chance.randrange(4000000, 5999999)}  {one_of('NT AUTHORITY' + chr(92) + 'SYSTEM', 'DOMAIN' + chr(92) + 'ops'):20} {chance.randint(1, 12)}/{chance.randint(1, 28)}/{chance.randint(2023, 2026)}"
        for _ in range(chance.randint(6, 26))])
    accounts = [("Administrator", one_of("True", "False")), ("Guest", "False"), ("DefaultAccount", "False")] + [(FULL_NAMES[p], "True") for p in report.some(list(range(len(PEOPLE))), 2, 5)]
    users = []
    for name, enabled in accounts:
        users += [f"Name             : {name}", f"Enabled          : {enabled}", f"PasswordRequired : {one_of('True', 'True', 'False')}",
                  f"PasswordLastSet  : {report.date()} 08:{chance.randrange(60):02}", f"LastLogon        : {report.one_of('', report.date(2025, 2026) + ' 09:12')}", ""]
    report.section("Users_Local", *users)
    report.section("Users_Administrators", "Alias name     Administrators", "Comment        Administrators have complete and unrestricted access", "", "Members", "", "-" * 79,
                   "Administrator", r"DOMAIN\Domain Admins", *report.maybe(0.5, accounts[-1][0]), *report.maybe(0.2, r"DOMAIN\svc-backup"), "The command completed successfully.")
    report.section("Users_PasswordPolicy", "Force user logoff how long after time expires?:       Never", f"Minimum password age (days):                          {one_of(0, 1)}",
                   f"Maximum password age (days):                          {one_of('42', '90', 'Unlimited')}", f"Minimum password length:                              {one_of(0, 7, 12, 14)}",
                   f"Length of password history maintained:                {one_of('None', '24')}", f"Lockout threshold:                                    {one_of('Never', '5', '10')}",
                   "Lockout duration (minutes):                           30", "Lockout observation window (minutes):                 30")
    report.section("Security_Defender", *([] if number == 9 else [
        f"AntivirusEnabled                 : {one_of('True', 'True', 'False')}", f"RealTimeProtectionEnabled        : {one_of('True', 'False')}", f"IsTamperProtected                : {one_of('True', 'False')}",
        f"AntivirusSignatureLastUpdated    : {report.date(2026, 2026)} 03:{chance.randrange(60):02}:00", f"ExclusionPath                    : {one_of('{}', '{C:' + chr(92) + 'builds}', '{D:' + chr(92) + 'data, E:' + chr(92) + '}')}",
        f"ExclusionProcess                 : {one_of('{}', '{agent.exe}')}", "ExclusionExtension               : {}"]))
    profiles = []
    for profile in ("Domain", "Private", "Public"):
        profiles += [f"{profile} Profile Settings:", "-" * 70, f"State                                 {one_of('ON', 'ON', 'OFF')}",
                     f"Firewall Policy                       {one_of('BlockInbound,AllowOutbound', 'AllowInbound,AllowOutbound')}", "LocalFirewallRules                    N/A (GPO-store only)", ""]
    report.section("Network_Firewall", *profiles)
    ports = [("0.0.0.0", 135), ("0.0.0.0", 445), ("0.0.0.0", 3389), ("127.0.0.1", 5357), ("[::]", 445), ("[::1]", 49669)] + report.maybe(0.5, ("0.0.0.0", 5985)) + report.maybe(0.4, ("10.20.0.5", 139))
    report.section("Network_Listening", "  Proto  Local Address          Foreign Address        State           PID", *[
        f"  TCP    {a + ':' + str(p):22} 0.0.0.0:0              LISTENING       {chance.randrange(400, 9000)}" for a, p in ports])
    services = ["Dnscache", "EventLog", "LanmanServer", "LanmanWorkstation", "MpsSvc", "RpcSs", "Schedule", "Spooler", "TermService", "W32Time", "WinDefend", "WinRM", "wuauserv", "BackupAgent", "VGAuthService"]
    report.section("System_Services", "Name State StartMode StartName", *[
        f"{s:24} {one_of('Running', 'Running', 'Stopped'):8} {one_of('Auto', 'Auto', 'Manual', 'Disabled'):9} {one_of('LocalSystem', 'NT AUTHORITY' + chr(92) + 'LocalService', 'DOMAIN' + chr(92) + 'svc-backup')}" for s in services])
    report.section("System_ServicePaths", r"Spooler      C:\Windows\System32\spoolsv.exe", r'BackupAgent  "C:\Program Files\Backup\agent.exe" --service',
                   *report.maybe(0.5, r"Monitoring   C:\Program Files\Monitoring Agent\monitor.exe -q"), r"WinDefend    C:\ProgramData\MsMpEng.exe")
    report.section("Network_Shares", r"ADMIN$       C:\Windows                      Remote Admin", r"C$           C:\                             Default share", "IPC$                                         Remote IPC",
                   *report.maybe(0.6, r"Projects     D:\Projects                     Everybody's"), *report.maybe(0.3, r"Größen       D:\Größen"))
    categories = ["Credential Validation", "Kerberos Authentication Service", "User Account Management", "Security Group Management", "Process Creation", "Logon", "Logoff", "Account Lockout",
                  "Special Logon", "Audit Policy Change", "Sensitive Privilege Use", "System Integrity"]
    report.section("Logging_AuditPolicy", "System audit policy", "Category/Subcategory                      Setting", *[f"  {c:40}{one_of('No Auditing', 'Success', 'Success and Failure', 'Failure')}" for c in categories])
    report.section("Security_BitLocker", *[line for volume in "CD"[:chance.randint(1, 2)] for line in (
        f"Volume {volume}:", f"    Encryption Method:    {one_of('XTS-AES 128', 'XTS-AES 256', 'None')}", f"    Protection Status:    Protection {one_of('On', 'Off')}", "    Lock Status:          Unlocked")])
    report.section("Network_Time", f"NtpServer: {one_of('ntp-01.example', 'dc-01.example', 'time.windows.example')},0x8 (Local)", "Type: NT5DS (Local)")


def darwin(report, number):
    version, release = [("12.7.3", "21.6.0"), ("13.6.4", "22.6.0"), ("14.3.1", "23.3.0"), ("11.7.10", "20.6.0")][number % 4]
    one_of, chance = report.one_of, report.chance
    report.raw(f"KPMACVERSION: {one_of('0.1.0', '0.1.1')}", "ProductName:\t\tmacOS", f"ProductVersion:\t\t{version}", f"BuildVersion:\t\t{chance.randrange(20, 24)}G{chance.randrange(100, 999)}",
               f"Darwin {report.machine} {release} Darwin Kernel Version {release}: root:xnu/RELEASE_ARM64 arm64")
    report.section("Security_FileVault", *([] if number == 4 else [f"FileVault is {one_of('On', 'On', 'Off')}."]))
    report.section("Security_Gatekeeper", f"assessments {one_of('enabled', 'enabled', 'disabled')}", "developer id enabled")
    report.section("Security_SIP", f"System Integrity Protection status: {one_of('enabled', 'enabled', 'disabled')}.")
    daemons = ["com.apple.bridgeOS", "com.docker.vmnetd", "com.microsoft.autoupdate.helper", "us.zoom.ZoomDaemon", "org.example.inventory", "com.example.remote-help", "homebrew.mxcl.postgresql"]
    report.section("System_LaunchDaemons", *[f"/Library/{one_of('LaunchDaemons', 'LaunchDaemons', 'LaunchAgents')}/{d}.plist" for d in report.some(daemons, 3, 7)])
    people = report.some(list(range(len(PEOPLE))), 2, 5)
    users = ["RecordName: root", "UniqueID: 0", "UserShell: /bin/sh", "NFSHomeDirectory: /var/root", "-", "RecordName: _spotlight", "UniqueID: 89", "UserShell: /usr/bin/false", "NFSHomeDirectory: /var/empty", "-"]
    for p in people:
        users += [f"RecordName: {PEOPLE[p]}", f"RealName: {FULL_NAMES[p]}", f"UniqueID: {501 + p}", f"UserShell: {one_of('/bin/zsh', '/bin/zsh', '/bin/bash')}", f"NFSHomeDirectory: /Users/{PEOPLE[p]}", "-"]
    report.section("Users_Local", *users)
    report.section("Users_Admins", "GroupMembership: root " + " ".join(PEOPLE[p] for p in report.some(people, 1, 3)))
    report.section("Network_Firewall", f"Firewall is {one_of('enabled. (State = 1)', 'disabled. (State = 0)')}".split(".")[0], f"Firewall stealth mode is {one_of('on', 'off')}",
                   f"Firewall has block all state set to {one_of('disabled', 'disabled', 'enabled')}")
    sockets = [("launchd", 1, "root", "*:22"), ("rapportd", 512, PEOPLE[people[0]], "*:49152"), ("postgres", 733, PEOPLE[people[0]], "127.0.0.1:5432"), ("ControlCe", 601, PEOPLE[people[0]], "*:5000")]
    report.section("Network_Listening", "COMMAND     PID   USER   FD   TYPE             DEVICE SIZE/OFF NODE NAME", *[
        f"{c:10} {p:5} {u:8} {chance.randrange(3, 30)}u  IPv{one_of(4, 6)} 0x{chance.randrange(1 << 60):016x}      0t0  TCP {a} (LISTEN)" for c, p, u, a in report.some(sockets, 2, 4)])
    report.section("Security_ScreenLock", f"askForPassword = {one_of(0, 1, 1)}", f"askForPasswordDelay = {one_of(0, 5, 300)}", f"idleTime = {one_of(300, 600, 1200)}")
    report.section("System_Updates", *[f"{s} = {one_of(0, 1, 1)};" for s in ("AutomaticCheckEnabled", "AutomaticDownload", "CriticalUpdateInstall", "ConfigDataInstall")], "LastSuccessfulDate = 2026;")
    report.section("Network_Sharing", *[f"{s}: {one_of('On', 'Off', 'Off')}" for s in ("Remote Login", "Screen Sharing", "File Sharing", "Printer Sharing", "Remote Management")])
    report.section("Users_PasswordPolicy", "<dict><key>policyAttributePasswordMinimumLength</key><integer>" + one_of("4", "8", "12") + "</integer></dict>",
                   *report.maybe(0.5, "<dict><key>policyAttributeMaximumFailedAuthentications</key> <integer>10</integer></dict>"))
    report.section("Network_Time", f"Network Time Server: {one_of('time.apple.example', 'ntp-01.example')}")


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent) / "collection"
    for family, write in (("linux", linux), ("windows", windows), ("darwin", darwin)):
        (folder / family).mkdir(parents=True, exist_ok=True)
        for number in range(12):
            machine = f"{'mac' if family == 'darwin' else ROLES[number % 6]}-{number // (1 if family == 'darwin' else 6) + (1 if family != 'windows' else 3):02}"
            report = Report(machine, random.Random(f"muster {family} {number}"))
            write(report, number)
            report.shared()
            report.section("Logging_Recent", *log_lines(report, 34))
            encoding, line_end, mark = "utf-8", "\n", b""
            if family == "windows":
                encoding, line_end, mark = [("utf-16-le", "\r\n", b"\xff\xfe"), ("latin-1", "\r\n", b"")][number % 2]
            elif family == "linux" and number % 6 == 4:
                encoding = "latin-1"
            text = line_end.join(report.lines) + line_end
            (folder / family / f"{machine}.txt").write_bytes(mark + text.encode(encoding, "replace"))


if __name__ == "__main__":
    main()
