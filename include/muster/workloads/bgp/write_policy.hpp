#pragma once

#include <cstdint>        // uint8_t
#include <fstream>        // what is there
#include <iterator>       // istreambuf_iterator
#include <string>         // paths
#include <string_view>    // name_of
#include <utility>        // move

#include <muster/core/outcome.hpp>                     // outcome
#include <muster/os/atomic_file.hpp>                   // atomic_file
#include <muster/workloads/bgp/output_format.hpp>      // output_format
#include <muster/workloads/bgp/router_policy.hpp>      // router_policy
#include <muster/workloads/bgp/policy_options.hpp>     // list_kind, policy_options

namespace muster::bgp {

/// A policy, and what became of its file.
struct written_policy {
    enum class file : std::uint8_t {
        none,         ///< no list, no file: none was asked for, or there is nothing to write and nothing was there
        written,      ///< new, or another text than before
        unchanged,    ///< the same text was there
        kept,         ///< the answer was empty, and a file was there: it stands as it was
    };
    router_policy made;
    file what = file::none;
    std::string path{};
};

[[nodiscard]] constexpr std::string_view name_of(written_policy::file which) noexcept {
    switch (which) {
        case written_policy::file::none: return "none";
        case written_policy::file::written: return "written";
        case written_policy::file::unchanged: return "unchanged";
        case written_policy::file::kept: return "kept";
    }
    return "unknown";
}

/// The last stage: one file for each policy, replaced in one step; an empty answer never takes the place of a file.
///
/// Shape      a `router_policy` in, a `written_policy` out; a task. Files are named after object, family and format:
///            AS13335-v4.junos; names hold letters, digits, `-`, `_`, `+` and `.` only.
/// Fails      as `atomic_file`: exhausted for a full disk, unavailable for a missing or forbidden folder.
/// Threads    any number; two policies of one name: the last one wins.
/// Cost       reads the file that is there; writes and synchronises only a text that differs.
class write_policy {
public:
    write_policy(std::string folder, policy_options const& options, atomic_file_options how = {})
        : folder_(std::move(folder)), format_(options.format), kind_(options.kind), how_(how) {}

    outcome<written_policy> operator()(router_policy made) const;
    [[nodiscard]] std::string path_of(request const& asked) const;

private:
    std::string folder_;
    output_format format_;
    list_kind kind_;
    atomic_file_options how_;
};

// Implementation

inline std::string write_policy::path_of(request const& asked) const {
    auto path = folder_ + '/' + asked.object.file_stem();
    if (kind_ != list_kind::prefixes) path += '-' + std::string{name_of(kind_)};
    else path += asked.family == address_family::ipv4 ? "-v4" : "-v6";
    return path + '.' + std::string{name_of(format_)};
}

inline outcome<written_policy> write_policy::operator()(router_policy made) const {
    auto path = path_of(made.asked);
    std::string before;
    bool there = false;
    if (std::ifstream in{path, std::ios::binary}; in) {
        there = true;
        before.assign(std::istreambuf_iterator<char>{in}, {});
    }
    using file = written_policy::file;
    if (made.list.empty()) return written_policy{std::move(made), there ? file::kept : file::none, std::move(path)};
    if (there && before == made.list.text) return written_policy{std::move(made), file::unchanged, std::move(path)};
    if (auto const done = atomic_file::replace(path, made.list.text, how_); !done) return done.error();
    return written_policy{std::move(made), file::written, std::move(path)};
}

}  // namespace muster::bgp
