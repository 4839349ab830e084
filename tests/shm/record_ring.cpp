#include <muster/shm/record_ring.hpp>

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <muster/os/futex.hpp>
#include <muster/os/shared_memory.hpp>

#include "catch.hpp"

using namespace muster;

namespace {

constexpr std::size_t capacity = 4'096;

struct ring {
    shared_memory memory{2 * capacity};
    shared_memory bytes = memory.twice(capacity, capacity);
    ring_positions& positions = *::new (memory.data()) ring_positions;
    record_writer writer{positions, bytes.data(), capacity};
    record_reader reader{positions, bytes.data(), capacity};

    bool put(std::string const& text, std::uint64_t id = 0) {
        auto const space = writer.room(text.size());
        if (!space.any || space.bytes < text.size()) return false;
        auto& made = writer.begin();
        made.size = static_cast<std::uint32_t>(text.size());
        made.id = id;
        std::memcpy(made.bytes(), text.data(), text.size());
        writer.end(made);
        return true;
    }
    std::string take() {
        auto const next = reader.next();
        if (!next) return "nothing";
        std::string const text(reinterpret_cast<char const*>(next->bytes()), next.size);
        reader.pass(next);
        (void)reader.release();
        return text;
    }
};

}  // namespace

TEST_CASE("record_ring: a record is seen once it is published, and comes as it was", "[shm][record_ring]") {
    ring at;
    REQUIRE(at.put("first"));
    CHECK_FALSE(at.reader.next());
    CHECK_FALSE(at.writer.publish());    // nobody sleeps
    CHECK(at.take() == "first");
    CHECK_FALSE(at.reader.next());
    REQUIRE(at.put(""));
    REQUIRE(at.put("third"));
    (void)at.writer.publish();
    CHECK(at.take() == "");
    CHECK(at.take() == "third");
}

TEST_CASE("record_ring: records in one piece run over the end of the ring", "[shm][record_ring]") {
    ring at;
    std::mt19937 random{7};
    std::string const letters(3'000, 'x');
    for (std::size_t i = 0; i < 10'000; ++i) {
        auto text = letters.substr(0, random() % 3'000) + std::to_string(i);
        REQUIRE(at.put(text));
        (void)at.writer.publish();
        REQUIRE(at.take() == text);
    }
}

TEST_CASE("record_ring: a full ring has no room until something is released", "[shm][record_ring]") {
    ring at;
    std::string const text(480, 'y');    // 512 bytes with what stands before it
    for (int i = 0; i < 8; ++i) REQUIRE(at.put(text));
    CHECK_FALSE(at.put(""));
    CHECK_FALSE(at.writer.room().any);
    (void)at.writer.publish();
    auto const next = at.reader.next();
    at.reader.pass(next);
    CHECK_FALSE(at.put(text));    // passed, and not yet released
    (void)at.reader.release();
    CHECK(at.put(text));
    CHECK_FALSE(at.put(text));
    CHECK_FALSE(at.put(std::string(capacity, 'z')));
}

TEST_CASE("record_ring: a claim is taken once, by the reader or back by the writer", "[shm][record_ring]") {
    ring at;
    auto const position = at.writer.position();
    REQUIRE(at.put("one"));
    (void)at.writer.publish();
    auto free = record::queued;
    CHECK(at.writer.at(position).claim.compare_exchange_strong(free, record::withdrawn));
    auto const next = at.reader.next();
    free = record::queued;
    CHECK_FALSE(next->claim.compare_exchange_strong(free, record::claimed));
    CHECK(free == record::withdrawn);
}

TEST_CASE("record_ring: who parks before his last look misses nothing", "[shm][record_ring]") {
    ring at;
    constexpr int count = 20'000;
    std::jthread const writes{[&] {
        for (int i = 0; i < count; ++i) {
            while (!at.put("a", static_cast<std::uint64_t>(i))) std::this_thread::yield();
            if (at.writer.publish() && at.writer.unpark() == 1) futex_wake(at.positions.parked, 1, futex_reach::shared);
        }
    }};
    for (int i = 0; i < count;) {
        if (auto const next = at.reader.next()) {
            REQUIRE(next->id == static_cast<std::uint64_t>(i++));
            at.reader.pass(next);
            (void)at.reader.release();
            continue;
        }
        at.positions.parked.store(1);
        if (at.reader.is_empty()) (void)futex_wait(at.positions.parked, 1, never, futex_reach::shared);
        at.positions.parked.store(0);
    }
}

TEST_CASE("record_ring: a hostile peer is found out, and nothing outside the ring is touched", "[shm][record_ring]") {
    std::mt19937_64 random{11};
    std::size_t found = 0;
    for (int round = 0; round < 2'000; ++round) {
        auto const at = std::make_unique<ring>();
        for (int i = 0; i < 3; ++i) REQUIRE(at->put("text"));
        (void)at->writer.publish();
        for (int step = 0; step < 20; ++step) {
            switch (random() % 4) {
                case 0: at->positions.tail.store(random() % 3 == 0 ? random() : random() % (2 * capacity)); break;
                case 1: at->positions.head.store(random() % 3 == 0 ? random() : random() % (2 * capacity)); break;
                case 2: {
                    auto const word = static_cast<std::uint32_t>(random());
                    std::memcpy(at->bytes.data() + random() % (capacity - 4), &word, 4);
                    break;
                }
                default: at->positions.starved.store(static_cast<std::uint32_t>(random()));
            }
            // the sum touches each byte of what is said to be there: AddressSanitizer and the mapping's end watch
            unsigned sum = 0;
            if (auto const next = at->reader.next()) {
                REQUIRE(next.size <= capacity);
                for (std::uint32_t i = 0; i < next.size; ++i) sum += std::to_integer<unsigned>(next->bytes()[i]);
                at->reader.pass(next);
                (void)at->reader.release();
            }
            auto const space = at->writer.room(random() % capacity);
            if (space.any) {
                REQUIRE(space.bytes <= capacity - sizeof(record));
                auto& made = at->writer.begin();
                made.size = static_cast<std::uint32_t>(space.bytes);
                std::memset(made.bytes(), static_cast<int>(sum & 0x7f), space.bytes);
            }
            found += at->reader.broken() || at->writer.broken();
        }
    }
    CHECK(found > 1'000);
}
