#include "problem.hpp"

namespace bench::loops {
namespace {

struct with_openmp {
    int workers;
    explicit with_openmp(std::size_t many) : workers(static_cast<int>(many)) {}
    template <class Call>
    void enter(Call const& call) { call(); }
};
struct with_static : with_openmp {
    using with_openmp::with_openmp;
    template <class Body>
    void loop(std::size_t n, Body const& body) {
#pragma omp parallel for num_threads(workers) schedule(static)
        for (std::size_t i = 0; i < n; ++i) body(i);
    }
};
struct with_dynamic : with_openmp {
    using with_openmp::with_openmp;
    template <class Body>
    void loop(std::size_t n, Body const& body) {
#pragma omp parallel for num_threads(workers) schedule(dynamic)
        for (std::size_t i = 0; i < n; ++i) body(i);
    }
};
struct with_dynamic_64 : with_openmp {
    using with_openmp::with_openmp;
    template <class Body>
    void loop(std::size_t n, Body const& body) {
#pragma omp parallel for num_threads(workers) schedule(dynamic, 64)
        for (std::size_t i = 0; i < n; ++i) body(i);
    }
};

entered<rival> const for_static{{"openmp_static", every_width(), on<with_static>}};
entered<rival> const for_dynamic{{"openmp_dynamic", every_width(), on<with_dynamic>}};
entered<rival> const for_dynamic_64{{"openmp_dynamic_64", every_width(), on<with_dynamic_64>}};

}  // namespace
}  // namespace bench::loops
