#include <vector>

#include <muster/core/wire.hpp>

struct reading {
    int sensor;
    std::vector<double> values;
};

void misuse(muster::wire_writer& to, reading const& item) { to.put(item); }
