// expect: muster: this lambda captures; write with{values..., [](item, values...){...}}
#include <muster/muster.hpp>
#include <muster/policy/isolate.hpp>
#include <muster/process/process_pool.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace muster;

int misuse(process_pool& cells, int margin) {
    return (isolate{cells} | [margin](int item) { return item + margin; })(1).value();
}
