#pragma once

#include <muster/process/detail/fork_server.hpp>    // fork_server

namespace muster {

/// The first line of main in a program that has a `process_pool`: `muster::process_main start{argc, argv};`
///
/// It starts the fork server while the program is small and has one thread; and when the program is started anew to be such a server,
/// it becomes that, and main goes no further. Without it a pool starts only while the process has one thread.
///
/// Default    no server where there are threads already (of a library that starts them before main): the pool then starts the program
///            anew.
/// Lifetime   to the end of main: the server ends with it. Workers of pools that are gone have ended before.
/// Cost       about 0.2 ms, and a process that sleeps.
class process_main {
public:
    process_main(int, char**) {
        detail::fork_server::serve_if_asked();
        detail::has_process_main() = true;
        if (detail::threads_of_process() != 1) return;
        if (auto server = detail::fork_server::of_this_process()) detail::early_server() = *std::move(server);
    }
    process_main(process_main const&) = delete;
    process_main& operator=(process_main const&) = delete;
    ~process_main() {
        detail::early_server().reset();
        detail::has_process_main() = false;
    }
};

}  // namespace muster
