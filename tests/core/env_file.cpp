#include <muster/core/env_file.hpp>

#include "catch.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <stdlib.h>    // setenv

#include <muster/core/settings.hpp>

#include "temporary_folder.hpp"

using namespace muster;

namespace {
std::optional<std::string> value_in(std::string_view line) {
    auto const file = env_file::parse(line);
    return file ? file->find("A") : std::nullopt;
}
std::string refusal_of(std::string_view text) {
    auto const file = env_file::parse(text);
    return file ? "" : file.error().text();
}
}  // namespace

TEST_CASE("env_file: lines, comments, blanks, quotes and export", "[core][env_file]") {
    auto const file = env_file::parse("\xef\xbb\xbf# keys\r\n\r\n  FIRST = one two  # said twice\r\nexport SECOND='a \"b\" \\n $HOME'\n"
                                      "\texport\tTHIRD=\"a\\tb\\\"c\\\\d\\$e\"   # why\n_4=\nlast=x#y")
                          .value();
    CHECK(file.size() == 5);
    CHECK(file.find("FIRST") == "one two");
    CHECK(file.find("SECOND") == "a \"b\" \\n $HOME");
    CHECK(file.find("THIRD") == "a\tb\"c\\d$e");
    CHECK(file.find("_4") == "");
    CHECK(file.find("last") == "x#y");
    CHECK(file.find("first") == std::nullopt);
    CHECK(env_file::parse("").value().size() == 0);
    CHECK(env_file{}.size() == 0);
}

TEST_CASE("env_file: a value is what stands there: nothing is expanded, and no command is run", "[core][env_file]") {
    CHECK(value_in("A=$HOME/${USER}$(id)`id`") == "$HOME/${USER}$(id)`id`");
    CHECK(value_in("A=\"$HOME `id`\"") == "$HOME `id`");
    CHECK(value_in("A=b=c==") == "b=c==");
    CHECK(value_in("A=a\\nb") == "a\\nb");
    CHECK(value_in("A=#no") == "");
    CHECK(value_in("A=''") == "");
    CHECK(value_in("A=\"\"#no") == std::nullopt);
    CHECK(value_in("exportA=1") == std::nullopt);
    CHECK(value_in("export=1\nA=2") == "2");
    CHECK(value_in("A=\xc3\xa4") == "\xc3\xa4");
}

TEST_CASE("env_file: what is wrong is said with file and line and rule, never with what stands there", "[core][env_file]") {
    struct wrong {
        std::string text, says;
    };
    for (auto const& [text, says] : {
             wrong{"sk-secret", "a line is NAME=VALUE, a comment or empty"},
             wrong{"export sk-secret", "a line is NAME=VALUE, a comment or empty"},
             wrong{"sk-secret=1", "a name has letters, digits and underscores, and begins with no digit"},
             wrong{"=sk-secret", "a name has letters, digits and underscores, and begins with no digit"},
             wrong{"1A=sk-secret", "a name has letters, digits and underscores, and begins with no digit"},
             wrong{"A B=sk-secret", "a name has letters, digits and underscores, and begins with no digit"},
             wrong{"A=\"sk-secret", "a quote that does not end on its line"},
             wrong{"A='sk-secret\n'", "a quote that does not end on its line"},
             wrong{"A=\"sk-secret\\\"", "a quote that does not end on its line"},
             wrong{"A=\"sk-secret\\", "in double quotes \\ stands before n, r, t, \", $ or \\ alone; use single quotes"},
             wrong{"A=\"sk-secret\\x\"", "in double quotes \\ stands before n, r, t, \", $ or \\ alone; use single quotes"},
             wrong{"A='sk-secret'x", "something behind the closing quote"},
             wrong{"A=sk-sec'ret", "a quote in a value without quotes: put the whole value in quotes"},
             wrong{"A=sk-secret\x01", "a control character"},
             wrong{std::string{"A=sk-secret\0", 12}, "a control character"},
             wrong{"A=sk-secret\rB=1", "a control character"},
             wrong{"B=1\nB=sk-secret", "the name was given before"},
         }) {
        auto const lines_before = text == "B=1\nB=sk-secret" ? 1u : 0u;
        CHECK(refusal_of(text) == "\".env\":" + std::to_string(1 + lines_before) + ": " + says);
        CHECK(refusal_of("\n# comment\n" + text) == "\".env\":" + std::to_string(3 + lines_before) + ": " + says);
    }
    CHECK(refusal_of(std::string((std::size_t{1} << 20) + 1, '#')) == "the file \".env\" is longer than 1 MiB");
}

TEST_CASE("env_file: the environment stands before the file, also where it is empty", "[core][env_file]") {
    auto const file = env_file::parse("MUSTER_TEST_ENV_A=file\nMUSTER_TEST_ENV_B=file\nMUSTER_TEST_ENV_C=file").value();
    ::setenv("MUSTER_TEST_ENV_A", "environment", 1);
    ::setenv("MUSTER_TEST_ENV_B", "", 1);
    ::unsetenv("MUSTER_TEST_ENV_C");
    CHECK(file.get("MUSTER_TEST_ENV_A") == "environment");
    CHECK(file.get("MUSTER_TEST_ENV_B") == "");
    CHECK(file.get("MUSTER_TEST_ENV_C") == "file");
    CHECK(file.get("MUSTER_TEST_ENV_D") == std::nullopt);
    CHECK(::getenv("MUSTER_TEST_ENV_C") == nullptr);    // reading it changes nothing: no child is told
    ::unsetenv("MUSTER_TEST_ENV_A");
    ::unsetenv("MUSTER_TEST_ENV_B");
}

TEST_CASE("env_file: it is read from a file, and settings read it", "[core][env_file]") {
    temporary_folder folder;
    auto const path = folder / ".env";
    folder.put(".env", "MUSTER_TEST_MAX_WORKERS=3\n");
    auto const file = env_file::read(path).value();
    settings const switches{{.prefix = "MUSTER_TEST", .environment = [&file](std::string const& name) { return file.get(name); }}};
    CHECK(switches.snapshot().workers_or(7) == 3);
    folder.put(".env", "A=1\noops\n");
    CHECK(env_file::read(path).error().text() == "\"" + path + "\":2: a line is NAME=VALUE, a comment or empty");
    CHECK(env_file::read(folder / "none").error().text() == "the file \"" + (folder / "none") + "\" cannot be opened");
    CHECK(env_file::read(folder.path()).error().text() == "the file \"" + folder.path() + "\" cannot be read");
    CHECK(env_file::read("/dev/zero").error().text() == "the file \"/dev/zero\" is longer than 1 MiB");
}
