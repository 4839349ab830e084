// Pools of processes need the first line of main.
#include <muster/process/process_main.hpp>

int run_catch(int argc, char* argv[]);

int main(int argc, char* argv[]) {
    muster::process_main start{argc, argv};
    return run_catch(argc, argv);
}
