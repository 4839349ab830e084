// expect: muster: this item cannot be kept as a dead letter: let the flow take what owns its data
#include <span>

#include <muster/flow/dead_letters.hpp>

void misuse(muster::dead_letters& dead, std::span<int const> item) {
    dead.put(muster::failure{muster::cause::timed_out, "no answer"}, item);
}
