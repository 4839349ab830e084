// Cookbook: Excel workbooks, several at once, each with a summary that is shown first and written last.
//
//   workbooks [FOLDER]      writes north.xlsx and south.xlsx there; without a folder, into one that it removes at its end
// ctest:

#include <cstdio>         // printf
#include <cstdlib>        // mkdtemp
#include <filesystem>     // a folder of its own
#include <string>         // paths
#include <vector>         // sites

#include <muster/muster.hpp>
#include <muster/workloads/formats/workbook.hpp>

using namespace muster;

int main(int argc, char** argv) {
    std::string folder = argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "workbooks-XXXXXX").string();
    if (argc <= 1 && !::mkdtemp(folder.data())) return 1;
    std::vector<std::string> const sites{"north", "south"};

    // [workbooks]
    auto const write = [&](std::string const& site) -> outcome<workbook_stats> {
        auto book = workbook::open(folder + '/' + site + ".xlsx").value();                // nothing of that name until close()
        auto const summary = book.add_sheet("Summary", {"sheet", "rows"}).value();        // shown first
        auto const hosts = book.add_sheet("Hosts", {"host", "command", "seconds"}).value();
        for (int i = 0; i < 1'000; ++i)
            book.add_row(hosts, {site + "-" + std::to_string(i), "=1+1", 0.5 * i}).value();    // a text stays a text
        book.add_row(summary, {book.name(hosts), book.stats(hosts).rows}).value();        // written last
        return book.close();
    };
    thread_pool pool;
    auto const books = map(sites, on{pool} | write);    // each is compressed on its own worker
    for (auto const& each : books)
        if (!each) std::printf("%s\n", to_string(each.error()).c_str());    // a full disk, a forbidden folder: no half a file
    // [end]

    bool good = true;
    for (auto const& each : books) good = good && each && each->rows == 1'001;
    if (argc <= 1) std::filesystem::remove_all(folder);
    return good ? 0 : 1;
}
