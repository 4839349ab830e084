#include "problem.hpp"

namespace bench::loops {
namespace {

struct serial {
    explicit serial(std::size_t) {}
    template <class Call>
    void enter(Call const& call) { call(); }
    template <class Body>
    void loop(std::size_t n, Body const& body) {
        for (std::size_t i = 0; i < n; ++i) body(i);
    }
};

entered<rival> const baseline{{"serial", {1}, on<serial>}};

}  // namespace
}  // namespace bench::loops
