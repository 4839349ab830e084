// Excel workbooks: rows a second against libxlsxwriter as one would call it and against openpyxl, and several workbooks on two workers.

#include <array>          // sizes
#include <cmath>          // NaN
#include <cstdint>        // uint64_t
#include <cstdlib>        // abort
#include <filesystem>     // a folder for them
#include <string>         // cells
#include <vector>         // samples

#include <unistd.h>    // getpid

#include <xlsxwriter.h>    // the rival

#include <measure.hpp>
#include <python_script.hpp>

#include <muster/exec/thread_pool.hpp>
#include <muster/flow/map.hpp>
#include <muster/policy/on.hpp>
#include <muster/workloads/formats/workbook.hpp>

namespace {

using namespace muster;

// Five texts and a number, as a search finds them.
struct row {
    std::array<std::string, 5> texts;
    std::uint64_t line;
};
std::vector<row> rows_of(std::size_t count) {
    std::vector<row> rows;
    rows.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        auto const host = "host-" + std::to_string(i % 977);
        rows.push_back({{host, "collected/" + host + "/sshd_config.txt", "PermitRootLogin prohibit-password # " + std::to_string(i * 2'654'435'761 % 4'294'967'296),
                         "user" + std::to_string(i % 31), i % 3 != 0 ? "enabled" : "disabled"},
                        i});
    }
    return rows;
}

void by_muster(std::vector<row> const& rows, std::size_t count, std::string const& path) {
    auto book = workbook::open(path, {.durable = false});    // as the others
    if (!book) std::abort();
    auto const sheet = book->add_sheet("findings", {"system", "file", "match", "user", "state", "line"});
    if (!sheet) std::abort();
    for (std::size_t i = 0; i < count; ++i) {
        auto const& [texts, line] = rows[i];
        if (!book->add_row(*sheet, {texts[0], texts[1], texts[2], texts[3], texts[4], line})) std::abort();
    }
    auto const done = book->close();
    if (!done || done->rows != count) std::abort();
}

// The same file, or as near as it comes: written to its own name, checked for nothing.
void by_libxlsxwriter(std::vector<row> const& rows, std::size_t count, std::string const& path) {
    auto folder = std::filesystem::path{path}.parent_path().string();
    lxw_workbook_options options{};
    options.constant_memory = 1;
    options.tmpdir = folder.data();
    auto* const book = workbook_new_opt(path.c_str(), &options);
    auto* const sheet = workbook_add_worksheet(book, "findings");
    auto* const header = workbook_add_format(book);
    format_set_bold(header);
    lxw_col_t column = 0;
    for (auto const* const name : {"system", "file", "match", "user", "state", "line"}) worksheet_write_string(sheet, 0, column++, name, header);
    worksheet_set_column(sheet, 0, 5, 20, nullptr);
    worksheet_freeze_panes(sheet, 1, 0);
    for (std::size_t i = 0; i < count; ++i) {
        auto const at = static_cast<lxw_row_t>(i + 1);
        for (lxw_col_t j = 0; j < 5; ++j) worksheet_write_string(sheet, at, j, rows[i].texts[j].c_str(), nullptr);
        worksheet_write_number(sheet, at, 5, static_cast<double>(rows[i].line), nullptr);
    }
    worksheet_autofilter(sheet, 0, 0, static_cast<lxw_row_t>(count), 5);
    if (workbook_close(book) != LXW_NO_ERROR) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
    bench::report const to{argc, argv};
    bench::python_script script{"bench/workbook/openpyxl_rows.py"};
    auto const count = to.size<std::size_t>(100'000, 1'000);
    auto const rows = rows_of(count);
    auto const folder = std::filesystem::temp_directory_path() / ("muster-bench-workbook-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    auto const path = [&](std::string const& name) { return (folder / (name + ".xlsx")).string(); };

    // One of all rows and two of half of them: alone, the large one takes as long as both others.
    struct job {
        std::string path;
        std::size_t rows;
    };
    std::vector<job> const jobs{{path("a"), count}, {path("b"), count / 2}, {path("c"), count / 2}};
    thread_pool pool{2};
    auto const write = [&](job const& one) { by_muster(rows, one.rows, one.path); };
    std::vector<bench::contender> all{
        {"libxlsxwriter", [&] { return bench::seconds([&] { by_libxlsxwriter(rows, count, path("raw")); }); }},
        {"muster", [&] { return bench::seconds([&] { by_muster(rows, count, path("own")); }); }},
        {"three_one_by_one", [&] {
             return bench::seconds([&] {
                 for (auto const& each : jobs) write(each);
             });
         }},
        {"three_on_two_workers", [&] {
             return bench::seconds([&] {
                 for (auto const& each : map(jobs, on{pool} | write))
                     if (!each) std::abort();
             });
         }},
    };
    // A fifth is enough: it is slow.
    if (script.ask("10 " + path("python")))
        all.push_back({"openpyxl", [&] {
            auto const some = count / 5;
            return 1e-9 * script.ask(std::to_string(some) + ' ' + path("python")).value_or(std::nan("")) * static_cast<double>(count);
        }});
    auto const measured = bench::in_quiet_rounds(all, to.size(9, 1), 90);

    for (std::string const name : {"libxlsxwriter", "muster", "openpyxl"}) {
        std::vector<double> rates;
        for (auto const took : measured.of(name)) rates.push_back(static_cast<double>(count) / took);
        if (!rates.empty()) to.figure("rows_" + name, rates, "rows/s");
    }
    measured.ratio(to, "rows_against_libxlsxwriter", "libxlsxwriter", "muster");
    measured.ratio(to, "rows_against_openpyxl", "openpyxl", "muster");
    measured.ratio(to, "three_workbooks_on_two_workers", "three_one_by_one", "three_on_two_workers");
    std::filesystem::remove_all(folder);
}
