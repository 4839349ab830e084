#include <muster/exec/detail/job_memory.hpp>

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "catch.hpp"

using muster::detail::job_block;

// That blocks are freed, and not before their pieces, is what AddressSanitizer says of these tests.

TEST_CASE("job_memory: pieces are aligned, apart from each other, and may be written from end to end", "[exec]") {
    std::vector<job_block::piece> pieces;
    for (std::size_t bytes = 1; bytes <= 512; ++bytes) {
        auto const [at, of] = job_block::cut(bytes);
        REQUIRE(at != nullptr);
        CHECK(reinterpret_cast<std::uintptr_t>(at) % alignof(std::max_align_t) == 0);
        std::memset(at, static_cast<int>(bytes % 251), bytes);
        pieces.push_back({at, of});
    }
    bool whole = true;
    for (std::size_t bytes = 1; bytes <= 512; ++bytes)
        for (std::size_t i = 0; i < bytes; ++i) whole = whole && static_cast<unsigned char const*>(pieces[bytes - 1].at)[i] == bytes % 251;
    CHECK(whole);
    for (auto const& each : pieces) each.of->give_back();
}

TEST_CASE("job_memory: what is too large for a block is somebody else's to make", "[exec]") {
    CHECK(job_block::cut(513).at == nullptr);
    CHECK(job_block::cut(1'000'000).of == nullptr);
}

TEST_CASE("job_memory: pieces outlive the thread that cut them, and others give them back", "[exec]") {
    for (int round = 0; round < 50; ++round) {
        std::vector<job_block::piece> pieces;
        std::thread([&] {
            for (int i = 0; i < 200; ++i) pieces.push_back(job_block::cut(64));
        }).join();
        std::set<job_block*> blocks;
        for (auto const& each : pieces) {
            std::memset(each.at, 1, 64);
            blocks.insert(each.of);
        }
        CHECK(blocks.size() == 4);    // 63 of 64 bytes in each
        std::thread other([&] {
            for (std::size_t i = 0; i < pieces.size(); i += 2) pieces[i].of->give_back();
        });
        for (std::size_t i = 1; i < pieces.size(); i += 2) pieces[i].of->give_back();
        other.join();
    }
}

TEST_CASE("job_memory: a thread that is about to end gets none that nobody would free", "[exec]") {
    struct late {
        job_block::piece* to = nullptr;
        ~late() {
            if (to) *to = job_block::cut(32);    // after the block of the thread was closed: made first, gone last
        }
    };
    job_block::piece found{&found, nullptr};
    std::thread([&] {
        thread_local late last;
        last.to = &found;
        job_block::cut(32).of->give_back();
    }).join();
    CHECK(found.at == nullptr);
    CHECK(found.of == nullptr);
}

TEST_CASE("job_memory: pieces are given back while others are cut from the same block", "[exec]") {
    constexpr int many = 20'000;
    std::vector<std::atomic<job_block*>> handed(many);
    std::thread other([&] {
        for (auto& each : handed) {
            auto* of = each.load();
            for (; !of; of = each.load()) std::this_thread::yield();
            of->give_back();
        }
    });
    for (auto& each : handed) {
        auto const [at, of] = job_block::cut(48);
        std::memset(at, 7, 48);
        each.store(of);
    }
    other.join();
}
