#include <chrono>

#include <muster/gate/rate_limiter.hpp>
#include <muster/policy/limit.hpp>

void misuse() {
    muster::rate_limiter quota{{.permits = 50}};
    auto policy = muster::limit{quota};
    (void)policy;
}
