#include <muster/workloads/search/collected_system.hpp>

#include <string>
#include <string_view>

#include "catch.hpp"

using namespace muster::searching;

TEST_CASE("collected_system: a Linux report tells its distribution, version, product, name and collector", "[search][collected_system]") {
    auto const got = system_of("KPNIXVERSION: 0.6.21\r\n"
                               "# a comment: Hostname: no\r\n"
                               "System_OSInfo::PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\r\n"
                               "System_OSInfo::VERSION_ID=\"12\"\r\n"
                               "System_OSInfo::ID=debian\r\n"
                               "System_Kernel::Linux web-01 6.1.0-18-amd64 #1 SMP x86_64 GNU/Linux\r\n");
    collected_system const wanted{.family = system_family::gnu_linux, .name = "web-01", .product = "Debian GNU/Linux 12 (bookworm)", .version = "12",
                                  .distribution = "debian", .producer = "KPNIXVERSION", .producer_version = "0.6.21"};
    CHECK(got == wanted);
}

TEST_CASE("collected_system: a Windows report tells by systeminfo, ver or the registry", "[search][collected_system]") {
    auto const info = system_of("Host Name:                 WEB-01\nOS Name:                   Microsoft Windows Server 2019 Standard\n"
                                "OS Version:                10.0.17763 N/A Build 17763\n");
    CHECK(info.family == system_family::windows);
    CHECK(info.name == "WEB-01");
    CHECK(info.product == "Microsoft Windows Server 2019 Standard");
    CHECK(info.version == "10.0.17763");
    auto const ver = system_of("\n  Microsoft Windows [Version 10.0.19045.3086]\n");
    CHECK(ver.family == system_family::windows);
    CHECK(ver.version == "10.0.19045.3086");
    CHECK(system_of("System_Registry::ProductName : Windows 10 Pro\n").product == "Windows 10 Pro");
    CHECK(system_of("KPWINVERSION: 0.4.7").family == system_family::windows);
}

TEST_CASE("collected_system: a Darwin report tells by sw_vers and uname", "[search][collected_system]") {
    auto const got = system_of("ProductName:\t\tmacOS\nProductVersion:\t\t13.4.1\nDarwin mac-01 22.5.0 Darwin Kernel Version 22.5.0: x arm64\n");
    CHECK(got.family == system_family::darwin);
    CHECK(got.product == "macOS");
    CHECK(got.version == "13.4.1");
    CHECK(got.name == "mac-01");
    CHECK(system_of("ProductName: Mac OS X\n").family == system_family::darwin);
    CHECK(system_of("KPMACVERSION: 0.1\n").family == system_family::darwin);
}

TEST_CASE("collected_system: of what is told twice the first counts", "[search][collected_system]") {
    auto const got = system_of("KPWINVERSION: 1\nKPNIXVERSION: 2\nHostname: a\nHostname: b\nID=debian\n");
    CHECK(got.family == system_family::windows);
    CHECK(got.producer == "KPWINVERSION");
    CHECK(got.producer_version == "1");
    CHECK(got.name == "a");
    CHECK(got.distribution.empty());    // of os-release, which no Windows has
}

TEST_CASE("collected_system: what is called ID elsewhere makes no Linux", "[search][collected_system]") {
    CHECK(system_of("ID=4624\n").family == system_family::unknown);
    CHECK(system_of("ID={A1B2-C3}\nSome ID=x y\n") == collected_system{});
    CHECK(system_of("ID=ol\nVERSION_ID='8.9'\n").version == "8.9");
}

TEST_CASE("collected_system: the byte order mark of UTF-8 hides nothing", "[search][collected_system]") {
    CHECK(system_of("\xef\xbb\xbfKPWINVERSION: 1\n").producer_version == "1");
}

TEST_CASE("collected_system: only whole lines at the top are looked at", "[search][collected_system]") {
    auto top = "KPNIXVERSION: 1\n" + std::string(system_header_bytes, '\n');
    top.resize(system_header_bytes - 20);
    auto const far = top + std::string(20, '\n') + "Hostname: web-01\n";
    CHECK(system_of(far).name.empty());
    CHECK(system_of(top + "Hostname: web-01-and-a-half\n").name.empty());    // cut off behind web-01-a
    CHECK(system_of(top + "Hostname: w01\n").name == "w01");
    CHECK(system_of("Hostname: w01").name == "w01");
}

TEST_CASE("collected_system: what tells of no system in its first 1 KiB is not looked at any further", "[search][collected_system]") {
    std::string const before(system_first_look_bytes, '\n'), report = "KPNIXVERSION: 1\nHostname: w01\n";
    CHECK(system_of(before.substr(1) + report).name == "w01");    // its first line begins within
    CHECK(system_of(before + report) == collected_system{});
    CHECK(system_of(report.substr(0, 16) + before + report.substr(16)).name == "w01");
}

TEST_CASE("collected_system: names are bounded", "[search][collected_system]") {
    CHECK(system_of("Hostname: " + std::string(60'000, 'x')).name == std::string(256, 'x'));
    CHECK(system_of("PRETTY_NAME=" + std::string(255, 'x') + "\xc3\xa4\n").product == std::string(255, 'x'));
}

TEST_CASE("collected_system: rubbish tells nothing", "[search][collected_system]") {
    CHECK(system_of("") == collected_system{});
    for (std::string_view const bad : {"::", "::=", "=", ":", "Linux GNU/Linux", "\0\0", "Darwin ", "OS Version: 1", "ID=", "ID=\"\"", "ProductVersion: 2"}) {
        CAPTURE(bad);
        CHECK(system_of(bad).version.empty());
        CHECK(system_of(bad).distribution.empty());
    }
}

TEST_CASE("collected_system: families have names", "[search][collected_system]") {
    CHECK(name_of(system_family::windows) == "Windows");
    CHECK(name_of(system_family::gnu_linux) == "Linux");
    CHECK(name_of(system_family::darwin) == "Darwin");
    CHECK(name_of(system_family::unknown) == "unknown");
}
