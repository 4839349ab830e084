// expect: muster: T cannot travel to another process
// expect: std::vector for span and pointers
#include <muster/core/wire.hpp>

struct reading {
    int sensor;
    double const* values;
};

void misuse(muster::wire_writer& to, reading const& item) { to.put(item); }
