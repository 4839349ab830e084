// expect: muster: a policy here names something of this process
#include <muster/muster.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/process/process_pool.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace muster;

void misuse(process_pool& cells, rate_limiter& quota) {
    (void)(isolate{cells} | limit{quota} | [](int item) { return item; })(1);
}
