#include <muster/os/memory_group.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "memory_groups.hpp"
#include "temporary_folder.hpp"

using namespace muster;

TEST_CASE("memory_group: a folder that bounds no memory is refused, and what it lacks is said", "[os][memory_group]") {
    temporary_folder const folder;
    auto const made = memory_group::make(folder.path(), 1 << 20);
    REQUIRE_FALSE(made);
    CHECK(made.error().is(cause::unavailable));
    CHECK(made.error().text().find("no folder of control groups") != std::string::npos);
    CHECK(std::filesystem::is_empty(folder.path()));
    CHECK(memory_group::make("/nowhere/at/all", 1).error().text().find("/nowhere/at/all") != std::string::npos);
}

TEST_CASE("memory_group: what programs that are gone have left is removed, and nothing else", "[os][memory_group]") {
    temporary_folder const folder;
    auto const gone = [] {    // a number that nobody has
        auto const child = ::fork();
        if (child == 0) ::_exit(0);
        ::waitpid(child, nullptr, 0);
        return std::to_string(child);
    }();
    auto const ours = "muster-" + std::to_string(::getpid()) + '-';
    auto const begun = std::to_string(process_identity::of_this().start_time);
    std::vector<std::string> const abandoned{"muster-" + gone + "-77-1", ours + "1-1"};    // the second of somebody who had our number
    std::vector<std::string> const others{ours + begun + "-1", "muster-" + gone, "muster-" + gone + "-77", "muster-x-77-1", "other-" + gone + "-77-1", "muster-" + gone + "-77-2"};
    for (auto const* names : {&abandoned, &others})
        for (auto const& name : *names) {
            std::filesystem::create_directory(folder / name);
            std::filesystem::last_write_time(folder / name, std::filesystem::file_time_type::clock::now() - std::chrono::minutes{1});
        }
    std::filesystem::last_write_time(folder / others.back(), std::filesystem::file_time_type::clock::now());    // perhaps just made, elsewhere
    memory_group::remove_abandoned(folder.path());
    for (auto const& name : abandoned) CHECK_FALSE(std::filesystem::exists(folder / name));
    for (auto const& name : others) CHECK(std::filesystem::exists(folder / name));
}

TEST_CASE("memory_group: who takes more is killed, and counted", "[os][memory_group][forks]") {
    auto const parent = folder_for_memory_groups();
    if (parent.empty()) SKIP("no folder of control groups that bound memory may be written");
    auto group = memory_group::make(parent, 8 << 20);
    REQUIRE(group);
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    auto const child = ::fork();
    if (child == 0) {
        char go = 0;
        (void)!::read(ready[0], &go, 1);
        auto const size = std::size_t{64} << 20;
        auto* const all = static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        for (std::size_t i = 0; i < size; i += 4'096) all[i] = 1;
        ::_exit(0);
    }
    REQUIRE(group->add(child));
    CHECK_FALSE(group->remove());    // somebody is in it
    CHECK(group->kills() == 0u);
    REQUIRE(::write(ready[1], "g", 1) == 1);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGKILL);
    CHECK(group->kills() == 1u);
    CHECK(group->remove());
    CHECK(group->remove());    // it is gone
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_CASE("memory_group: its end takes along who is in it, in whatever session", "[os][memory_group][forks]") {
    auto const parent = folder_for_memory_groups();
    if (parent.empty()) SKIP("no folder of control groups that bound memory may be written");
    pid_t child = -1;
    {
        auto group = memory_group::make(parent, 8 << 20);
        REQUIRE(group);
        child = ::fork();
        if (child == 0) {
            ::setsid();
            for (;;) ::pause();
        }
        REQUIRE(group->add(child));
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WTERMSIG(status) == SIGKILL);
    (void)our_memory_groups(parent);    // perhaps it could not be removed as long as the dead was in it
}
