#include <muster/shm/shared_buffer.hpp>

#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/wait.h>

#include "catch.hpp"

using namespace muster;

static_assert(!std::is_copy_constructible_v<shared_buffer> && std::is_nothrow_move_constructible_v<shared_buffer>);
static_assert(std::is_same_v<decltype(std::declval<shared_buffer const&>().data()), std::byte const*>);
static_assert(std::is_trivially_copyable_v<shared_handle> && sizeof(shared_handle) == 24);

namespace {

constexpr std::size_t MiB = 1'024 * 1'024;

fd again(arena const& of) { return fd{::fcntl(of.file().get(), F_DUPFD_CLOEXEC, 3)}; }

cause cause_of_throw(shared_handle const& which) {
    try {
        (void)shared_buffer::from_wire(which);
    } catch (bad_outcome const& thrown) {
        if (thrown.error().is(cause::invalid_input)) return cause::invalid_input;
    }
    return cause::threw;
}

}  // namespace

TEST_CASE("shared_buffer: owns its bytes, and frees them", "[shm][shared_buffer]") {
    arena here{{.capacity = 1 * MiB}};
    {
        auto buffer = shared_buffer::make(here, 5'000).value();
        CHECK(buffer.size() == 5'000);
        CHECK(buffer.owns());
        std::memset(buffer.data(), 1, buffer.size());
        CHECK(std::as_const(buffer).bytes()[4'999] == std::byte{1});
        CHECK(here.stats().chunks == 1);
    }
    CHECK(here.stats().chunks == 0);
}

TEST_CASE("shared_buffer: moves, and what it held before is freed", "[shm][shared_buffer]") {
    arena here{{.capacity = 1 * MiB}};
    auto a = shared_buffer::make(here, 100).value();
    auto b = shared_buffer::make(here, 200).value();
    auto const handle = a.handle();
    b = std::move(a);
    CHECK(here.stats().chunks == 1);
    CHECK(b.handle() == handle);
    CHECK(b.owns());
    CHECK(a.empty());    // NOLINT: what is left of it is promised
    CHECK_FALSE(a.owns());
    CHECK(a.to_wire() == shared_handle{});
    b = {};
    CHECK(here.stats().chunks == 0);
}

TEST_CASE("shared_buffer: an empty one has no chunk, and travels", "[shm][shared_buffer]") {
    arena here{{.capacity = 1 * MiB}};
    auto const none = shared_buffer::make(here, 0).value();
    CHECK(none.empty());
    CHECK(none.data() == nullptr);
    CHECK(here.stats().chunks == 0);
    auto const came = shared_buffer::from_wire(none.to_wire());
    CHECK(came.empty());
    CHECK_FALSE(came.owns());
}

TEST_CASE("shared_buffer: more than there is room for is a failure", "[shm][shared_buffer]") {
    arena here{{.capacity = 1 * MiB}};
    auto const all = shared_buffer::make(here, 1 * MiB).value();
    auto const none = shared_buffer::make(here, 1);
    REQUIRE_FALSE(none);
    CHECK(none.error().is(cause::exhausted));
    CHECK(none.error().text().find("1048576") != std::string::npos);
}

TEST_CASE("shared_buffer: what the maker of the arena sends is lent, as often as he likes", "[shm][shared_buffer]") {
    arena here{{.capacity = 1 * MiB}};
    arena there = arena::attach(again(here));
    auto buffer = shared_buffer::make(here, 100).value();
    buffer.data()[7] = std::byte{7};
    for (int times = 0; times < 3; ++times) {
        auto const handle = buffer.to_wire();
        auto came = shared_buffer::adopt(there, handle).value();
        CHECK_FALSE(came.owns());
        CHECK(came.size() == 100);
        CHECK(came.data() != buffer.data());    // another mapping of the same bytes
        CHECK(came.data()[7] == std::byte(7 + times));
        came.data()[7] = std::byte(8 + times);
        CHECK(buffer.data()[7] == std::byte(8 + times));
    }
    CHECK(buffer.owns());
    CHECK(here.stats().chunks == 1);
}

TEST_CASE("shared_buffer: what another process sends is given", "[shm][shared_buffer]") {
    arena here{{.capacity = 1 * MiB}};
    arena there = arena::attach(again(here));
    shared_handle message;
    {
        auto answer = shared_buffer::make(there, 100).value();
        answer.data()[7] = std::byte{7};
        message = answer.to_wire();
        CHECK(answer.to_wire() == message);
        CHECK_FALSE(answer.owns());
    }    // and its destructor leaves it alone
    CHECK(here.stats().chunks == 1);
    {
        auto const came = shared_buffer::from_wire(message);
        CHECK(came.owns());
        CHECK(came.data()[7] == std::byte{7});
        CHECK(cause_of_throw({.arena = message.arena, .chunk = message.chunk, .generation = message.generation, .size = 4'097}) == cause::invalid_input);
    }
    CHECK(here.stats().chunks == 0);
    CHECK(cause_of_throw(message) == cause::invalid_input);    // read twice, after it was freed
}

TEST_CASE("shared_buffer: an item that comes back as the answer is a view of the caller's own", "[shm][shared_buffer]") {
    arena here{{.capacity = 1 * MiB}};
    arena there = arena::attach(again(here));
    auto const item = shared_buffer::make(here, 100).value();
    auto const seen = shared_buffer::adopt(there, item.to_wire()).value();
    auto const answer = shared_buffer::from_wire(seen.to_wire());
    CHECK(answer.data() == item.data());
    CHECK_FALSE(answer.owns());
    CHECK(item.owns());
}

TEST_CASE("shared_buffer: handles that name nothing are refused", "[shm][shared_buffer]") {
    arena here{{.capacity = 1 * MiB}};
    auto const buffer = shared_buffer::make(here, 100).value();
    auto const good = buffer.handle();
    for (auto const& bad : std::vector<shared_handle>{
             {.arena = good.arena + 1, .chunk = good.chunk, .generation = good.generation, .size = good.size},
             {.arena = good.arena, .chunk = good.chunk + 1, .generation = good.generation, .size = good.size},
             {.arena = good.arena, .chunk = ~good.chunk, .generation = good.generation, .size = good.size},
             {.arena = good.arena, .chunk = good.chunk, .generation = good.generation + 1, .size = good.size},
             {.arena = good.arena, .chunk = good.chunk, .generation = good.generation, .size = 1 * MiB},
             {.arena = 0, .chunk = good.chunk, .generation = good.generation, .size = good.size},
             {.arena = 0, .chunk = 0, .generation = 0, .size = 1},
         }) {
        CHECK(cause_of_throw(bad) == cause::invalid_input);
        auto const refused = shared_buffer::adopt(here, bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().is(cause::invalid_input));
    }
}

TEST_CASE("shared_buffer: a child of fork reads its parent's, and frees nothing when it ends", "[shm][shared_buffer][forks]") {
    arena here{{.capacity = 1 * MiB}};
    std::vector<shared_buffer> buffers;
    for (int i = 0; i < 3; ++i) {
        buffers.push_back(shared_buffer::make(here, 100).value());
        buffers.back().data()[0] = std::byte(i);
    }
    auto const child = ::fork();
    if (child == 0) {
        int wrong = 0;
        for (int i = 0; i < 3; ++i) {
            auto const& one = buffers[static_cast<std::size_t>(i)];
            wrong += one.data()[0] != std::byte(i) || one.owns();
            wrong += shared_buffer::from_wire(one.to_wire()).owns();    // it sends it on as what it is: its parent's
        }
        buffers.clear();
        ::_exit(wrong);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(here.stats().chunks == 3);
    for (auto const& one : buffers) CHECK(one.owns());
}

TEST_CASE("shared_buffer: an answer crosses to the parent, and one that nobody reads is swept", "[shm][shared_buffer][forks]") {
    arena here{{.capacity = 1 * MiB}};
    shared_memory const mail{2 * sizeof(shared_handle)};
    auto* const letters = reinterpret_cast<shared_handle*>(mail.data());
    auto const child = ::fork();
    if (child == 0) {
        auto first = shared_buffer::make(here, 100).value();
        auto const second = shared_buffer::make(here, 100).value();
        std::memset(first.data(), 0x11, first.size());
        letters[0] = first.to_wire();
        letters[1] = second.to_wire();
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    {
        auto const came = shared_buffer::from_wire(letters[0]);
        CHECK(came.owns());
        CHECK(came.data()[99] == std::byte{0x11});
        CHECK(here.sweep_dead() == 1);
        CHECK(here.stats().chunks == 1);
        CHECK(cause_of_throw(letters[1]) == cause::invalid_input);
        CHECK(came.data()[99] == std::byte{0x11});
    }
    CHECK(here.stats().chunks == 0);
}
