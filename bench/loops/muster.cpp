#include "problem.hpp"

#include <cstdlib>    // abort
#include <vector>     // failures

#include <muster/exec/join.hpp>
#include <muster/exec/thread_pool.hpp>
#include <muster/flow/for_each.hpp>
#include <muster/flow/indices.hpp>
#include <muster/flow/map.hpp>

namespace bench::loops {
namespace {

using namespace muster;

void all_well(std::vector<failure> const& failures) {
    if (!failures.empty()) std::abort();
}

// Loops from outside, one by one.
struct with_for_each {
    thread_pool pool;
    explicit with_for_each(std::size_t workers) : pool{workers} {}
    template <class Call>
    void enter(Call const& call) { call(); }
    template <class Body>
    void loop(std::size_t n, Body const& body) {
        all_well(for_each(indices{n}, muster::on{pool} | body));
    }
};

// Loops inside one run.
struct with_for_each_inside : with_for_each {
    using with_for_each::with_for_each;
    template <class Call>
    void enter(Call const& call) {
        pool.run([&] { call(); }).value();
    }
};

struct with_map : with_for_each {
    using with_for_each::with_for_each;
    template <class In, class Out, class Value>
    void fill(In const& in, Out& out, Value const& value) {
        all_well(map(in, muster::on{pool} | value, into{out}));
    }
};

entered<rival> const by_for_each{{"muster", every_width(), on<with_for_each>}};
entered<rival> const by_for_each_inside{{"muster_inside", every_width(), on<with_for_each_inside>}};
entered<rival> const by_map{{"muster_map", every_width(), on<with_map>}};

}  // namespace
}  // namespace bench::loops
