// expect: muster: map calls f(item)
#include <vector>

#include <muster/exec/inline_executor.hpp>
#include <muster/flow/map.hpp>

void misuse() {
    std::vector<int> items{1, 2, 3};
    muster::inline_executor here;
    int seen = 0;
    auto results = muster::map(items, muster::on{here} | [seen](int item) mutable { return seen++ + item; });
}
