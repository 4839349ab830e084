#include <string>    // names

#include <unistd.h>    // getpid

#include <muster/cache/shm_cache.hpp>

#include "problem.hpp"

namespace bench::cache {

namespace {

using entries = muster::shm_cache<std::string, std::string>;

std::optional<rival> make(problem const& of) {
    auto const name = "muster-bench-" + std::to_string(getpid());
    muster::shm_cache_options const options{.entries = of.keys * 5 / 4, .entry_bytes = of.value_size + 36};
    auto const filled = std::make_shared<entries>(name, options);
    fill(of, [&](std::string const& key, std::string const& value) {
        if (!filled->put(key, value)) std::abort();
    });
    (void)entries::unlink(name);    // who is here keeps it: its children are forked from it
    return rival{.name = "muster",
                 .connect = [filled] {
                     return client{.get = [filled](std::string const& key, std::string& value) { return filled->get_to(key, value); },
                                   .set = [filled](std::string const& key, std::string const& value) { (void)filled->put(key, value); }};
                 },
                 .keeps = filled};
}

entered<store> const it{{"muster", make}};

}  // namespace

}  // namespace bench::cache
