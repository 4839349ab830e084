#include <muster/core/remote.hpp>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <muster/core/with.hpp>
#include <muster/policy/retry.hpp>

#include "catch.hpp"

using namespace muster;

namespace {

detail::function_travel const same_process{
    [](wire_writer& to, void (*which)()) { to.put(reinterpret_cast<std::uint64_t>(which)); },
    [](wire_reader& from) { return reinterpret_cast<void (*)()>(from.get<std::uint64_t>()); }};

// The other side, in this process: a program from its bytes, an item from its bytes, an answer in bytes.
struct other_side {
    std::vector<std::byte> small, big;

    template <class Program, class... Given>
    bool call(std::vector<std::byte> const& program, std::vector<std::byte> const& item, std::size_t room = 64) {
        auto const& face = *Program::face();
        wire_reader code{program.data(), program.size()};
        void* const opened = face.open(code, same_process);
        small.resize(room);
        big.clear();
        detail::answer_room to{this, [](void* me) { return std::span{static_cast<other_side*>(me)->small}; },
                               [](void* me, std::size_t size) {
                                   auto& bytes = static_cast<other_side*>(me)->big;
                                   bytes.resize(size);
                                   return std::span{bytes};
                               }};
        context cx;
        wire_reader from{item.data(), item.size()};
        auto const good = face.call(opened, cx, from, to);
        face.close(opened);
        if (big.empty()) small.resize(to.size);
        return good;
    }
    [[nodiscard]] std::vector<std::byte> const& said() const { return big.empty() ? small : big; }
};

template <class Program, class F, class... Ps>
std::vector<std::byte> bytes_of(F const& task, Ps const&... policies) {
    std::vector<std::byte> bytes(1'000);
    wire_writer to{bytes.data(), bytes.size()};
    Program::put(to, std::tie(policies...), task, same_process);
    bytes.resize(to.size());
    return bytes;
}

}  // namespace

TEST_CASE("remote: a task is called by its bytes, and answers in bytes", "[core][remote]") {
    auto const task = with{std::string{"n"}, [](int item, std::string const& name) { return name + std::to_string(item); }};
    using program = detail::remote_program<int, std::remove_const_t<decltype(task)>>;
    other_side there;
    REQUIRE(there.call<program>(bytes_of<program>(task), encoded(7)));
    CHECK(decoded<std::string>(there.said()) == std::string{"n7"});
    REQUIRE(there.call<program>(bytes_of<program>(task), encoded(7), 0));    // no room at first
    CHECK(decoded<std::string>(there.said()) == std::string{"n7"});
}

TEST_CASE("remote: what it throws, and bytes that are no item, are failures", "[core][remote]") {
    auto const task = [](std::string const& item) { return item.empty() ? throw std::runtime_error{"empty"} : item.size(); };
    using program = detail::remote_program<std::string, std::remove_const_t<decltype(task)>>;
    other_side there;
    auto const says = [&](std::vector<std::byte> const& item) {
        REQUIRE_FALSE(there.call<program>(bytes_of<program>(task), item));
        wire_reader from{there.said().data(), there.said().size()};
        return from.get<failure>();
    };
    CHECK(says(encoded(std::string{})).text() == "empty");
    CHECK(says({}).is(cause::invalid_input));
    auto longer = encoded(std::string{"x"});
    longer.push_back({});
    CHECK(says(longer).is(cause::invalid_input));
}

TEST_CASE("remote: policies are around the call on the other side", "[core][remote]") {
    auto const task = [](int, context& cx) -> unsigned {
        if (cx.attempt() < 3) throw std::runtime_error{"again"};
        return cx.attempt();
    };
    using program = detail::remote_program<int, std::remove_const_t<decltype(task)>, retry>;
    other_side there;
    REQUIRE(there.call<program>(bytes_of<program>(task, retry{.attempts = 3, .delay = {}}), encoded(1)));
    CHECK(decoded<unsigned>(there.said()) == 3u);
}

TEST_CASE("remote: programs of other items, answers or values have other fingerprints", "[core][remote]") {
    auto const same = [](auto const& item) { return item; };
    using task = std::remove_const_t<decltype(same)>;
    auto const ints = detail::remote_program<int, task>::face()->fingerprint;
    CHECK(ints == detail::remote_program<int, task>::face()->fingerprint);
    CHECK(ints != detail::remote_program<unsigned, task>::face()->fingerprint);
    CHECK(ints != detail::remote_program<int, task, retry>::face()->fingerprint);
}
