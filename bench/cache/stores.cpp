#include <algorithm>    // min
#include <thread>       // jthread

#include "problem.hpp"

namespace bench::cache {

namespace {

struct board {
    std::atomic<unsigned> ready{0}, go{0};
    std::atomic<unsigned> wrong{0};
};

/// Nanoseconds a call: all clients begin at once, and the last one's end counts; a client is not measured while it connects and warms up.
double run(rival const& one, std::vector<calls> const& what, std::size_t value_size, std::size_t count, bool many) {
    auto* const at = ::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    auto& shared = *::new (at) board;
    auto const work = [&](calls const& mine) {
        auto const store = one.connect();
        std::string value, made;
        for (std::size_t i = 0; i < count / 2; ++i) (void)store.get(mine.keys[i], value);    // its pages are there, and its caches warm
        ++shared.ready;
        while (shared.go == 0) ::sched_yield();
        if (many) {
            constexpr std::size_t batch = 64;
            for (std::size_t i = 0; i + batch <= count; i += batch) store.get_many(mine.keys, i, batch, value_size);
            return;
        }
        for (std::size_t i = 0; i < count; ++i) {
            auto const& key = mine.keys[i];
            if (mine.is_set[i]) {
                make_value(key, value_size, made);
                store.set(key, made);
            } else if (store.get(key, value) && !is_value(key, value_size, value)) {
                ++shared.wrong;
            }
        }
    };
    double took = 0;
    auto const clients = static_cast<unsigned>(what.size());
    auto const begin = [&] {
        while (shared.ready < clients) ::sched_yield();
        shared.go = 1;
    };
    if (one.threads) {
        std::vector<std::jthread> threads;
        for (auto const& each : what) threads.emplace_back([&] { work(each); });
        took = seconds([&] {
            begin();
            threads.clear();
        });
    } else {
        std::vector<pid_t> children;
        for (auto const& each : what) {
            auto const pid = ::fork();
            if (pid < 0) std::abort();
            if (pid == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                work(each);
                ::_exit(0);
            }
            children.push_back(pid);
        }
        while (shared.ready < clients) ::sched_yield();
        took = seconds([&] {
            begin();
            for (auto const pid : children) {
                int status = 0;
                if (::waitpid(pid, &status, 0) != pid || status != 0) std::abort();
            }
        });
    }
    if (shared.wrong != 0) std::abort();
    ::munmap(at, sizeof(board));
    return took * 1e9 / static_cast<double>(count * clients);
}

}  // namespace

void compare_stores(report const& to) {
    problem const sizes[]{{to.size<std::size_t>(1'000'000, 20'000), 64}, {to.size<std::size_t>(1'000'000, 20'000), 1'024}};
    zipf const chances{sizes[0].keys};
    auto const most = to.size<std::size_t>(600'000, 6'000);
    for (auto const& of : sizes) {
        std::vector<rival> rivals;
        for (auto const& each : bench::rivals<store>())
            if (auto made = each.make(of)) rivals.push_back(*std::move(made));
        auto const tag = of.value_size == 64 ? std::string{"64_B"} : "1_KiB";
        for (unsigned const sets : {5u, 0u}) {
            std::vector<calls> two;
            for (unsigned const seed : {2u, 3u}) two.emplace_back(of, chances, most, sets, seed);
            std::vector<calls> const one(1, two[0]);
            std::vector<contender> all;
            for (auto const& each : rivals) {
                all.push_back({each.name + "_1", [&] { return run(each, one, of.value_size, most / each.slower, false); }});
                all.push_back({each.name + "_2", [&] { return run(each, two, of.value_size, most / each.slower, false); }});
                if (sets == 0 && each.connect().get_many) all.push_back({each.name + "_by_64_1", [&] { return run(each, one, of.value_size, most / 2, true); }});
            }
            auto const taken = in_quiet_rounds(all, to.size(7, 1), 60);
            auto const prefix = tag + (sets == 5 ? "_95_5_" : "_100_0_");
            taken.figures(to, prefix, "_ns", "ns/call");
            for (auto const& each : rivals) {
                if (each.name == "muster") continue;
                for (std::string const clients : {"_1", "_2"}) taken.ratio(to, prefix + "times_" + each.name + clients, each.name + clients, "muster" + clients);
                taken.ratio(to, prefix + "times_" + each.name + "_by_64_1", each.name + "_by_64_1", "muster_1");
            }
            taken.ratio(to, prefix + "two_against_one", "muster_1", "muster_2");
        }
    }
}

}  // namespace bench::cache
