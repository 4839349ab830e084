#include <muster/core/outcome.hpp>

muster::outcome<int> misuse();
bool use() { return misuse().has_value(); }
