// A program's side of a channel against a worker that writes anything anywhere at any time: the ring, the claims, the answers.
//
//     clang++-14 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/channel.cpp -o channel_fuzz
//     ./channel_fuzz tests/fuzz/corpus/channel

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include <muster/process/detail/cell.hpp>

using namespace muster;

namespace {

struct input {
    std::uint8_t const* at;
    std::size_t left;

    template <class T>
    T take() {
        T value{};
        auto const n = std::min(left, sizeof value);
        std::memcpy(&value, at, n);
        at += n;
        left -= n;
        return value;
    }
};

std::size_t told = 0;

detail::shipment work() {
    detail::shipment what;
    what.items = 1'000;
    what.limit = std::chrono::seconds{1};
    what.timed = true;
    what.write = [](void*, std::size_t i, wire_writer& to, bool) {
        to.put(std::string(i % 7 == 0 ? 100'000 : i % 100, 'x'));
        return true;
    };
    what.take = [](void*, std::size_t, bool good, wire_reader& from) {
        (void)guarded<outcome<void>>([&]() -> outcome<void> {
            if (good) told += from.get<std::string>().size();
            else return from.get<failure>();
            return {};
        });
    };
    what.fail = [](void*, std::size_t, failure) {};
    return what;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    input from{data, size};
    detail::cell mine{1};
    mine.most_answer = 1 << 20;
    auto const what = work();
    auto hostile = mine.memory.to_program();    // where a worker would write
    auto* const bytes = hostile.begin().bytes() - sizeof(record);
    auto* const requests = mine.memory.to_worker().begin().bytes() - sizeof(record);
    auto& page = mine.memory.page();
    std::byte const program[16]{};
    auto shipped = what;
    shipped.program = program;
    for (std::size_t item = 0; from.left != 0;) {
        switch (from.take<std::uint8_t>() % 9) {
            case 0: (void)mine.send(shipped, item++ % 1'000); break;
            case 1: mine.publish(); break;
            case 2: {
                auto const n = from.take<std::uint8_t>();
                std::byte some[255];
                for (std::size_t i = 0; i < n; ++i) some[i] = from.take<std::byte>();
                std::memcpy(bytes + from.take<std::uint32_t>() % (2 * detail::ring_room - sizeof some), some, n);
                break;
            }
            case 3: page.response.tail.store(from.take<std::uint8_t>() % 2 == 0 ? from.take<std::uint64_t>() : from.take<std::uint16_t>() * 32u); break;
            case 4: page.request.head.store(from.take<std::uint8_t>() % 2 == 0 ? from.take<std::uint64_t>() : from.take<std::uint16_t>() * 32u); break;
            case 5: (void)mine.drain(shipped); break;
            case 6: mine.withdraw([](std::size_t) {}); break;
            case 7: (void)mine.expires(shipped); page.started.store(from.take<std::int64_t>()); break;
            default: {    // a well-formed answer, for what is out
                auto const n = std::min<std::size_t>(from.take<std::uint16_t>(), detail::most_at_once);
                record made;
                made.kind = static_cast<std::uint16_t>(from.take<std::uint8_t>() % 2 == 0 ? detail::message::answer : detail::message::refusal);
                made.more = from.take<std::uint8_t>() % 4 == 0;
                made.size = static_cast<std::uint32_t>(n);
                made.id = mine.is_out() ? mine.first().item : 0;
                auto const at = page.response.tail.load() % detail::ring_room;
                std::memcpy(bytes + at, static_cast<void const*>(&made), sizeof made);
                for (std::size_t i = 0; i < std::min<std::size_t>(n, 16); ++i) bytes[at + sizeof made + i] = from.take<std::byte>();
                page.response.tail.fetch_add(record_writer::whole(made.size));
                break;
            }
        }
        if (!mine.sound()) break;    // it is killed then
        (void)mine.has_begun();
    }
    (void)requests;
    mine.abandon([](std::size_t) {});
    return 0;
}
