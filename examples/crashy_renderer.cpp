// A function that nobody trusts, contained: of 24 pages one crashes the renderer, one makes it hang and one makes it eat memory. The
// others arrive, and each of the three says what became of it.
// ctest:

#include <chrono>       // literals
#include <cstdio>       // printf
#include <cstdlib>      // abort
#include <string>       // pages
#include <vector>       // pages

#include <unistd.h>    // pause

#include <muster/core/bytes.hpp>              // MiB
#include <muster/muster.hpp>                  // map, on, deadline
#include <muster/process/process_main.hpp>    // process_main
#include <muster/process/process_pool.hpp>    // process_pool

using namespace muster;
using namespace std::chrono_literals;

namespace {

struct page {
    int number = 0;
    std::string text;
};

struct image {
    int width = 0, height = 0;
    std::vector<unsigned char> pixels;
};

// Of a library that was written long ago.
image legacy_render(page const& what) {
    if (what.text == "crash") {
        int* volatile nowhere = nullptr;
        *nowhere = 1;
    }
    if (what.text == "hang")
        for (;;) ::pause();
    if (what.text == "eat") {
        std::vector<std::vector<char>> all;
        for (;;) all.emplace_back(1u << 20, 'x');
    }
    image drawn{64, 64, std::vector<unsigned char>(64 * 64)};
    for (std::size_t i = 0; i < drawn.pixels.size(); ++i) drawn.pixels[i] = static_cast<unsigned char>(i * static_cast<std::size_t>(what.number));
    return drawn;
}

}  // namespace

int main(int argc, char** argv) {
    // [sample 3]
    process_main start{argc, argv};    // first line of main
    process_pool cells{{.workers = 4, .memory = 512 * MiB, .recycle_after = 1'000}};
    // [end]

    std::vector<page> pages;
    for (int number = 1; number <= 24; ++number) pages.push_back({number, "text"});
    pages[4].text = "crash";
    pages[11].text = "hang";
    pages[18].text = "eat";

    std::size_t arrived = 0, failed = 0;
    auto const quarantine = [&](page const& which, std::string const& why) {
        ++failed;
        std::printf("page %d is put aside: %s\n", which.number, why.c_str());
    };
    // [sample 3 run]
    for (auto const& image : map(pages, on{cells} | deadline{1s} | legacy_render))
        if (!image) quarantine(pages[image.error().index()], to_string(image.error()));
        else arrived += image->pixels.size() == 64 * 64;
    // [end]

    auto const health = cells.health();
    std::printf("%zu pages arrived, %zu did not; %llu workers were started, %llu crashed, %llu were ended\n", arrived, failed,
                static_cast<unsigned long long>(health.started), static_cast<unsigned long long>(health.crashed),
                static_cast<unsigned long long>(health.ended));
    return arrived == 21 && failed == 3 ? 0 : 1;
}
