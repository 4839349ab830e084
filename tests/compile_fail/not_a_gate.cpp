// expect: muster: limit names a gate
#include <muster/gate/bulkhead.hpp>
#include <muster/policy/limit.hpp>

void misuse() {
    int number = 3;
    muster::bulkhead room{3};
    auto policy = muster::limit{number};
    (void)policy;
    (void)number;
}
