// Fetches pages, many at once: a line for each with status, size and time, or why there is none. URLs come as arguments, or else one
// a line from standard input.
// ctest: http://127.0.0.1:1/ ftp://127.0.0.1/

#include <algorithm>    // clamp
#include <chrono>       // milliseconds
#include <cstddef>      // size_t
#include <cstdio>       // printf
#include <iostream>     // cin
#include <string>       // URLs
#include <vector>       // URLs

#include <muster/adapt/http_client.hpp>
#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

int main(int argc, char* argv[]) {
    std::vector<std::string> urls(argv + 1, argv + argc);
    if (urls.empty())
        for (std::string line; std::getline(std::cin, line);)
            if (!line.empty()) urls.push_back(line);

    http_client client{{.redirects = 5}};
    blocking_pool io{std::clamp<std::size_t>(urls.size(), 1, 50)};
    auto const pages = map(urls, on{io} | retry{.delay = 200ms} | deadline{10s} |
                                     [&](std::string const& url, context& cx) { return client.send({.url = url}, cx); });
    for (std::size_t i = 0; i < urls.size(); ++i) {
        auto const& page = pages[i];
        if (page)
            std::printf("%d %9zu bytes %7.1f ms  %s\n", page->status, page->body.size(),
                        std::chrono::duration<double, std::milli>{page->times.total}.count(), urls[i].c_str());
        else std::printf("%s\n", to_string(page.error()).c_str());
    }
}
