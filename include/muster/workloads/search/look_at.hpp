#pragma once

#include <cstdint>        // uint64_t
#include <string>         // paths
#include <string_view>    // the top

#include <muster/core/outcome.hpp>                             // outcome
#include <muster/workloads/search/collected_system.hpp>        // system_of
#include <muster/workloads/search/detail/line_blocks.hpp>      // line_blocks
#include <muster/workloads/search/detail/text_source.hpp>      // text_source
#include <muster/workloads/search/piece.hpp>                   // file_look

namespace muster::searching {

/// Looks at the top of a file: how it is to be read, and which system it tells of.
///
/// Fails      what opening and reading the file fail with; cause::invalid_input for what is no regular file.
/// Cost       reads up to 256 KiB.
[[nodiscard]] outcome<file_look> look_at(std::string const& file);

// Implementation

namespace detail {

// A line that is cut where the top ends would tell half a version.
inline collected_system system_at_top(std::string_view text) {
    if (text.size() <= system_header_bytes) return system_of(text);
    auto const end = text.rfind('\n', system_header_bytes - 1);
    return system_of(text.substr(0, end == text.npos ? 0 : end));
}

}  // namespace detail

inline outcome<file_look> look_at(std::string const& file) {
    auto opened = detail::open_text(file);
    if (!opened) return std::move(opened).error();
    detail::text_source source{std::move(*opened), file};
    detail::line_buffer buffer;
    auto const top = detail::read_top(source, buffer);
    if (!top) return top.error();
    if (top->encoding == text_encoding::binary) return file_look{.encoding = text_encoding::binary};
    detail::line_blocks blocks{source, buffer, top->encoding, top->mark, ~std::uint64_t{0}, top->filled};
    auto const first = blocks.next();
    if (!first) return first.error();
    return file_look{.encoding = top->encoding, .system = detail::system_at_top(first->text)};
}

}  // namespace muster::searching
