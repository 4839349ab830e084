#pragma once

#include <cerrno>           // errno
#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <map>              // systems
#include <memory>           // unique_ptr
#include <optional>         // sheets
#include <span>             // cells
#include <string>           // names
#include <string_view>      // columns
#include <thread>           // jthread
#include <utility>          // exchange, move
#include <vector>           // rows

#include <sys/stat.h>    // mkdir

#include <muster/core/bytes.hpp>                              // MiB
#include <muster/core/invoke_task.hpp>                        // guarded
#include <muster/core/outcome.hpp>                            // outcome
#include <muster/os/quiet_thread.hpp>                         // quiet_thread
#include <muster/os/system_failure.hpp>                       // system_failure
#include <muster/workloads/search/collected_system.hpp>       // system_family
#include <muster/workloads/search/detail/finding_queue.hpp>    // finding_queue
#include <muster/workloads/search/detail/readable_text.hpp>    // readable_text
#include <muster/workloads/search/finding.hpp>                // finding_sink
#include <muster/workloads/search/rule_set.hpp>               // rule_set
#include <muster/workloads/search/system_condition.hpp>       // system_attribute

namespace muster::searching {

/// How a `workbook_writer` writes.
struct workbook_writer_options {
    /// Findings that wait to be written, for each workbook: 16 MiB, a tenth of a second's writing. Then the search waits.
    std::size_t waiting_bytes = 16 * MiB;
    friend bool operator==(workbook_writer_options const&, workbook_writer_options const&) = default;
};

/// A workbook that a `workbook_writer` has written.
struct written_workbook {
    std::string path;
    std::uint64_t rows = 0;    ///< findings, and files where nothing was found
    std::uint64_t cut = 0;     ///< cells that were too long
    friend bool operator==(written_workbook const&, written_workbook const&) = default;
};

/// Writes findings to Excel workbooks, one for each operating system, each on a thread of its own while the search still runs.
///
/// `Book` is muster::workbook, from <muster/workloads/formats/workbook.hpp>, or what has the same members: whoever writes CSV alone needs no
/// libxlsxwriter.
///
/// Shape      FOLDER/Linux.xlsx, Windows.xlsx, Darwin.xlsx and unknown.xlsx, those that there are findings for. First the sheet "Summary", a row a
///            rule that is for such systems, in their order, also for those that found nothing: rule, comment, systems (with a finding), findings, cut (cells that were
///            too long), missing (files that say so), sheet. Then a sheet for each rule that found something, in the order of the first findings:
///            system, os_version, file, line, match, and a column for each field of the rule; line 0 says that nothing was found.
/// Waits      `put` while too much is waiting to be written; `finish` until all is.
/// Fails      with what `Book` fails with, or the folder: unavailable where it cannot be made. A workbook that fails leaves its old file; the
///            others are written.
/// Threads    one call at a time.
/// Lifetime   dropped without `finish`, it leaves the old files.
/// Cost       a thread for each operating system, and what `Book` costs: for muster::workbook 200 KiB for each rule that found something.
template <class Book>
class workbook_writer {
public:
    /// Makes the folder, if it is not there, but none above it.
    [[nodiscard]] static outcome<workbook_writer> open(std::string folder, rule_set rules, workbook_writer_options options = {});

    outcome<void> put(finding_place const& where, finding const& what);
    /// Gives the files their names; answers which there are. Afterwards this is spent.
    outcome<std::vector<written_workbook>> finish();

private:
    // One operating system's workbook: what its thread alone touches until that has ended.
    class page {
    public:
        page(std::string path, system_family family, rule_set rules, std::size_t waiting_bytes)
            : path_(std::move(path)), family_(family), rules_(std::move(rules)), queue_(waiting_bytes), per_rule_(rules_.size()),
              thread_(quiet_thread([this] { run(); })) {}
        page(page const&) = delete;
        ~page() { queue_.give_up(); }    // the thread is joined before anything it uses is gone: it is the last member

        bool push(detail::finding_queue::row row) { return queue_.push(std::move(row)); }
        void end() { queue_.end(); }
        outcome<written_workbook> const& result() {
            if (thread_.joinable()) thread_.join();
            return result_;
        }

    private:
        using sheet_type = typename Book::sheet_type;
        using cell_type = typename Book::cell_type;

        struct tally {
            std::optional<sheet_type> sheet{};
            std::vector<bool> seen{};    // systems, by number
            std::uint64_t systems = 0, findings = 0, missing = 0;
        };

        void run() {
            result_ = guarded<outcome<written_workbook>>([this] { return write(); });
            queue_.give_up();    // whoever waits for room must not wait for ever
        }
        outcome<written_workbook> write();
        outcome<void> add(Book& book, detail::finding_queue::row const& row);
        [[nodiscard]] bool is_for_family(rule const& one) const;
        outcome<void> summarise(Book& book, sheet_type summary);

        std::string path_;
        system_family family_;
        rule_set rules_;
        detail::finding_queue queue_;
        std::vector<tally> per_rule_;
        std::map<std::string, std::size_t> systems_;    // their numbers
        std::vector<std::string> texts_;
        std::vector<cell_type> cells_;
        outcome<written_workbook> result_;
        std::jthread thread_;
    };

    workbook_writer(std::string folder, rule_set rules, workbook_writer_options options)
        : folder_(std::move(folder)), rules_(std::move(rules)), options_(options) {}

    std::string folder_;
    rule_set rules_;
    workbook_writer_options options_;
    std::vector<std::unique_ptr<page>> pages_;    // by system_family, those that there are findings for
    bool finished_ = false;
};

// Implementation

template <class Book>
outcome<workbook_writer<Book>> workbook_writer<Book>::open(std::string folder, rule_set rules, workbook_writer_options options) {
    struct stat about{};
    if (folder.empty() || folder.find('\0') != folder.npos) return failure{cause::invalid_input, "a folder for workbooks needs a name"};
    if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) return system_failure(errno, "cannot make the folder " + folder);
    if (::stat(folder.c_str(), &about) != 0) return system_failure(errno, "cannot use the folder " + folder);
    if (!S_ISDIR(about.st_mode)) return system_failure(ENOTDIR, "cannot use the folder " + folder);
    return workbook_writer{std::move(folder), std::move(rules), options};
}

template <class Book>
outcome<void> workbook_writer<Book>::put(finding_place const& where, finding const& what) {
    if (finished_) return failure{cause::unavailable, "the workbooks in " + folder_ + " are finished"};
    auto const family = static_cast<std::size_t>(where.system.family);
    if (pages_.size() <= family) pages_.resize(family + 1);
    auto& to = pages_[family];
    if (!to)
        to = std::make_unique<page>(folder_ + '/' + std::string{name_of(where.system.family)} + ".xlsx", where.system.family, rules_,
                                    options_.waiting_bytes);
    if (to->push({where, what})) return {};
    return to->result().error();    // its thread takes no more, so that it has failed
}

template <class Book>
outcome<std::vector<written_workbook>> workbook_writer<Book>::finish() {
    if (std::exchange(finished_, true)) return failure{cause::unavailable, "the workbooks in " + folder_ + " are finished"};
    std::vector<written_workbook> written;
    std::optional<failure> why;
    for (auto const& each : pages_)
        if (each) each->end();
    for (auto const& each : pages_) {
        if (!each) continue;
        auto const& result = each->result();
        if (result) written.push_back(*result);
        else if (!why) why = result.error();
    }
    if (why) return *why;
    return written;
}

template <class Book>
outcome<written_workbook> workbook_writer<Book>::page::write() {
    auto book = Book::open(path_);
    if (!book) return std::move(book).error();
    auto const summary = book->add_sheet("Summary", {"rule", "comment", "systems", "findings", "cut", "missing", "sheet"});
    if (!summary) return summary.error();
    std::uint64_t rows = 0;
    for (std::vector<detail::finding_queue::row> some; queue_.take(some);)
        for (auto const& each : some) {
            if (auto const added = add(*book, each); !added) return added.error();
            ++rows;
        }
    if (!queue_.ended()) return failure{cause::cancelled, path_ + " was given up"};
    if (auto const done = summarise(*book, *summary); !done) return done.error();
    auto const done = book->close();
    if (!done) return done.error();
    return written_workbook{path_, rows, done->cut};
}

template <class Book>
outcome<void> workbook_writer<Book>::page::add(Book& book, detail::finding_queue::row const& row) {
    auto const& [where, what] = row;
    auto& mine = per_rule_[what.rule];
    if (!mine.sheet) {
        std::vector<std::string_view> columns{"system", "os_version", "file", "line", "match"};
        for (auto const& each : rules_.columns(what.rule)) columns.emplace_back(each);
        auto made = book.add_sheet(rules_[what.rule].name, columns);
        if (!made) return std::move(made).error();
        mine.sheet = *made;
    }
    if (what.missing()) {
        ++mine.missing;
    } else {
        ++mine.findings;
        auto const number = systems_.try_emplace(where.system.name, systems_.size()).first->second;
        if (mine.seen.size() <= number) mine.seen.resize(number + 1);
        if (!mine.seen[number]) ++mine.systems;
        mine.seen[number] = true;
    }
    texts_.assign({detail::readable_text(where.system.name), detail::readable_text(where.path)});
    cells_.assign({texts_[0], where.system.version, texts_[1], what.line, what.text});
    for (auto const& each : what.fields) cells_.emplace_back(each);
    return book.add_row(*mine.sheet, std::span<cell_type const>{cells_});
}

// A row of zeros would say that nothing was found where nothing was looked for.
template <class Book>
bool workbook_writer<Book>::page::is_for_family(rule const& one) const {
    collected_system const any{.family = family_};
    for (auto const& each : one.systems)
        if (each.attribute == system_attribute::family && !each.holds(any)) return false;
    return true;
}

template <class Book>
outcome<void> workbook_writer<Book>::page::summarise(Book& book, sheet_type summary) {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (!is_for_family(rules_[i])) continue;
        auto const& [sheet, seen, systems, findings, missing] = per_rule_[i];
        cells_.assign({rules_[i].name, rules_[i].comment, systems, findings, sheet ? book.stats(*sheet).cut : std::uint64_t{0}, missing});
        if (sheet) cells_.emplace_back(book.name(*sheet));
        if (auto done = book.add_row(summary, std::span<cell_type const>{cells_}); !done) return done;
    }
    return {};
}

}  // namespace muster::searching
