#pragma once

#include <cerrno>           // errno
#include <charconv>         // to_chars
#include <chrono>           // system_clock
#include <cstddef>          // ptrdiff_t
#include <cstdint>          // uint64_t
#include <functional>       // function
#include <iterator>         // default_sentinel
#include <mutex>            // marks
#include <optional>         // any cause
#include <string>           // paths
#include <string_view>      // lines
#include <unordered_map>    // marks
#include <utility>          // move

#include <fcntl.h>       // O_APPEND
#include <sys/stat.h>    // fstat
#include <unistd.h>      // write

#include <muster/core/bytes.hpp>                      // MiB
#include <muster/core/failure.hpp>                    // cause, failure
#include <muster/core/line_sink.hpp>                  // line_sink_ref
#include <muster/core/outcome.hpp>                    // outcome
#include <muster/flow/dead_letter.hpp>                // dead_letter
#include <muster/flow/detail/capped_lines.hpp>        // capped_lines
#include <muster/flow/detail/dead_letter_line.hpp>    // dead_letter_in
#include <muster/os/fd.hpp>                           // fd
#include <muster/os/system_failure.hpp>               // system_failure

namespace muster {

/// Which dead letters are replayed.
struct replay_filter {
    std::string stage{};                ///< empty: of any stage
    std::optional<cause> kind{};        ///< none: of any cause
    std::chrono::system_clock::time_point from = std::chrono::system_clock::time_point::min();     ///< the first moment
    std::chrono::system_clock::time_point until = std::chrono::system_clock::time_point::max();    ///< the moment behind the last
    std::function<bool(dead_letter const&)> accepts{};    ///< empty: every one
    bool again = false;                 ///< true: also those that `done` was said of
    line_sink_ref complaints{};         ///< empty: nobody; else told of each line that is none, with its number, and of each item that is no T
    std::size_t longest_line = 16 * MiB;    ///< 16 MiB: longer lines are passed over

    [[nodiscard]] bool takes(dead_letter const& what) const {
        return (stage.empty() || stage == what.stage) && (!kind || kind == what.kind) && what.time >= from && what.time < until &&
               (!accepts || accepts(what));
    }
};

/// An item that failed once, to be tried again.
template <class T>
struct replayed {
    T item;
    dead_letter record;
    std::uint64_t place = 0;    ///< of its line in the file, in bytes
    std::uint64_t mark = 0;     ///< of the line itself
};

/// What became of the lines of the file, so far.
struct replay_stats {
    std::uint64_t given = 0;     ///< handed out
    std::uint64_t passed = 0;    ///< left out by the filter, or done before
    std::uint64_t wrong = 0;     ///< no dead letters, or no items of this type
    friend bool operator==(replay_stats const&, replay_stats const&) = default;
};

/// The items of dead letters, as an input range of `replayed<T>` that any verb takes.
///
///     replay<request> again{"failed.jsonl", {.stage = "expand"}};
///     map(again, on{pool} | [&](replayed<request> const& each, context& cx) {
///         auto out = flow(each.item, cx);
///         if (out) again.done(each);
///         return out;
///     });
///
/// Shape      in the order of the file, to where it ended when this was made: what fails again meanwhile is for the next replay. It can be walked
///            once.
///            What `done` was said of is noted in PATH.replayed, and left out from then on; note what else you do with an item, `done` is a
///            separate write: killed in between, it is replayed again.
/// Fails      lines that are wrong, too long, or torn by a killed process are told to `complaints` as FILE:LINE, counted, and passed over.
/// Throws     std::system_error where the file or its notes cannot be opened; bad_outcome where they can no longer be read.
/// Threads    `done` any number at once; the range one.
/// Cost       a line and its record in memory at a time, and 16 bytes for each that is done.
template <class T>
class replay {
public:
    class iterator {
    public:
        using value_type = replayed<T>;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::input_iterator_tag;

        iterator() = default;
        explicit iterator(replay& in) : in_(&in) { ++*this; }
        value_type& operator*() const { return *in_->current_; }
        iterator& operator++() {
            in_->advance();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(iterator const& at, std::default_sentinel_t) { return at.at_end(); }

    private:
        [[nodiscard]] bool at_end() const noexcept { return !in_ || !in_->current_; }
        replay* in_ = nullptr;
    };

    explicit replay(std::string path, replay_filter filter = {});
    replay(replay const&) = delete;

    [[nodiscard]] iterator begin() { return iterator{*this}; }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// Notes that this one needs no replay any more.
    outcome<void> done(replayed<T> const& which);
    [[nodiscard]] replay_stats stats() const noexcept { return stats_; }

private:
    static detail::capped_lines opened(std::string const& path, std::size_t longest);
    static std::uint64_t mark_of(std::string_view line);
    void read_marks();
    void advance();
    void complain(detail::capped_lines::line const& about, std::string const& what);

    std::string path_;
    replay_filter filter_;
    detail::capped_lines lines_;
    fd notes_;
    std::mutex noting_;
    std::unordered_map<std::uint64_t, std::uint64_t> done_;    // place and mark
    std::optional<replayed<T>> current_;
    replay_stats stats_;
};

// Implementation

template <class T>
detail::capped_lines replay<T>::opened(std::string const& path, std::size_t longest) {
    auto file = fd::open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    struct stat about {};
    ::fstat(file.get(), &about);
    return {std::move(file), path, static_cast<std::uint64_t>(about.st_size), longest};
}

template <class T>
replay<T>::replay(std::string path, replay_filter filter)
    : path_(std::move(path)), filter_(std::move(filter)), lines_(opened(path_, filter_.longest_line)),
      notes_(fd::open(path_ + ".replayed", O_RDWR | O_CREAT | O_APPEND | O_NOCTTY, 0644)) {
    read_marks();
}

// Of FNV-1a, 64 bits: it tells whether a note is about this line, or about another one that stood there once.
template <class T>
std::uint64_t replay<T>::mark_of(std::string_view line) {
    std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
    for (char const each : line) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100'0000'01b3;
    return hash;
}

template <class T>
void replay<T>::read_marks() {
    auto all = opened(path_ + ".replayed", 64);
    for (detail::capped_lines::line each; all.next(each).value();) {
        auto const blank = each.text.find(' ');
        auto const place = detail::number_in<std::uint64_t>(each.text.substr(0, blank));
        auto const mark = blank == each.text.npos ? std::nullopt : detail::number_in<std::uint64_t>(each.text.substr(blank + 1), 16);
        if (each.whole && each.ended && place && mark) done_[*place] = *mark;    // a torn note is none: that item is replayed again
    }
}

template <class T>
void replay<T>::complain(detail::capped_lines::line const& about, std::string const& what) {
    ++stats_.wrong;
    if (filter_.complaints) filter_.complaints.put(path_ + ':' + std::to_string(about.number) + ": " + what);
}

template <class T>
void replay<T>::advance() {
    current_.reset();
    for (detail::capped_lines::line each; lines_.next(each).value();) {
        if (each.text.find_first_not_of(" \t\r") == each.text.npos && each.whole) continue;
        if (!each.whole) {
            complain(each, "the line has more than " + std::to_string(filter_.longest_line) + " bytes");
            continue;
        }
        auto record = detail::dead_letter_in(each.text);
        if (!record) {
            complain(each, record.error().text() + (each.ended ? "" : "; the line has no end: its writer was killed"));
            continue;
        }
        auto const mark = mark_of(each.text);
        auto const noted = filter_.again ? done_.end() : done_.find(each.at);
        if ((noted != done_.end() && noted->second == mark) || !filter_.takes(*record)) {
            ++stats_.passed;
            continue;
        }
        auto item = record->template item<T>();
        if (!item) {
            complain(each, item.error().text());
            continue;
        }
        ++stats_.given;
        current_.emplace(replayed<T>{*std::move(item), *std::move(record), each.at, mark});
        return;
    }
}

template <class T>
outcome<void> replay<T>::done(replayed<T> const& which) {
    char digits[20];
    auto const end = std::to_chars(digits, digits + sizeof digits, which.mark, 16).ptr;
    // Led by an end of line too: a note that was torn before must not spoil this one.
    auto const note = '\n' + std::to_string(which.place) + ' ' + std::string{digits, end} + '\n';
    std::lock_guard lock(noting_);
    ssize_t written = -1;
    do written = ::write(notes_.get(), note.data(), note.size());
    while (written < 0 && errno == EINTR);
    if (written == static_cast<ssize_t>(note.size())) return {};
    return system_failure(written < 0 ? errno : ENOSPC, "cannot note in " + path_ + ".replayed what was replayed");
}

}  // namespace muster
