#include "problem.hpp"

#include <cstdlib>        // abort
#include <memory>         // pools
#include <span>           // halves
#include <thread>         // bare ones
#include <type_traits>    // is_invocable

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/batched.hpp>
#include <muster/policy/on.hpp>
#include <muster/workloads/jwt/signer.hpp>
#include <muster/workloads/jwt/verifier.hpp>
#include <muster/workloads/jwt/verify_many.hpp>

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

// Seconds until all answers are there, over several times: a thread that just woke up may have to wait for a core for milliseconds.
template <class Call>
std::function<double()> batches(int times, Call call) {
    return [=] {
        double took = 0;
        for (int i = 0; i < times; ++i) {
            decltype(call()) answers;
            took += seconds([&] { answers = call(); });
            for (auto const& each : answers)
                if (!each) std::abort();
        }
        return took / times;
    };
}

template <class Task, class Item>
std::function<double()> run(way how, int times, Task const& task, std::span<Item const> items) {
    if (how == way::batch_1) return batches(times, [=] { return map(items, task); });
    if (how == way::batch_2) return batches(times, [=, pool = std::make_shared<thread_pool>(2)] { return map(items, on{*pool} | task); });
    if constexpr (std::is_invocable_v<Task const&, Item const&>) {
        auto const some = [=](std::span<Item const> of) {
            for (int i = 0; i < times; ++i) one_by_one(task, of);
        };
        if (how == way::alone) return [=] { return seconds([&] { some(items); }) / times; };
        return [=] {
            return seconds([&] {
                       std::thread second{[&] { some(items.subspan(items.size() / 2)); }};
                       some(items.subspan(0, items.size() / 2));
                       second.join();
                   }) / times;
        };
    } else {
        return {};
    }
}

int times(problem const& of) { return is_hmac(of.by) ? 6 : of.by == jwt::algorithm::eddsa ? 4 : 1; }

jwt::verifier make_verifier(problem const& of) {
    return jwt::verifier{verifying_key(of), {.issuers = {std::string{issuer}},
                                             .audiences = {std::string{audience}},
                                             .required = {"exp", "iat", "sub", "jti"}}};
}

template <way How>
work make(problem const& of) {
    jwt::signer const sign{private_key(of), {.issuer = std::string{issuer}, .audience = {std::string{audience}}}};
    return {run(How, times(of), sign, std::span{of.drafts}), run(How, times(of), make_verifier(of), std::span{of.views})};
}

// 64 tokens at a time, which share what can be shared.
template <way How>
work make_by_64(problem const& of) {
    return {.verify = run(How, times(of), batched{64} | jwt::verify_many{make_verifier(of)}, std::span{of.views})};
}

entered<rival> const them[]{entered{rival{"muster", make<way::alone>}},
                            entered{rival{"muster_1_wide", make<way::batch_1>}},
                            entered{rival{"muster_2_wide", make<way::batch_2>}},
                            entered{rival{"muster_2_bare_threads", make<way::bare_2>}},
                            entered{rival{"muster_by_64_1_wide", make_by_64<way::batch_1>}},
                            entered{rival{"muster_by_64_2_wide", make_by_64<way::batch_2>}}};

}  // namespace

}  // namespace bench::tokens
