#include <muster/gate/bulkhead.hpp>
#include <muster/policy/limit.hpp>

void misuse() {
    int number = 3;
    muster::bulkhead room{3};
    auto policy = muster::limit{room};
    (void)policy;
    (void)number;
}
