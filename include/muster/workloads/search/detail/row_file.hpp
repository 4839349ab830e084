#pragma once

#include <cstddef>     // size_t
#include <cstdint>     // uint64_t
#include <optional>    // what failed
#include <string>      // rows
#include <utility>     // move

#include <muster/core/bytes.hpp>         // KiB
#include <muster/core/outcome.hpp>       // outcome
#include <muster/os/atomic_file.hpp>     // atomic_file

namespace muster::searching::detail {

// A text file of rows that gets its name when it is finished, written a good piece at a time.
class row_file {
public:
    static outcome<row_file> open(std::string path, bool durable) {
        auto file = atomic_file::open(path, {.durable = durable});
        if (!file) return std::move(file).error();
        return row_file{std::move(path), std::move(*file)};
    }

    // Where the next row is put, whole, before `added`.
    [[nodiscard]] std::string& buffer() noexcept { return buffer_; }
    outcome<void> added() {
        if (why_) return *why_;
        ++rows_;
        if (buffer_.size() < piece) return {};
        return write();
    }
    outcome<std::uint64_t> finish() {
        if (why_) return *why_;
        if (auto const done = write(); !done) return done.error();
        if (auto done = file_.commit(); !done) return fail(std::move(done).error());
        why_ = failure{cause::unavailable, path_ + " is finished"};
        return rows_;
    }

private:
    static constexpr std::size_t piece = 64 * KiB;

    row_file(std::string path, atomic_file file) : path_(std::move(path)), file_(std::move(file)) {}
    outcome<void> write() {
        auto done = file_.write(buffer_);
        buffer_.clear();
        if (!done) return fail(std::move(done).error());
        return {};
    }
    failure fail(failure why) {
        why_ = why;
        return why;
    }

    std::string path_;
    atomic_file file_;
    std::string buffer_;
    std::uint64_t rows_ = 0;
    std::optional<failure> why_;    // nothing more is taken
};

}  // namespace muster::searching::detail
