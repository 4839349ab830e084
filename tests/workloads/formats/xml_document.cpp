#include <muster/workloads/formats/xml_document.hpp>

#include <array>
#include <string>
#include <string_view>

#include <sys/socket.h>    // socket
#include <sys/stat.h>      // mkfifo
#include <sys/un.h>        // sockaddr_un

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace muster;
using xml::document;

namespace {

std::string bytes(document const& of, std::uint64_t offset, std::size_t most) {
    std::string out(most, '?');
    out.resize(of.read(offset, out.data(), most).value());
    return out;
}

}  // namespace

TEST_CASE("xml::document: reads a file and a text alike, at any offset", "[xml][document]") {
    temporary_folder const folder;
    auto const file = folder.put("a.xml", "0123456789");
    for (auto const& each : {document::open(file).value(), document::of("0123456789")}) {
        CHECK(bytes(each, 0, 4) == "0123");
        CHECK(bytes(each, 7, 100) == "789");
        CHECK(bytes(each, 10, 5).empty());
        CHECK(bytes(each, 1'000, 5).empty());
    }
    CHECK(document::open(file)->name() == "\"" + file + "\"");
    CHECK(document::of("").name() == "the text");
    CHECK(document::of("", "answer 3").name() == "answer 3");
}

TEST_CASE("xml::document: stays the same when another takes its path", "[xml][document]") {
    temporary_folder const folder;
    auto const one = document::open(folder.put("a.xml", "old")).value();
    std::filesystem::rename(folder.put("b.xml", "new"), folder / "a.xml");
    CHECK(bytes(one, 0, 10) == "old");
}

TEST_CASE("xml::document: what is no regular file is refused without waiting for it", "[xml][document]") {
    temporary_folder const folder;
    auto const pipe = folder / "pipe", bound = folder / "socket";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    muster::fd const made{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    bound.copy(where.sun_path, sizeof where.sun_path - 1);
    REQUIRE(::bind(made.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    for (auto const& each : {pipe, bound, std::string{"/dev/null"}}) {
        auto const why = document::open(each).error();
        CHECK(why.is(cause::invalid_input));
        CHECK(why.text() == "cannot read \"" + each + "\": it is no regular file");
    }
    CHECK(document::open(folder / "absent").error().is(cause::unavailable));
    CHECK(document::open("").error().is(cause::unavailable));
}
