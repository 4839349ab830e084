#include <muster/workloads/search/look_at.hpp>

#include "catch.hpp"

#include <string>

#include <sys/stat.h>

#include "../../temporary_folder.hpp"
#include "models.hpp"

using namespace models;
using namespace std::string_literals;

TEST_CASE("look_at: the mark tells the encoding, a zero byte that it is no text", "[search][look_at]") {
    temporary_folder const folder;
    auto const encoding = [&](std::string const& bytes) { return look_at(folder.put("file", bytes)).value().encoding; };
    CHECK(encoding("") == text_encoding::bytes);
    CHECK(encoding("text") == text_encoding::bytes);
    CHECK(encoding("\xff\xfe") == text_encoding::utf16_le);
    CHECK(encoding("\xff\xfe" "a\0"s) == text_encoding::utf16_le);
    CHECK(encoding("\xfe\xff\0a"s) == text_encoding::utf16_be);
    CHECK(encoding("\xff") == text_encoding::bytes);
    CHECK(encoding("\xff\xff\xfe") == text_encoding::bytes);
    CHECK(encoding("a\0b"s) == text_encoding::binary);
    CHECK(encoding("\xef\xbb\xbf" "a\0b"s) == text_encoding::bytes);
    CHECK(encoding(std::string(8'191, 'a') + '\0') == text_encoding::binary);
    CHECK(encoding(std::string(8'192, 'a') + '\0') == text_encoding::bytes);
}

TEST_CASE("look_at: the top tells the system, in any encoding", "[search][look_at]") {
    temporary_folder const folder;
    auto const text = "KPNIXVERSION: 0.6.21\r\nSystem_OSInfo::VERSION_ID=\"12\"\r\nHostname: web-01\r\n"s;
    for (auto const& bytes : {text, "\xef\xbb\xbf" + text, "\xff\xfe" + to_utf16(text, false), "\xfe\xff" + to_utf16(text, true)}) {
        auto const look = look_at(folder.put("file", bytes)).value();
        CHECK(look.system.family == system_family::gnu_linux);
        CHECK(look.system.version == "12");
        CHECK(look.system.name == "web-01");
        CHECK(look.system.producer_version == "0.6.21");
    }
    CHECK(look_at(folder.put("file", "\0"s + text)).value().system == collected_system{});
}

TEST_CASE("look_at: what it says is what a scanner of the whole file says", "[search][look_at]") {
    temporary_folder const folder;
    auto const head = "KPNIXVERSION: 1\r\n"s, line = "ID=debian\n"s;
    for (std::size_t const before : {20u, 60'000u, 65'000u, 65'530u, 70'000u, 300'000u, 1'100'000u})
        for (char const filler : {'x', '\n'}) {
            auto const text = head + std::string(before - head.size(), filler) + "\r\n" + line + std::string(10'000, 'y');
            for (auto const& bytes : {text, "\xff\xfe" + to_utf16(text, false)}) {
                auto const file = folder.put("file", bytes);
                auto look = look_at(file).value();
                look.system.name = "shown";
                CHECK(scanner_of(rule_set{})(piece{.file = file, .path = "shown"}).value().look == look);
                CHECK(scanner_of(rule_set{})(piece{.file = file, .path = "shown", .size = 5}).value().look == look);
                CHECK(look.system.distribution == (before < 65'530 ? "debian" : ""));    // never "de"
            }
        }
}

TEST_CASE("look_at: what cannot be looked at is a failure that names it", "[search][look_at]") {
    temporary_folder const folder;
    CHECK(look_at(folder / "missing").error().is(cause::unavailable));
    CHECK(look_at(folder / "missing").error().text().find("missing") != std::string::npos);
    CHECK(look_at(folder.path()).error().is(cause::invalid_input));
    auto const pipe = folder / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(look_at(pipe).error().is(cause::invalid_input));
}
