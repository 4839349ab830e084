#pragma once

#include <cstddef>        // size_t
#include <string>         // string
#include <utility>        // move

#include <muster/workloads/bgp/plan.hpp>    // planned_policy

namespace muster::bgp {

/// Says under which key an answer is remembered: everything that changes it, the version of bgpq4 included.
///
/// Shape      `cached{cache, cache_key{version}}`; one line of printable text, never longer than the arguments
///            together.
/// Default    the server is part of it as it is asked for; `server_is` says what else the run's server is called, for
///            one whose port changes. A request's own server keeps its name.
class cache_key {
public:
    explicit cache_key(std::string version, std::string server_is = {})
        : version_(std::move(version)), server_is_(std::move(server_is)) {}

    [[nodiscard]] std::string operator()(planned_policy const& planned) const {
        std::string key = "bgpq4 " + version_ + ' ' + planned.run.program;
        for (std::size_t i = 0; i < planned.run.args.size(); ++i) {
            bool const renamed = i != 0 && planned.run.args[i - 1] == "-h" && !server_is_.empty() &&
                                 !planned.asked.server;
            key += ' ';                                              // no argument but a template has a space in it
            key += renamed ? server_is_ : planned.run.args[i];
        }
        return key;
    }

private:
    std::string version_;
    std::string server_is_;
};

}  // namespace muster::bgp
