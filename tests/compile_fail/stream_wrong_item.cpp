// expect: a stage of this stream cannot be called with what comes to it
#include <muster/flow/stream.hpp>

#include <string>
#include <vector>

int main() {
    std::vector<int> const items;
    (void)muster::stream(items, muster::pipeline{[](int n) { return n; }, [](std::string const& text) { return text; }});
}
