// expect: muster: outcome<T> holds a plain object
#include <muster/core/outcome.hpp>

muster::outcome<int const> misuse();
bool use() { return misuse().has_value(); }
