#include <muster/shm/arena.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <muster/shm/detail/arena_layout.hpp>
#include <muster/shm/detail/arena_words.hpp>

#include "catch.hpp"
#include "killed_child.hpp"

using namespace muster;

static_assert(!std::is_copy_constructible_v<arena> && !std::is_move_constructible_v<arena>);

namespace {

constexpr std::size_t KiB = 1'024;
constexpr std::size_t MiB = 1'024 * KiB;

fd again(arena const& of) { return fd{::fcntl(of.file().get(), F_DUPFD_CLOEXEC, 3)}; }

// What the kernel says the memory takes: the arena's own count is checked against it.
std::size_t in_memory(arena const& of) {
    struct stat about {};
    return ::fstat(of.file().get(), &about) == 0 ? static_cast<std::size_t>(about.st_blocks) * 512 : 0;
}

std::byte* data_of(arena const& of, shared_handle const& which) { return of.bytes(which).value().data(); }

// What `work` answers in a child of fork, which then ends without a destructor; 255 when it crashed.
template <class Work>
int in_child(Work work) {
    auto const child = ::fork();
    if (child == 0) ::_exit(work());
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

template <class T>
bool refused(outcome<T> const& result) { return !result && result.error().is(cause::invalid_input) && !result.error().text().empty(); }

}  // namespace

TEST_CASE("arena: gives chunks of this process, which are freed once", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    CHECK(here.capacity() == 1 * MiB);
    auto const chunk = here.allocate(5'000).value();
    CHECK(chunk.arena == here.id());
    CHECK(chunk.size == 5'000);
    CHECK(here.owns(chunk));
    std::memset(data_of(here, chunk), 1, 5'000);
    CHECK(here.stats().in_use == 8 * KiB);
    CHECK(here.stats().chunks == 1);
    CHECK(here.release(chunk).has_value());
    CHECK_FALSE(here.owns(chunk));
    CHECK(here.stats().in_use == 0);
    CHECK(refused(here.release(chunk)));
    CHECK(refused(here.bytes(chunk)));
    CHECK(refused(here.adopt(chunk)));
    CHECK(refused(here.give(chunk)));
}

TEST_CASE("arena: the capacity is given to the last page, and no page more", "[shm][arena]") {
    for (std::size_t const size : {4 * KiB, 12 * KiB, 60 * KiB, 64 * KiB, 100 * KiB, 1 * MiB, 3 * MiB}) {
        arena here{{.capacity = 6 * MiB}};
        auto const bookkeeping = in_memory(here);
        std::vector<shared_handle> all;
        for (auto more = here.allocate(size); more; more = here.allocate(size)) all.push_back(*more);
        CHECK(all.size() == 6 * MiB / size);
        CHECK(here.stats().committed == all.size() * size);
        CHECK(in_memory(here) == bookkeeping + all.size() * size);    // before anybody writes
        for (auto const& one : all) std::memset(data_of(here, one), 1, size);
        CHECK(in_memory(here) == bookkeeping + all.size() * size);

        auto const none = here.allocate(size);
        REQUIRE_FALSE(none);
        CHECK(none.error().is(cause::exhausted));
        CHECK(none.error().text() == "an arena of 6291456 bytes, of which " + std::to_string(all.size() * size) + " are in use by " +
                                         std::to_string(all.size()) + " chunks, has no room for " + std::to_string(size) + " more");
        REQUIRE(here.release(all.front()));
        CHECK(here.allocate(size));
    }
}

TEST_CASE("arena: one chunk may have the whole capacity, whatever that is", "[shm][arena]") {
    for (std::size_t const capacity : {1ul, 4 * KiB, 20 * KiB, 1 * MiB, 5 * MiB + 4 * KiB, 100 * MiB}) {
        arena here{{.capacity = capacity}};
        for (int times = 0; times < 2; ++times) {
            auto const all = here.allocate(here.capacity());
            REQUIRE(all);
            std::memset(data_of(here, *all), 1, 1);
            data_of(here, *all)[here.capacity() - 1] = std::byte{2};
            CHECK_FALSE(here.allocate(1));
            REQUIRE(here.release(*all));
        }
        CHECK_FALSE(here.allocate(here.capacity() + 1));
        CHECK_FALSE(here.allocate(SIZE_MAX));
    }
}

TEST_CASE("arena: no two chunks share a byte", "[shm][arena]") {
    arena here{{.capacity = 8 * MiB}};
    std::mt19937 random{7};    // NOLINT: the same run each time
    std::vector<std::pair<shared_handle, std::byte*>> all;
    for (std::size_t size = 1; auto const more = here.allocate(size); size = random() % (64 * KiB) + 1) all.emplace_back(*more, data_of(here, *more));
    REQUIRE(all.size() > 100);
    std::sort(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.second < b.second; });
    for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i - 1].second + all[i - 1].first.size <= all[i].second);
    for (auto const& [chunk, at] : all) CHECK(reinterpret_cast<std::uintptr_t>(at) % (4 * KiB) == 0);
}

TEST_CASE("arena: a chunk that was freed is used again, under another generation", "[shm][arena]") {
    arena here{{.capacity = 4 * MiB}};
    auto const before = here.allocate(1 * MiB).value();
    data_of(here, before)[0] = std::byte{1};
    REQUIRE(here.release(before));
    auto const kept = here.stats().committed;
    CHECK(kept == 1 * MiB);
    auto const after = here.allocate(1 * MiB).value();
    CHECK(after.chunk == before.chunk);
    CHECK(after.generation != before.generation);
    CHECK(here.stats().committed == kept);
    CHECK(refused(here.release(before)));    // freed twice, while somebody else has it
    CHECK(refused(here.bytes(before)));
    CHECK(here.owns(after));
    CHECK(here.release(after).has_value());
}

TEST_CASE("arena: pages that nobody uses go to who needs them", "[shm][arena]") {
    arena here{{.capacity = 4 * MiB}};
    auto const bookkeeping = in_memory(here);
    std::vector<shared_handle> small;
    for (auto more = here.allocate(16 * KiB); more; more = here.allocate(16 * KiB)) small.push_back(*more);
    for (auto const& one : small) REQUIRE(here.release(one));
    CHECK(here.stats().committed == 4 * MiB);
    auto const large = here.allocate(3 * MiB);
    REQUIRE(large);
    CHECK(here.stats().committed <= 4 * MiB);
    CHECK(in_memory(here) == bookkeeping + here.stats().committed);
    CHECK(here.allocate(1 * MiB));
    CHECK_FALSE(here.allocate(1));
}

TEST_CASE("arena: trim gives back what nobody uses", "[shm][arena]") {
    arena here{{.capacity = 4 * MiB}};
    auto const bookkeeping = in_memory(here);
    auto const stays = here.allocate(64 * KiB).value();
    auto const goes = here.allocate(1 * MiB).value();
    data_of(here, stays)[5] = std::byte{5};
    data_of(here, goes)[5] = std::byte{6};
    REQUIRE(here.release(goes));
    CHECK(here.trim() == 1 * MiB);
    CHECK(here.trim() == 0);
    CHECK(here.stats().committed == 64 * KiB);
    CHECK(in_memory(here) == bookkeeping + 64 * KiB);
    CHECK(data_of(here, stays)[5] == std::byte{5});
    auto const next = here.allocate(1 * MiB).value();
    CHECK(data_of(here, next)[5] == std::byte{0});
}

TEST_CASE("arena: with zero_on_free nobody sees what another left", "[shm][arena]") {
    for (bool const wanted : {true, false}) {
        arena here{{.capacity = 1 * MiB, .zero_on_free = wanted}};
        arena there = arena::attach(again(here));
        for (auto* of : {&here, &there}) {
            auto const chunk = of->allocate(100 * KiB).value();
            auto* const at = data_of(*of, chunk);
            std::memset(at, 0x55, 100 * KiB);
            REQUIRE(of->release(chunk));
            auto const next = of->allocate(100 * KiB).value();
            REQUIRE(next.chunk == chunk.chunk);
            auto const zeros = std::count(at, at + 100 * KiB, std::byte{0});
            CHECK(zeros == (wanted ? 100 * static_cast<long>(KiB) : 0));
            REQUIRE(of->release(next));
        }
    }
}

TEST_CASE("arena: what the dead had is zeroed as well", "[shm][arena][forks]") {
    arena here{{.capacity = 1 * MiB, .zero_on_free = true}};
    shared_handle left;
    REQUIRE(in_child([&] {
                auto const chunk = here.allocate(100 * KiB).value();
                std::memset(data_of(here, chunk), 0x55, 100 * KiB);
                return 0;
            }) == 0);
    CHECK(here.sweep_dead() == 1);
    left = here.allocate(100 * KiB).value();
    CHECK(left.generation == 1);
    auto const seen = here.bytes(left).value();
    CHECK(std::count(seen.begin(), seen.end(), std::byte{0}) == 100 * static_cast<long>(KiB));
}

TEST_CASE("arena: who attaches sees the bytes, and frees nothing of others", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    arena there = arena::attach(again(here));
    CHECK(there.id() == here.id());
    CHECK(there.capacity() == here.capacity());
    CHECK(here.made_here());
    CHECK_FALSE(there.made_here());
    CHECK(here.stats().owners == 2);
    auto const chunk = here.allocate(100).value();
    data_of(here, chunk)[99] = std::byte{9};
    CHECK(data_of(there, chunk)[99] == std::byte{9});
    CHECK_FALSE(there.owns(chunk));
    CHECK(refused(there.release(chunk)));
    CHECK(refused(there.give(chunk)));
    CHECK(here.owns(chunk));
}

TEST_CASE("arena: what is no arena is refused", "[shm][arena]") {
    CHECK_THROWS_AS(arena::attach(fd::open("/dev/null", O_RDWR)), std::system_error);
    shared_memory zeros{1 * MiB};
    CHECK_THROWS_AS(arena::attach(fd{::fcntl(zeros.file().get(), F_DUPFD_CLOEXEC, 3)}), std::system_error);
    arena real{{.capacity = 1 * MiB}};
    shared_memory small{4 * KiB};    // its header promises more than there is
    std::memcpy(small.data(), shared_memory{again(real)}.data(), 4 * KiB);
    CHECK_THROWS_AS(arena::attach(fd{::fcntl(small.file().get(), F_DUPFD_CLOEXEC, 3)}), std::system_error);
    fd const open_ended{::memfd_create("muster test", MFD_CLOEXEC)};    // whoever has it could cut it off
    REQUIRE(::ftruncate(open_ended.get(), static_cast<off_t>(real.address_space())) == 0);
    REQUIRE(::pwrite(open_ended.get(), shared_memory{again(real)}.data(), 4 * KiB, 0) == 4 * KiB);
    CHECK_THROWS_AS(arena::attach(fd{::fcntl(open_ended.get(), F_DUPFD_CLOEXEC, 3)}), std::system_error);
    CHECK_THROWS_AS((arena{{.capacity = 0}}), std::length_error);
    CHECK_THROWS_AS((arena{{.capacity = SIZE_MAX}}), std::length_error);
}

TEST_CASE("arena: a large arena costs address space and bookkeeping only", "[shm][arena]") {
    arena here{{.capacity = std::size_t{4} << 30}};    // 64 GiB of addresses: ThreadSanitizer leaves not many more
    CHECK(in_memory(here) < 16 * MiB);
    CHECK(here.address_space() < 20 * here.capacity());
    auto const chunk = here.allocate(1 * MiB);
    REQUIRE(chunk);
    CHECK(here.stats().committed == 1 * MiB);
}

TEST_CASE("arena: is found by its number as long as it is there", "[shm][arena]") {
    std::uint64_t id = 0;
    {
        arena here{{.capacity = 1 * MiB}};
        arena other{{.capacity = 1 * MiB}};
        id = here.id();
        CHECK(arena::find(id) == &here);
        CHECK(arena::find(other.id()) == &other);
        CHECK(other.id() != id);
    }
    CHECK(arena::find(id) == nullptr);
    CHECK(arena::find(0) == nullptr);
}

TEST_CASE("arena: what is given belongs to whoever adopts it, once", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    arena there = arena::attach(again(here));
    auto const chunk = there.allocate(100).value();
    CHECK(here.adopt(chunk) == false);    // it was not given
    CHECK(there.owns(chunk));
    REQUIRE(there.give(chunk));
    CHECK(there.give(chunk).has_value());    // a message that is made twice
    CHECK_FALSE(there.owns(chunk));
    CHECK(refused(there.release(chunk)));
    CHECK(here.adopt(chunk) == true);
    CHECK(here.owns(chunk));
    CHECK(here.adopt(chunk) == false);
    CHECK(refused(there.give(chunk)));
    CHECK(here.release(chunk).has_value());
}

TEST_CASE("arena: transfer moves only what the expected owner still has", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    arena there = arena::attach(again(here));
    auto const me = here.become_owner().value();
    auto const them = there.become_owner().value();
    REQUIRE(me != them);
    auto const chunk = here.allocate(100).value();
    CHECK(refused(here.transfer(chunk, them, me)));
    CHECK(here.transfer(chunk, me, them).has_value());
    CHECK(there.owns(chunk));
    CHECK_FALSE(here.owns(chunk));
    CHECK(refused(here.transfer(chunk, me, them)));
    REQUIRE(there.give(chunk));
    CHECK(here.transfer(chunk, them, me).has_value());
    CHECK(here.owns(chunk));
    CHECK(refused(here.transfer(chunk, me, {})));
    REQUIRE(here.release(chunk));
    CHECK(refused(here.transfer(chunk, me, them)));
}

TEST_CASE("arena: handles that nobody made are refused", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    auto const chunk = here.allocate(100).value();
    auto const all_refuse = [&](shared_handle const& bad) {
        CHECK(refused(here.bytes(bad)));
        CHECK(refused(here.adopt(bad)));
        CHECK(refused(here.give(bad)));
        CHECK(refused(here.release(bad)));
        CHECK_FALSE(here.owns(bad));
    };
    auto const changed = [&](auto change) {
        auto bad = chunk;
        change(bad);
        return bad;
    };
    all_refuse({});
    all_refuse(changed([](auto& h) { h.arena ^= 1; }));
    all_refuse(changed([](auto& h) { h.generation += 1; }));
    all_refuse(changed([](auto& h) { h.generation -= 1; }));
    all_refuse(changed([](auto& h) { h.size = SIZE_MAX; }));
    for (auto const size : {4 * KiB + 1, 1 * MiB}) CHECK(refused(here.bytes(changed([&](auto& h) { h.size = size; }))));
    for (std::uint32_t bit = 0; bit < 32; ++bit) all_refuse(changed([&](auto& h) { h.chunk ^= 1u << bit; }));
    all_refuse(changed([](auto& h) { h.chunk = UINT32_MAX; }));
    CHECK(here.owns(chunk));
    auto pages = here.allocate(12 * KiB).value();    // of a chunk that could have four
    pages.size += 1;
    CHECK(refused(here.bytes(pages)));
    CHECK(refused(here.adopt(pages)));
}

TEST_CASE("arena: what is released while somebody may still use it is not used again", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    auto const chunk = here.allocate(1 * MiB).value();
    here.keep();
    here.keep();
    REQUIRE(here.release(chunk));
    CHECK(refused(here.release(chunk)));
    CHECK(refused(here.adopt(chunk)));
    CHECK_FALSE(here.allocate(1));
    here.reuse();
    CHECK_FALSE(here.allocate(1));
    here.reuse();
    CHECK(here.stats().in_use == 0);
    CHECK(here.allocate(1 * MiB));
}

TEST_CASE("arena: a child of fork is another owner, and frees nothing of its parent's", "[shm][arena][forks]") {
    arena here{{.capacity = 1 * MiB}};
    auto const mine = here.allocate(100).value();
    auto const me = here.become_owner().value();
    shared_memory const told{sizeof(shared_handle)};
    CHECK(in_child([&] {
              if (here.made_here() || here.owns(mine)) return 1;
              if (here.release(mine) || here.give(mine)) return 2;
              auto const chunk = here.allocate(100);
              if (!chunk || !here.owns(*chunk) || here.become_owner().value() == me) return 3;
              std::memcpy(told.data(), &*chunk, sizeof *chunk);
              return 0;
          }) == 0);
    shared_handle theirs;
    std::memcpy(&theirs, told.data(), sizeof theirs);
    CHECK(here.owns(mine));
    CHECK_FALSE(here.owns(theirs));
    CHECK(refused(here.release(theirs)));
    CHECK(here.stats().chunks == 2);
    CHECK(here.sweep_dead() == 1);
    CHECK(here.stats().chunks == 1);
    CHECK(here.owns(mine));
    CHECK(here.sweep_dead() == 0);
    CHECK(here.stats().reclaimed == 1);
    CHECK(here.stats().sweeps == 2);
    CHECK(here.stats().owners == 1);
}

TEST_CASE("arena: sweep frees what one owner had and gave, and spares the living", "[shm][arena][forks]") {
    arena here{{.capacity = 1 * MiB}};
    auto const mine = here.allocate(100).value();
    shared_memory const told{4 * KiB};
    auto* const handles = reinterpret_cast<shared_handle*>(told.data());
    auto& ready = *reinterpret_cast<std::atomic<int>*>(told.data() + 2 * KiB);
    auto const child = ::fork();
    if (child == 0) {
        for (int i = 0; i < 3; ++i) handles[i] = here.allocate(100).value();
        if (!here.give(handles[1]) || !here.give(handles[2])) ::_exit(1);
        ready = 1;
        for (;;) ::pause();
    }
    while (ready == 0) ::usleep(100);
    auto const them = here.owner_of(process_identity::of(child).value());
    REQUIRE(them);
    CHECK(here.sweep_dead() == 0);    // it lives
    ::kill(child, SIGKILL);
    siginfo_t about{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &about, WEXITED | WNOWAIT) == 0);
    CHECK(here.adopt(handles[1]) == true);    // its last message is read
    CHECK(here.sweep(them) == 2);
    CHECK(here.sweep(them) == 0);
    CHECK(here.owns(handles[1]));
    CHECK(refused(here.adopt(handles[2])));
    CHECK(here.owns(mine));
    ::waitpid(child, nullptr, 0);
}

TEST_CASE("arena: who needs memory takes what the dead left, but no message", "[shm][arena][forks]") {
    arena here{{.capacity = 1 * MiB}};
    shared_memory const told{sizeof(shared_handle)};
    REQUIRE(in_child([&] {
                auto const message = here.allocate(256 * KiB).value();
                std::memcpy(told.data(), &message, sizeof message);
                return here.give(message) && here.allocate(768 * KiB) ? 0 : 1;
            }) == 0);
    shared_handle message;
    std::memcpy(&message, told.data(), sizeof message);
    CHECK(here.allocate(768 * KiB));
    CHECK_FALSE(here.allocate(1));
    CHECK(here.adopt(message) == true);
    CHECK(here.release(message).has_value());
    CHECK(here.allocate(256 * KiB));
}

TEST_CASE("arena: what one of the dead gave outlives the sweep of another, and whoever needs memory", "[shm][arena][forks]") {
    arena here{{.capacity = 1 * MiB}};
    shared_memory const told{4 * KiB};
    struct left {
        shared_handle message;
        arena_owner owner;
    };
    auto* const both = reinterpret_cast<left*>(told.data());
    for (int i = 0; i < 2; ++i)
        REQUIRE(in_child([&] {
                    auto const message = here.allocate(256 * KiB).value();
                    both[i] = {message, here.become_owner().value()};
                    return here.give(message) && here.allocate(128 * KiB) ? 0 : 1;
                }) == 0);
    CHECK(here.allocate(512 * KiB));    // which takes what both had, and had not given
    CHECK_FALSE(here.allocate(1));
    CHECK(here.sweep(both[0].owner) == 1);
    CHECK(here.adopt(both[1].message) == true);
    CHECK(here.sweep(both[1].owner) == 0);
    CHECK(here.owns(both[1].message));
}

TEST_CASE("arena: a transfer to somebody who is gone leaves the chunk to the next sweep", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    arena_owner them;
    {
        arena there = arena::attach(again(here));
        them = there.become_owner().value();
    }
    auto const me = here.become_owner().value();
    auto const chunk = here.allocate(100).value();
    REQUIRE(here.transfer(chunk, me, them));
    arena next = arena::attach(again(here));    // takes the same place of the table
    CHECK(next.become_owner().value().place == them.place);
    CHECK_FALSE(next.owns(chunk));
    CHECK(here.sweep_dead() == 1);
}

TEST_CASE("arena: a place in the table of owners is given again, and tells its processes apart", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    std::set<std::pair<int, int>> seen;
    for (int i = 0; i < 100; ++i) {
        arena there = arena::attach(again(here));
        auto const who = there.become_owner().value();
        CHECK(who.place <= 2);
        CHECK(seen.emplace(who.place, who.generation).second);
    }
    CHECK(here.stats().owners == 1);
}

TEST_CASE("arena: a process that has the number of a dead owner is not taken for it", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    shared_memory const raw{again(here)};
    auto const write = [&](std::size_t place, std::uint64_t start) {
        detail::owner_word const word{.pid = static_cast<std::uint32_t>(::getpid()), .start_time = detail::owner_word::low(start)};
        auto const bits = word.word();
        std::memcpy(raw.data() + detail::arena_layout::owners_at + place * sizeof bits, &bits, sizeof bits);
    };
    auto const start = process_identity::of_this().start_time;
    write(5, start + 1);    // an owner of this number that started later
    write(6, start);
    CHECK(here.stats().owners == 3);
    here.sweep_dead();
    CHECK(here.stats().owners == 2);
    CHECK_FALSE(here.owner_of({.pid = ::getpid(), .start_time = start + 1}));
}

TEST_CASE("arena: a chunk whose last owner died before it could say that it is free is found again", "[shm][arena]") {
    arena here{{.capacity = 1 * MiB}};
    detail::arena_layout const layout{here.capacity(), 4 * KiB};
    shared_memory const raw{again(here)};
    auto const last = layout.classes() - 1;
    raw.data()[layout.of(last).fresh] = std::byte{1};    // it took the only chunk of the largest class, and no more
    CHECK(here.allocate(1 * MiB));
    here.sweep_dead();
}

TEST_CASE("arena: threads of one process never get the same chunk", "[shm][arena]") {
    arena here{{.capacity = 2 * MiB}};
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                std::mt19937 random{static_cast<unsigned>(t)};    // NOLINT: the same run each time
                for (int i = 0; i < 3'000; ++i) {
                    auto const chunk = here.allocate(random() % (128 * KiB) + 1);
                    if (!chunk) {
                        wrong += !chunk.error().is(cause::exhausted);
                        continue;
                    }
                    auto* const at = data_of(here, *chunk);
                    std::memset(at, t + 1, std::min<std::size_t>(chunk->size, 64));
                    if (random() % 8 == 0) here.sweep_dead();
                    if (random() % 64 == 0) here.trim();
                    for (std::size_t n = 0; n < std::min<std::size_t>(chunk->size, 64); ++n) wrong += at[n] != std::byte(t + 1);
                    wrong += !here.release(*chunk);
                }
            });
    }
    CHECK(wrong == 0);
    CHECK(here.stats().in_use == 0);
    here.trim();
    CHECK(here.stats().committed == 0);
}

TEST_CASE("arena: the largest chunks are never refused while there is room for them", "[shm][arena]") {
    // Four threads each hold an eighth of the capacity at most, and trim and sweep at the same time: nothing may be full.
    arena here{{.capacity = 8 * MiB}};
    std::atomic<int> refusals{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                std::mt19937 random{t};    // NOLINT: the same run each time
                for (int i = 0; i < 2'000; ++i) {
                    auto const chunk = here.allocate(random() % (1 * MiB) + 1);
                    refusals += !chunk;
                    if (chunk) refusals += !here.release(*chunk);
                    if (random() % 16 == 0) here.trim();
                }
            });
    }
    CHECK(refusals == 0);
}

namespace {

// Does at random what can be done with an arena, and checks that nobody else writes to what is its own. It passes chunks on
// through a few words that all processes share.
class player {
public:
    static constexpr std::size_t letters = 8;

    player(arena& in, std::byte* post, unsigned seed) : in_(&in), post_(reinterpret_cast<std::atomic<std::uint64_t>*>(post)), random_(seed) {}

    // False when a promise was broken.
    bool step() {
        auto const what = random_() % 100;
        if (what < 40 || all_.empty()) return all_.size() > 24 || allocate();
        auto const one = random_() % all_.size();
        std::swap(all_[one], all_.back());
        auto const last = all_.back();
        if (what < 70) {
            all_.pop_back();
            return intact(last) && in_->release(last.chunk) && !in_->release(last.chunk) && !in_->owns(last.chunk);
        }
        if (what < 90 && !sends_) {
            adopt(post_[random_() % letters].exchange(0));
        } else if (what < 90) {
            all_.pop_back();
            return intact(last) && pass_on(last.chunk);
        }
        if (what < 97) return intact(last);
        if (what < 99) in_->sweep_dead();
        else in_->trim();
        return true;
    }
    // Takes what is still on its way: of the dead as well, for that was not swept.
    void collect() {
        for (std::size_t i = 0; i < letters; ++i) adopt(post_[i].exchange(0));
    }
    // From now on it takes letters and sends none: a letter is lost with whoever dies between taking it and adopting what it names,
    // and is then its sender's until he dies.
    void send_nothing() { sends_ = false; }
    bool release_all() {
        for (auto const& one : all_)
            if (!intact(one) || !in_->release(one.chunk)) return false;
        all_.clear();
        return true;
    }

private:
    struct piece {
        shared_handle chunk;
        std::uint64_t said;
    };

    std::uint64_t* at(shared_handle const& chunk, std::size_t from_end = 0) const {
        auto const seen = in_->bytes(chunk);
        return seen ? reinterpret_cast<std::uint64_t*>(seen->data() + (from_end ? (chunk.size - 8) / 8 * 8 : 0)) : nullptr;
    }
    bool intact(piece const& one) const {
        if (!in_->owns(one.chunk)) return false;
        return *at(one.chunk) == one.said && *at(one.chunk, 1) == one.said;
    }
    void keep(shared_handle const& chunk) {
        auto const said = std::uint64_t{random_()} << 32 | static_cast<std::uint64_t>(::getpid());
        *at(chunk) = said;
        *at(chunk, 1) = said;
        all_.push_back({chunk, said});
    }
    bool allocate() {
        auto const got = in_->allocate((std::size_t{8} << (random_() % 17)) + random_() % 4'096);    // up to 512 KiB
        if (!got) return got.error().is(cause::exhausted);
        keep(*got);
        return true;
    }
    bool pass_on(shared_handle const& chunk) {
        if (!in_->give(chunk) || in_->owns(chunk)) return false;
        auto const letter = std::uint64_t{chunk.generation} << 32 | (chunk.chunk + 1);
        adopt(post_[random_() % letters].exchange(letter));
        return true;
    }
    void adopt(std::uint64_t came) {
        if (came == 0) return;
        shared_handle const theirs{.arena = in_->id(), .chunk = static_cast<std::uint32_t>(came) - 1, .generation = static_cast<std::uint32_t>(came >> 32), .size = 8};
        if (auto const got = in_->adopt(theirs); got && *got) keep(theirs);    // else it was swept: its sender is dead
    }

    arena* in_;
    std::atomic<std::uint64_t>* post_;
    std::minstd_rand random_;
    bool sends_ = true;
    std::vector<piece> all_;
};

// Processes that play until they are killed, while one more is killed at a random moment `kills` times.
void play_and_kill(int kills, int others, bool zero) {
    arena here{{.capacity = 4 * MiB, .zero_on_free = zero}};
    auto const bookkeeping = in_memory(here);
    shared_memory const post{4 * KiB};
    std::vector<pid_t> players;
    for (int i = 0; i < others; ++i) {
        auto const child = ::fork();
        if (child == 0) {
            player plays{here, post.data(), static_cast<unsigned>(i) + 1'000'000};
            while (plays.step()) {}
            ::_exit(2);
        }
        players.push_back(child);
    }
    std::minstd_rand random{static_cast<unsigned>(kills)};
    player mine{here, post.data(), 17};
    mine.send_nothing();
    int not_killed = 0, broken = 0;
    for (int round = 0; round < kills; ++round) {
        player plays{here, post.data(), static_cast<unsigned>(round) + 1};
        not_killed += !run_until_killed(static_cast<long>(random() % 1'500'000) + 1'000, [&] { return plays.step(); });
        for (int i = 0; i < 20; ++i) broken += !mine.step();
    }
    for (auto const child : players) {
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        CHECK(WIFSIGNALED(status));    // else it saw a promise broken, and ended
    }
    CHECK(not_killed == 0);
    CHECK(broken == 0);
    mine.collect();
    CHECK(mine.release_all());
    here.sweep_dead();
    auto const after = here.stats();
    CHECK(after.in_use == 0);
    CHECK(after.chunks == 0);
    CHECK(after.owners == 1);
    here.trim();
    CHECK(here.stats().committed == 0);
    CHECK(in_memory(here) == bookkeeping);
    CHECK(after.reclaimed > 0);
}

}  // namespace

namespace {

// Runs `work()` in a child that is killed after so many instructions of it; true when it came to its end before.
template <class Prepare, class Work>
bool killed_after(long instructions, Prepare prepare, Work work) {
    auto const child = ::fork();
    if (child == 0) {
        prepare();
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(3);
        ::kill(::getpid(), SIGSTOP);
        work();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    for (long n = 0; n < instructions && WIFSTOPPED(status); ++n) {
        if (::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) break;
        ::waitpid(child, &status, 0);
    }
    bool const ended = !WIFSTOPPED(status);
    if (!ended) {
        ::kill(child, SIGKILL);
        while (::waitpid(child, &status, 0) == child && !WIFSIGNALED(status)) {}
    }
    return ended;
}

}  // namespace

TEST_CASE("arena: a process killed after any number of instructions leaves nothing behind", "[shm][arena][forks][soak]") {
    arena here{{.capacity = 128 * KiB}};
    auto const bookkeeping = in_memory(here);
    auto const mine = here.allocate(4 * KiB).value();
    auto const prepare = [&] { (void)here.become_owner(); };
    auto const work = [&] {
        auto const one = here.allocate(20 * KiB);          // takes pages
        if (one) (void)here.release(*one);
        auto const two = here.allocate(32 * KiB);          // takes more
        if (two) (void)here.give(*two);
        auto const three = here.allocate(16 * KiB);
        if (three) (void)here.release(*three);
        here.trim();                                       // gives some back
    };
    std::minstd_rand random{5};
    int ends = 0, wrong = 0;
    long longest = 20'000;
    for (int kills = 0; kills < (soak() ? 20'000 : 60); ++kills) {
        auto const instructions = static_cast<long>(random()) % longest;
        if (killed_after(instructions, prepare, work)) {
            longest = std::min(longest, instructions + 1);
            ++ends;
        }
        if (random() % 2 == 0) {    // others go on meanwhile
            auto const more = here.allocate(8 * KiB);
            wrong += !more || !here.release(*more);
        }
        here.sweep_dead();
        auto const after = here.stats();
        wrong += after.chunks != 1 || after.in_use != 4 * KiB || in_memory(here) != bookkeeping + after.committed;
        if (random() % 2 == 0) {
            here.trim();
            wrong += here.stats().committed != 4 * KiB || in_memory(here) != bookkeeping + 4 * KiB;
        }
    }
    CHECK(wrong == 0);
    CHECK(ends < 100);
    CHECK(longest > 100);
    CHECK(here.release(mine).has_value());
    CHECK(here.allocate(128 * KiB));
}

TEST_CASE("arena: processes killed at any moment leave nothing behind and hand out nothing twice", "[shm][arena][forks][soak]") {
    play_and_kill(soak() ? 100'000 : 700, 1, false);
    play_and_kill(soak() ? 50'000 : 300, 2, true);
}

namespace {

// Where the one arena of this process is mapped.
std::pair<std::uintptr_t, std::uintptr_t> mapping() {
    std::ifstream maps{"/proc/self/maps"};
    std::pair<std::uintptr_t, std::uintptr_t> found{UINTPTR_MAX, 0};
    for (std::string line; std::getline(maps, line);) {
        if (line.find("muster arena") == std::string::npos) continue;
        unsigned long begin = 0, end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) != 2) continue;    // NOLINT: a line of the kernel
        found = {std::min(found.first, begin), std::max(found.second, end)};
    }
    return found;
}

// Uses an arena whose bookkeeping may be garbage: the answers do not matter, but each must come, and name memory of the arena.
class survivor {
public:
    survivor(arena& in, unsigned seed) : in_(&in), random_(seed), mapping_(mapping()) {}

    void step() {
        auto const what = random_() % 64;
        shared_handle const guess{.arena = in_->id(), .chunk = number(4u << 14), .generation = number(4), .size = random_() % 8'192};
        auto const& one = all_.empty() || random_() % 8 == 0 ? guess : all_[random_() % all_.size()];
        arena_owner const somebody{static_cast<std::uint16_t>(random_() % 8), static_cast<std::uint16_t>(random_() % 2)};
        if (what < 24) {
            if (auto const got = in_->allocate((std::size_t{1} << (random_() % 19)) + random_() % 4'096)) all_.push_back(*got), touch(*got);
        } else if (what < 36) {
            (void)in_->release(one);
        } else if (what < 44) {
            (void)in_->give(one);
        } else if (what < 52) {
            if (in_->adopt(one)) touch(one);
        } else if (what < 56) {
            (void)in_->transfer(one, in_->become_owner().value_or(somebody), somebody);
        } else if (what < 58) {
            in_->keep();
            (void)in_->release(one);
            in_->reuse();
        } else if (what == 58) {
            in_->sweep(somebody);
        } else if (what == 59 && random_() % 16 == 0) {    // it may find 4,095 processes to ask for
            in_->sweep_dead();
        } else if (what == 60) {
            in_->trim();
        } else if (what == 61) {
            CHECK(in_->stats().committed <= in_->capacity());
        }
        if (all_.size() > 64) all_.erase(all_.begin(), all_.begin() + 32);
    }

private:
    std::uint32_t number(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
    void touch(shared_handle const& which) {
        auto const seen = in_->bytes(which);
        if (!seen) return;
        auto const begin = reinterpret_cast<std::uintptr_t>(seen->data());
        if (begin < mapping_.first + 32 * KiB || begin + seen->size() > mapping_.second) {
            FAIL("a chunk outside the arena");
            return;
        }
        std::memset(seen->data(), 0x77, seen->size());
    }

    arena* in_;
    std::minstd_rand random_;
    std::pair<std::uintptr_t, std::uintptr_t> mapping_;
    std::vector<shared_handle> all_;
};

// One word of the bookkeeping becomes another.
void scribble(std::byte* memory, std::size_t bookkeeping, std::minstd_rand& random) {
    auto const word = [&] {
        // the table of owners is half of it, and mostly empty: rather its first places
        auto at = random() % (bookkeeping / 8);
        if (at * 8 >= 256 + 64 && at * 8 < 33 * KiB && random() % 16 != 0) at = random() % 40;
        return std::atomic_ref<std::uint64_t>{reinterpret_cast<std::uint64_t*>(memory)[at]};
    };
    auto const anything = std::uint64_t{random()} << 33 ^ std::uint64_t{random()} << 11 ^ random();
    switch (random() % 6) {
        case 0: word().store(anything); break;
        case 1: word().store(~std::uint64_t{0}); break;
        case 2: word().store(0); break;
        case 3: word().store(word().load()); break;
        case 4: word().fetch_add(random() % 5 - 2); break;
        default: word().fetch_xor(std::uint64_t{1} << (random() % 64)); break;
    }
}

}  // namespace

TEST_CASE("arena: whatever stands in the bookkeeping, nobody crashes, hangs or writes elsewhere", "[shm][arena][soak]") {
    std::minstd_rand random{11};
    for (unsigned round = 0; round < (soak() ? 2'000u : 40u); ++round) {
        arena here{{.capacity = 256 * KiB, .zero_on_free = round % 2 == 0}};
        auto const bookkeeping = in_memory(here);
        survivor uses{here, round + 1};
        for (int i = 0; i < 20; ++i) uses.step();
        shared_memory const raw{again(here)};
        for (int i = 0; i < 500; ++i) {
            for (auto n = random() % 4; n > 0; --n) scribble(raw.data(), bookkeeping, random);
            uses.step();
        }
    }
}

TEST_CASE("arena: chunks that are marked as free and are not there are not given out", "[shm][arena]") {
    arena here{{.capacity = 256 * KiB}};
    detail::arena_layout const layout{here.capacity(), 4 * KiB};
    auto const [begin, end] = mapping();
    shared_memory const raw{again(here)};
    for (std::size_t k = 0; k < layout.classes(); ++k) {
        std::memset(raw.data() + layout.of(k).fresh, 0xff, 8);
        for (std::uint32_t place = layout.of(k).chunks; place < 64 * layout.words_of_bits(k); ++place)
            raw.data()[layout.of(k).bits + place / 8] |= std::byte(1u << place % 8);
    }
    for (std::size_t k = 0; k < layout.classes(); ++k)
        for (int i = 0; i < 10; ++i) {
            auto const got = here.allocate(4 * KiB << k);
            if (!got) continue;
            CHECK(layout.has(got->chunk));
            auto const at = reinterpret_cast<std::uintptr_t>(data_of(here, *got));
            CHECK((begin < at && at + got->size <= end));
            (void)here.release(*got);
        }
}

TEST_CASE("arena: whatever another process writes meanwhile, nobody crashes, hangs or writes elsewhere", "[shm][arena][forks][soak]") {
    for (unsigned round = 0; round < (soak() ? 500u : 10u); ++round) {
        arena here{{.capacity = 256 * KiB, .zero_on_free = round % 2 == 0}};
        auto const bookkeeping = in_memory(here);
        survivor uses{here, round + 1};
        auto const child = ::fork();
        if (child == 0) {
            shared_memory const raw{again(here)};
            std::minstd_rand random{round + 1};
            for (;;) scribble(raw.data(), bookkeeping, random);
        }
        for (int i = 0; i < 1'000; ++i) uses.step();
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
}
