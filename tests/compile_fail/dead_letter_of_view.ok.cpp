#include <vector>

#include <muster/flow/dead_letters.hpp>

void use(muster::dead_letters& dead, std::vector<int> const& item) {
    dead.put(muster::failure{muster::cause::timed_out, "no answer"}, item);
}
