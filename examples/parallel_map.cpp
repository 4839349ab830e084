// Cookbook: parallel map, an outcome for each item in the order of the items.
// ctest: README.md LICENSE no_such_file

#include <cstdint>       // uint64_t
#include <cstdio>        // stderr
#include <fstream>       // reading
#include <iterator>      // istreambuf_iterator
#include <stdexcept>     // runtime_error
#include <string>        // paths
#include <vector>        // paths

#include <muster/adapt/fmt.hpp>
#include <muster/muster.hpp>

using namespace muster;

// A task is an ordinary function. What it throws becomes the failure of its item, and of no other.
std::uint64_t digest_of_file(std::string const& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    std::uint64_t hash = 0xcbf29ce484222325;    // FNV-1a
    for (std::istreambuf_iterator<char> at{in}, end; at != end; ++at) hash = (hash ^ static_cast<unsigned char>(*at)) * 0x100000001b3;
    return hash;
}

int main(int argc, char** argv) {
    std::vector<std::string> const paths(argv + 1, argv + argc);

    // [sample 1]
    thread_pool pool;
    auto digests = map(paths, on{pool} | digest_of_file);    // std::vector<outcome<std::uint64_t>>, input order
    for (auto const& d : digests)
        if (!d) fmt::print(stderr, "{}: {}\n", paths[d.error().index()], d.error().text());
    // [end]

    for (std::size_t i = 0; i < paths.size(); ++i)
        if (digests[i]) fmt::print("{:016x}  {}\n", *digests[i], paths[i]);
}
