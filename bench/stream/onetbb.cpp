#include "problem.hpp"

#include <oneapi/tbb/parallel_pipeline.h>    // parallel_pipeline
#include <oneapi/tbb/task_arena.h>           // task_arena

namespace bench::stream {

namespace {

// As many items in flight as wait in three buffers; the last filter is serial, as a consumer is.
std::uint64_t sum_of(std::size_t items, work each, oneapi::tbb::filter_mode last) {
    using oneapi::tbb::filter_mode;
    using oneapi::tbb::make_filter;
    static oneapi::tbb::task_arena arena{static_cast<int>(workers)};
    std::size_t next = 0;
    std::uint64_t sum = 0;
    arena.execute([&] {
        oneapi::tbb::parallel_pipeline(
            3 * room,
            make_filter<void, std::uint64_t>(filter_mode::serial_in_order,
                                             [&](oneapi::tbb::flow_control& control) -> std::uint64_t {
                                                 if (next == items) return control.stop(), 0;
                                                 return next++;
                                             }) &
                make_filter<std::uint64_t, std::uint64_t>(filter_mode::parallel, [&](std::uint64_t n) { return first(each(n)); }) &
                make_filter<std::uint64_t, std::uint64_t>(filter_mode::parallel, [&](std::uint64_t n) { return second(each(n)); }) &
                make_filter<std::uint64_t, std::uint64_t>(filter_mode::parallel, [&](std::uint64_t n) { return third(each(n)); }) &
                make_filter<std::uint64_t, void>(last, [&](std::uint64_t n) { sum += n; }));
    });
    return sum;
}

std::uint64_t onetbb(std::size_t items, work each) { return sum_of(items, each, oneapi::tbb::filter_mode::serial_out_of_order); }
std::uint64_t onetbb_in_order(std::size_t items, work each) { return sum_of(items, each, oneapi::tbb::filter_mode::serial_in_order); }

entered<rival> const any_order{{"onetbb", onetbb}};
entered<rival> const in_order{{"onetbb_in_order", onetbb_in_order}};

}  // namespace

}  // namespace bench::stream
