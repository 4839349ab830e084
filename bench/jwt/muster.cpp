#include "problem.hpp"

#include <cstdlib>    // abort
#include <memory>     // pools
#include <span>       // halves
#include <thread>     // bare ones

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/on.hpp>
#include <muster/workloads/jwt/signer.hpp>
#include <muster/workloads/jwt/verifier.hpp>

#include "muster_key.hpp"

namespace bench::tokens {

namespace {

using namespace muster;

// 2 bare: what the machine gives to two threads that share nothing but the key.
enum class way { alone, batch_1, batch_2, bare_2 };

template <class Task, class Item>
void one_by_one(Task const& task, std::span<Item const> items) {
    for (auto const& item : items)
        if (!task(item)) std::abort();
}

// Seconds that all items take, over several times: a thread that just woke up may have to wait for a core for milliseconds.
template <class Call>
std::function<double()> timed(int times, Call call) {
    return [=] {
        return seconds([&] {
                   for (int i = 0; i < times; ++i) call();
               }) / times;
    };
}

template <class Task, class Item>
std::function<double()> run(way how, int times, Task const& task, std::span<Item const> items) {
    switch (how) {
        case way::alone: return timed(times, [=] { one_by_one(task, items); });
        case way::bare_2:
            return [=] {
                auto const some = [=](std::span<Item const> of) {
                    for (int i = 0; i < times; ++i) one_by_one(task, of);
                };
                return seconds([&] {
                           std::thread second{[&] { some(items.subspan(items.size() / 2)); }};
                           some(items.subspan(0, items.size() / 2));
                           second.join();
                       }) / times;
            };
        case way::batch_1:
            return timed(times, [=] {
                for (auto const& each : map(items, task))
                    if (!each) std::abort();
            });
        case way::batch_2: break;
    }
    return timed(times, [=, pool = std::make_shared<thread_pool>(2)] {
        for (auto const& each : map(items, on{*pool} | task))
            if (!each) std::abort();
    });
}

template <way How>
work make(problem const& of) {
    jwt::signer const sign{private_key(of), {.issuer = std::string{issuer}, .audience = {std::string{audience}}}};
    jwt::verifier const verify{verifying_key(of), {.issuers = {std::string{issuer}},
                                                   .audiences = {std::string{audience}},
                                                   .required = {"exp", "iat", "sub", "jti"}}};
    auto const times = is_hmac(of.by) ? 6 : 1;
    return {run(How, times, sign, std::span{of.drafts}), run(How, times, verify, std::span{of.views})};
}

entered<rival> const them[]{entered{rival{"muster", make<way::alone>}}, entered{rival{"muster_1_wide", make<way::batch_1>}},
                            entered{rival{"muster_2_wide", make<way::batch_2>}}, entered{rival{"muster_2_bare_threads", make<way::bare_2>}}};

}  // namespace

}  // namespace bench::tokens
