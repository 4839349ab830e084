// Workbooks as another program reads them: openpyxl, by Debian's Python.
#pragma once

#include <optional>       // what is not there
#include <stdexcept>      // runtime_error
#include <string>         // paths
#include <string_view>    // values

#include <unistd.h>    // access

#include <nlohmann/json.hpp>    // its answer

#include <muster/process/command.hpp>           // command
#include <muster/process/command_runner.hpp>    // command_runner

inline constexpr char const* python = "/usr/bin/python3";    // Debian's: that one has Debian's modules

inline std::string python_says(std::string const& script, std::string const& path) {
    muster::command_runner programs;
    auto const done = programs(muster::command{.program = python, .args = {"-I", "-c", script, path}});
    if (!done) throw std::runtime_error{to_string(done.error())};
    return done->out;
}

inline bool has_openpyxl() {
    static bool const there = ::access(python, X_OK) == 0 && [] {
        muster::command_runner programs;
        return programs(muster::command{.program = python, .args = {"-I", "-c", "import openpyxl"}}).has_value();
    }();
    return there;
}

/// {"sheets": [{"name", "rows": [[value]], "types", "links", "freeze", "filter", "widths", "bold", "selected"}], "formulas", "names",
/// "workbook"}; texts as a spreadsheet shows them.
inline nlohmann::json read_workbook(std::string const& path) {
    static std::string const script = R"(
import json, sys, zipfile, openpyxl
from openpyxl.utils.escape import unescape
path = sys.argv[1]
book = openpyxl.load_workbook(path)
def shown(value):
    return unescape(value) if isinstance(value, str) else value
sheets = [{
    "name": sheet.title,
    "rows": [[shown(cell.value) for cell in row] for row in sheet.iter_rows()],
    "types": "".join(sorted({cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None})),
    "links": sum(cell.hyperlink is not None for row in sheet.iter_rows() for cell in row),
    "freeze": sheet.freeze_panes,
    "filter": sheet.auto_filter.ref,
    "widths": [round(sheet.column_dimensions[letter].width) for letter in sorted(sheet.column_dimensions)],
    "bold": [cell.font.bold for row in sheet.iter_rows(max_row=2) for cell in row[:1]],
    "selected": bool(sheet.sheet_view.tabSelected),
} for sheet in book]
parts = zipfile.ZipFile(path)
assert parts.testzip() is None
print(json.dumps({"sheets": sheets, "formulas": any(b"<f>" in parts.read(name) for name in parts.namelist()),
                  "names": parts.read("xl/workbook.xml").decode().count("<definedName "), "workbook": parts.read("xl/workbook.xml").decode()}))
)";
    return nlohmann::json::parse(python_says(script, path));
}
