// expect: deleted
#include <chrono>

#include <muster/gate/rate_limiter.hpp>
#include <muster/policy/limit.hpp>

void misuse() {
    muster::rate_limiter quota{{.permits = 50}};
    auto policy = muster::limit{muster::rate_limiter{{.permits = 50}}};
    (void)policy;
}
