#pragma once

#include <algorithm>           // clamp, max
#include <cassert>             // a sheet of this workbook
#include <cerrno>              // errno
#include <cmath>               // isfinite
#include <cstddef>             // size_t
#include <cstdint>             // uint64_t
#include <cstdio>              // open_memstream
#include <cstdlib>             // free, malloc
#include <cstring>             // memcpy
#include <initializer_list>    // a row
#include <memory>              // unique_ptr
#include <optional>            // what failed
#include <span>                // a row
#include <stdexcept>           // invalid_argument
#include <string>              // paths, cells
#include <string_view>         // names
#include <utility>             // exchange, move
#include <vector>              // sheets

#include <xlsxwriter.h>    // lxw_workbook

#include <muster/core/json.hpp>                              // json_text
#include <muster/core/outcome.hpp>                           // outcome
#include <muster/os/atomic_file.hpp>                         // atomic_file
#include <muster/os/system_failure.hpp>                      // system_failure
#include <muster/workloads/formats/detail/cell_text.hpp>      // cell_text
#include <muster/workloads/formats/detail/numbers_in_c.hpp>   // numbers_in_c
#include <muster/workloads/formats/detail/package_check.hpp>  // package_check
#include <muster/workloads/formats/detail/rows_file.hpp>      // rows_file, rows_spool
#include <muster/workloads/formats/detail/sheet_name.hpp>     // sheet_names
#include <muster/workloads/formats/workbook_cell.hpp>         // workbook_cell

namespace muster {

/// How a `workbook` is written.
struct workbook_options {
    /// With the header; 2 to 1,048,576. All that the format has: fewer for programs that read fewer.
    std::size_t rows_a_sheet = 1'048'576;
    /// false: whole or absent after a crash of the process, but perhaps older after one of the machine.
    bool durable = true;
};

/// One sheet of a `workbook`, as `add_sheet` names it; good for that workbook alone.
struct workbook_sheet {
    std::size_t number = 0;
    friend bool operator==(workbook_sheet const&, workbook_sheet const&) = default;
};

/// What was written to a `workbook`, or to one of its sheets.
struct workbook_stats {
    std::uint64_t rows = 0;        ///< without headers
    std::uint64_t cut = 0;         ///< cells that were too long
    std::uint64_t replaced = 0;    ///< characters that no workbook can hold
    std::uint64_t sheets = 0;      ///< with those that took the rows past the last of another
    friend bool operator==(workbook_stats const&, workbook_stats const&) = default;
};

/// An Excel workbook (.xlsx) that is written row by row, and is there whole or not at all.
///
/// Several sheets may be open at once, and rows go to any of them in any order: so a summary is made first, shown first, and written last.
///
/// Shape      each sheet has a header row: bold, always in sight, with filters; columns as wide as the header and the first 100 rows
///            want. A text is a text, whatever it starts with: never a formula, a link or a number. Cells beyond 32,767 characters (UTF-16
///            units) are cut, end in "... [cut, N characters]" and are counted. What XML 1.0 cannot hold, and bytes that are no UTF-8, become
///            U+FFFD. Rows past the last of a sheet go to a further one at the end, "name (2)", with the same header. Sheet names are made
///            legal: 31 units, none of []:*?/\, no ' at either end, not "History", none like another but for case. Numbers have 16 digits.
///            Same content, same bytes.
/// Fails      with a text that names the file: as `system_failure` (exhausted for a full disk, unavailable for a folder that is missing
///            or forbidden); invalid_input for a row of more cells than its sheet has columns; out_of_memory. After one that is not of
///            an input, each call fails with the same, and nothing but the old file is left.
/// Throws     `open`, std::invalid_argument for options out of their range.
/// Threads    one at a time; any number of workbooks at once. libxlsxwriter calls gmtime(), with the same moment for every workbook:
///            a gmtime() elsewhere in the process in that very moment may put another date of creation into the file. It also seeds rand().
/// Lifetime   dropped without `close`, it leaves the old file, if any.
/// Cost       memory for a row and 200 KiB a sheet; four file descriptors at most; on disk, while it is open, the rows uncompressed, in a file
///            without a name beside it, and while it is closed the largest sheet once more. Two thirds of the time go into `close`, which compresses on the calling thread: a task of its own for
///            each workbook. When it fails libxlsxwriter also writes a line to stderr.
/// Source     ECMA-376, part 1; limits as Excel has them.
class workbook {
public:
    using sheet_type = workbook_sheet;
    using cell_type = workbook_cell;

    /// Creates the temporary file beside `path`; `path` itself is first touched by `close`.
    [[nodiscard]] static outcome<workbook> open(std::string path, workbook_options options = {});
    workbook(workbook&& other) noexcept = default;
    workbook& operator=(workbook&& other) noexcept;
    ~workbook() { discard(); }

    /// A further sheet, behind those that there are; 1 to 16,384 columns.
    outcome<workbook_sheet> add_sheet(std::string_view name, std::span<std::string_view const> columns);
    outcome<workbook_sheet> add_sheet(std::string_view name, std::initializer_list<std::string_view> columns) {
        return add_sheet(name, std::span{columns.begin(), columns.size()});
    }

    /// Appends to a sheet; fewer cells than columns leave the last ones empty.
    outcome<void> add_row(workbook_sheet to, std::span<workbook_cell const> cells);
    outcome<void> add_row(workbook_sheet to, std::initializer_list<workbook_cell> cells) { return add_row(to, std::span{cells.begin(), cells.size()}); }

    [[nodiscard]] workbook_stats stats() const noexcept;
    [[nodiscard]] workbook_stats stats(workbook_sheet of) const noexcept { return sheets_[of.number].stats; }
    /// The name that a sheet got.
    [[nodiscard]] std::string const& name(workbook_sheet of) const noexcept { return sheets_[of.number].name; }

    /// Puts it together and makes it the file. Afterwards this is spent.
    outcome<workbook_stats> close();
    /// Leaves the file as it was, and removes all that was written.
    void discard() noexcept;

private:
    static constexpr std::size_t longest_text = 32'767;
    static constexpr std::size_t most_columns = 16'384;
    static constexpr std::size_t most_sheets = 60'000;       // the library counts them in 16 bits
    static constexpr std::size_t measured_rows = 100;
    static constexpr std::uint64_t largest_plain_zip = 3'000'000'000;    // beyond 4 GiB parts need the larger fields of ZIP64

    // As the file has them.
    struct part {
        std::unique_ptr<detail::xlsx::rows_file> rows;
        lxw_worksheet* of = nullptr;
        std::vector<std::size_t> widths{};
        lxw_row_t next_row = 0;
    };
    // As the user sees them.
    struct sheet {
        std::string name;
        std::vector<std::string> columns;
        std::size_t last_part;
        workbook_stats stats{};
    };
    struct closer {
        void operator()(lxw_workbook* book) const noexcept { lxw_workbook_free(book); }
    };

    workbook(std::string path, workbook_options options, atomic_file file) : path_(std::move(path)), options_(options), file_(std::move(file)) {}
    outcome<std::size_t> add_part(std::string const& name, std::vector<std::string> const& columns);
    lxw_error write_cell(sheet& counted, part& to, std::size_t column, workbook_cell const& cell);
    lxw_error write_text(sheet& counted, part& to, std::size_t column, std::string_view text, lxw_format* format = nullptr);
    outcome<std::uint64_t> finish(part& each);
    failure failed(failure why);
    failure refused(lxw_error code, int error);
    [[nodiscard]] std::string folder() const;

    std::string path_;
    workbook_options options_;
    std::optional<atomic_file> file_;
    std::unique_ptr<lxw_workbook, closer> book_;
    lxw_format* header_ = nullptr;
    std::unique_ptr<detail::xlsx::rows_spool> spool_;    // before the parts, which write to it
    std::vector<part> parts_;
    std::vector<sheet> sheets_;
    detail::xlsx::sheet_names names_;
    std::string text_;
    std::optional<failure> why_;    // nothing more can be done
};

// Implementation

inline std::string workbook::folder() const {
    auto const slash = path_.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path_.substr(0, slash);
}

inline outcome<workbook> workbook::open(std::string path, workbook_options options) {
    if (options.rows_a_sheet < 2 || options.rows_a_sheet > LXW_ROW_MAX)
        throw std::invalid_argument("muster: a workbook has 2 to 1,048,576 rows a sheet, not " + std::to_string(options.rows_a_sheet));
    auto file = atomic_file::open(path, {.durable = options.durable});
    if (!file) return std::move(file).error();
    workbook made{std::move(path), options, std::move(*file)};
    auto folder = made.folder();
    auto spool = detail::xlsx::rows_spool::open(folder, made.path_);
    if (!spool) return std::move(spool).error();
    made.spool_ = std::move(*spool);
    lxw_workbook_options how{};
    how.constant_memory = 1;
    how.tmpdir = folder.data();
    made.book_.reset(workbook_new_opt(made.file_->temporary_path().c_str(), &how));
    if (!made.book_) return made.refused(LXW_ERROR_MEMORY_MALLOC_FAILED, ENOMEM);
    lxw_doc_properties properties{};
    properties.created = 315'532'800;    // 1980-01-01, as the parts of the file are dated: the same content gives the same bytes
    made.header_ = workbook_add_format(made.book_.get());
    if (!made.header_ || workbook_set_properties(made.book_.get(), &properties) != LXW_NO_ERROR)
        return made.refused(LXW_ERROR_MEMORY_MALLOC_FAILED, ENOMEM);
    format_set_bold(made.header_);
    format_set_bg_color(made.header_, 0xd9e1f2);
    format_set_bottom(made.header_, LXW_BORDER_THIN);
    return made;
}

inline workbook& workbook::operator=(workbook&& other) noexcept {
    discard();
    path_ = std::move(other.path_);
    options_ = other.options_;
    file_ = std::move(other.file_);
    book_ = std::move(other.book_);
    header_ = other.header_;
    parts_ = std::move(other.parts_);
    spool_ = std::move(other.spool_);
    sheets_ = std::move(other.sheets_);
    names_ = std::move(other.names_);
    text_ = std::move(other.text_);
    why_ = std::move(other.why_);
    return *this;
}

inline void workbook::discard() noexcept {
    book_.reset();
    parts_.clear();
    spool_.reset();
    file_.reset();
}

inline failure workbook::failed(failure why) {
    discard();
    why_ = why;
    return why;
}

inline failure workbook::refused(lxw_error code, int error) {
    auto const tried = "cannot write " + path_;
    if (code == LXW_ERROR_MEMORY_MALLOC_FAILED) return failed({cause::out_of_memory, tried + ": no memory is left"});
    if (error != 0) return failed(system_failure(error, tried));
    return failed({cause::unavailable, tried + ": " + lxw_strerror(code)});
}

inline outcome<workbook_sheet> workbook::add_sheet(std::string_view name, std::span<std::string_view const> columns) {
    if (why_) return *why_;
    if (!book_) return failure{cause::unavailable, path_ + " is closed"};
    if (columns.empty() || columns.size() > most_columns)
        return failure{cause::invalid_input, "a sheet of " + path_ + " has 1 to 16,384 columns: " + json_text(name) + " has " +
                                                 std::to_string(columns.size())};
    sheets_.push_back({names_.take(name), {columns.begin(), columns.end()}, 0});
    auto& made = sheets_.back();
    auto const first = add_part(made.name, made.columns);
    if (!first) return first.error();
    made.last_part = *first;
    made.stats.sheets = 1;
    return workbook_sheet{sheets_.size() - 1};
}

inline outcome<std::size_t> workbook::add_part(std::string const& name, std::vector<std::string> const& columns) {
    if (parts_.size() == most_sheets)
        return failed({cause::exhausted, "cannot write " + path_ + ": it has " + std::to_string(most_sheets) + " sheets, and not one more is possible"});
    auto rows = detail::xlsx::rows_file::open(*spool_, path_);
    if (!rows) return failed(std::move(rows).error());
    detail::xlsx::numbers_in_c const plain;
    errno = 0;
    auto* const made = workbook_add_worksheet(book_.get(), name.c_str());
    if (!made) return refused(LXW_ERROR_CREATING_TMPFILE, errno);
    std::fclose(made->optimize_tmpfile);
    made->optimize_tmpfile = made->file = (*rows)->stream();
    // Always in quotes: without them a name like A1 or 2024 is something else in the formula that says where the filters are.
    std::string quoted = "'";
    for (char const c : name) quoted.append(c == '\'' ? 2 : 1, c);
    quoted += '\'';
    auto* const copy = static_cast<char*>(std::malloc(quoted.size() + 1));
    if (copy) {
        std::memcpy(copy, quoted.c_str(), quoted.size() + 1);
        std::free(made->quoted_name);
        made->quoted_name = copy;
    }
    parts_.push_back({std::move(*rows), made, std::vector<std::size_t>(columns.size())});
    auto& to = parts_.back();
    sheet uncounted{};
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (auto const code = write_text(uncounted, to, i, columns[i], header_); code != LXW_NO_ERROR) return refused(code, 0);
        to.widths[i] += 3;    // the button of its filter
    }
    to.next_row = 1;
    return parts_.size() - 1;
}

inline lxw_error workbook::write_text(sheet& counted, part& to, std::size_t column, std::string_view text, lxw_format* format) {
    auto const became = detail::xlsx::cell_text(text, text_, longest_text);
    counted.stats.cut += became.cut;
    counted.stats.replaced += became.replaced;
    if (to.next_row <= measured_rows) {
        std::size_t width = 0;
        for (char const c : text_) {
            if (c == '\n') break;
            width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
        }
        to.widths[column] = std::max(to.widths[column], width);
    }
    return worksheet_write_string(to.of, to.next_row, static_cast<lxw_col_t>(column), text_.c_str(), format);
}

inline lxw_error workbook::write_cell(sheet& counted, part& to, std::size_t column, workbook_cell const& cell) {
    switch (cell.what()) {
        case workbook_cell::kind::nothing: return LXW_NO_ERROR;
        case workbook_cell::kind::text: return write_text(counted, to, column, cell.text());
        case workbook_cell::kind::large: return write_text(counted, to, column, cell.digits());
        case workbook_cell::kind::number: break;
    }
    if (!std::isfinite(cell.number()))
        return write_text(counted, to, column, std::isnan(cell.number()) ? "NaN" : cell.number() < 0 ? "-infinity" : "infinity");
    if (to.next_row <= measured_rows) to.widths[column] = std::max<std::size_t>(to.widths[column], 10);
    return worksheet_write_number(to.of, to.next_row, static_cast<lxw_col_t>(column), cell.number(), nullptr);
}

inline outcome<void> workbook::add_row(workbook_sheet to, std::span<workbook_cell const> cells) {
    if (why_) return *why_;
    if (!book_) return failure{cause::unavailable, path_ + " is closed"};
    assert(to.number < sheets_.size());
    auto& into = sheets_[to.number];
    if (cells.size() > into.columns.size())
        return failure{cause::invalid_input, "a row of " + std::to_string(cells.size()) + " cells does not fit into the sheet " + json_text(into.name) +
                                                 " of " + path_ + ", which has " + std::to_string(into.columns.size()) + " columns"};
    if (parts_[into.last_part].next_row == options_.rows_a_sheet) {
        auto const next = add_part(names_.take(into.name), into.columns);
        if (!next) return next.error();
        into.last_part = *next;
        ++into.stats.sheets;
    }
    auto& last = parts_[into.last_part];
    detail::xlsx::numbers_in_c const plain;
    for (std::size_t i = 0; i < cells.size(); ++i)
        if (auto const code = write_cell(into, last, i, cells[i]); code != LXW_NO_ERROR) return refused(code, 0);
    if (last.rows->error() != 0) return failed(system_failure(last.rows->error(), "cannot write " + path_));
    ++last.next_row;
    ++into.stats.rows;
    return {};
}

// The last row, and what goes around the rows; answers how many bytes the part will have.
inline outcome<std::uint64_t> workbook::finish(part& each) {
    lxw_worksheet_write_single_row(each.of);
    each.rows->flush();
    if (each.rows->error() != 0) return failed(system_failure(each.rows->error(), "cannot write " + path_));
    auto const columns = static_cast<lxw_col_t>(each.widths.size());
    for (lxw_col_t i = 0; i < columns; ++i)
        if (auto const code = worksheet_set_column(each.of, i, i, static_cast<double>(std::clamp<std::size_t>(each.widths[i] + 1, 8, 60)), nullptr);
            code != LXW_NO_ERROR)
            return refused(code, 0);
    worksheet_freeze_panes(each.of, 1, 0);
    auto const last_row = each.next_row - 1;
    if (auto const code = worksheet_autofilter(each.of, 0, 0, last_row, static_cast<lxw_col_t>(columns - 1)); code != LXW_NO_ERROR)
        return refused(code, 0);

    // Once without the rows: so much will be around them.
    char* text = nullptr;
    std::size_t around = 0;
    auto* const memory = ::open_memstream(&text, &around);
    if (!memory) return refused(LXW_ERROR_MEMORY_MALLOC_FAILED, ENOMEM);
    auto* const file = std::exchange(each.of->file, memory);
    each.of->optimize = 0;
    lxw_worksheet_assemble_xml_file(each.of);
    each.of->optimize = 1;
    each.of->file = file;
    bool const whole = std::fclose(memory) == 0;
    std::free(text);
    if (!whole) return refused(LXW_ERROR_MEMORY_MALLOC_FAILED, ENOMEM);
    constexpr std::string_view without = "<sheetData/>", with = "<sheetData></sheetData>";
    return around - without.size() + with.size() + each.rows->size();
}

inline outcome<workbook_stats> workbook::close() {
    if (why_) return *why_;
    if (!book_) return failure{cause::unavailable, path_ + " is closed"};
    if (parts_.empty())
        if (auto const made = add_sheet("Sheet", {""}); !made) return made.error();    // a workbook has a sheet
    detail::xlsx::numbers_in_c const plain;
    worksheet_activate(parts_.front().of);
    std::vector<detail::xlsx::package_check::sheet> expected;
    std::uint64_t sum = 0;
    for (auto& each : parts_) {
        auto const size = finish(each);
        if (!size) return size.error();
        expected.push_back({*size, std::string_view{each.of->name}.size()});
        sum += *size;
    }
    book_->options.use_zip64 = sum > largest_plain_zip;
    errno = 0;
    auto const code = workbook_close(book_.release());    // frees it also when it fails
    auto const error = errno;
    if (code != LXW_NO_ERROR) return refused(code, error);
    if (auto const whole = detail::xlsx::package_check::whole(file_->temporary_path(), path_, expected); !whole) return failed(whole.error());
    auto result = stats();
    if (auto done = file_->commit(); !done) return failed(std::move(done).error());
    discard();
    return result;
}

inline workbook_stats workbook::stats() const noexcept {
    workbook_stats sum;
    for (auto const& each : sheets_) {
        sum.rows += each.stats.rows;
        sum.cut += each.stats.cut;
        sum.replaced += each.stats.replaced;
        sum.sheets += each.stats.sheets;
    }
    return sum;
}

}  // namespace muster
