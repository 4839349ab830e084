#pragma once

#include <algorithm>    // min, max
#include <array>        // the classes
#include <bit>          // bit_width
#include <cstddef>      // size_t
#include <cstdint>      // uint32_t

namespace muster::detail {

/// Where everything of an arena lies. It follows from the capacity and the page alone: each process works it out for itself and
/// need not believe what stands in memory that others write.
///
/// First the bookkeeping: a header, the owners, for each class of sizes its chunks and a bit for each of them. Then the chunks,
/// each class in a region of its own: sizes double from a page to the capacity, and a class has as many chunks as the capacity has
/// room for, up to 16,384. What finds no chunk in its class takes one of the next, of which it then uses the first pages only.
///
/// Units      bytes, from the beginning of the memory.
class arena_layout {
public:
    static constexpr std::uint32_t most_chunks = 1u << 14;    // of one class: what a chunk's number has bits for
    static constexpr std::uint32_t most_owners = 1u << 12;
    static constexpr std::size_t most_classes = 40;
    static constexpr std::size_t most_pages = (std::size_t{1} << 28) - 1;    // what a word of counts has bits for

    struct size_class {
        std::size_t chunk_pages = 0;
        std::uint32_t chunks = 0;
        std::size_t records = 0;    // where the words of its chunks are
        std::size_t bits = 0;       // where its free chunks are marked
        std::size_t fresh = 0;      // where it is counted how many chunks were ever taken
        std::size_t data = 0;
    };

    static constexpr std::size_t record_size = 24;    // three words
    static constexpr std::size_t header_size = 256;
    static constexpr std::size_t owners_at = header_size;

    arena_layout(std::size_t capacity, std::size_t page) noexcept : page_(page), pages_((capacity + page - 1) / page) {
        for (std::size_t size = 1; count_ < most_classes; size *= 2) {
            auto& one = classes_[count_++];
            one.chunk_pages = std::min(size, pages_);
            one.chunks = static_cast<std::uint32_t>(std::clamp<std::size_t>(pages_ / one.chunk_pages, 1, most_chunks));
            if (one.chunk_pages == pages_) break;
        }
        std::size_t at = owners_at + most_owners * sizeof(std::uint64_t);
        for (std::size_t k = 0; k < count_; ++k) {
            auto& one = classes_[k];
            at = round(at, 64);    // what one class changes is not in the cache line of another
            one.fresh = at;
            one.bits = at + 64;
            one.records = one.bits + words_of_bits(k) * sizeof(std::uint64_t);
            at = one.records + one.chunks * record_size;
        }
        bookkeeping_ = round(at, page_);
        at = bookkeeping_;
        for (std::size_t k = 0; k < count_; ++k) {
            auto& one = classes_[k];
            auto const size = one.chunk_pages * page_;
            at = round(at, std::max(page_, size >= huge ? huge : page_));    // so that a large chunk may have large pages
            one.data = at;
            at += size * one.chunks;
        }
        size_ = at;
    }

    [[nodiscard]] std::size_t page() const noexcept { return page_; }
    [[nodiscard]] std::size_t pages() const noexcept { return pages_; }
    [[nodiscard]] std::size_t bookkeeping() const noexcept { return bookkeeping_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] std::size_t classes() const noexcept { return count_; }
    [[nodiscard]] size_class const& of(std::size_t k) const noexcept { return classes_[k]; }
    [[nodiscard]] std::size_t words_of_bits(std::size_t k) const noexcept { return (classes_[k].chunks + std::size_t{63}) / 64; }
    /// The first class whose chunks have `pages` pages, 1 to all of them.
    [[nodiscard]] std::size_t class_for(std::size_t pages) const noexcept {
        return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(pages - 1)), count_ - 1);
    }

    // A chunk's number is its class and its place there.
    [[nodiscard]] static constexpr std::uint32_t chunk(std::size_t k, std::uint32_t place) noexcept {
        return static_cast<std::uint32_t>(k) * most_chunks + place;
    }
    [[nodiscard]] static constexpr std::size_t class_of(std::uint32_t chunk) noexcept { return chunk / most_chunks; }
    [[nodiscard]] static constexpr std::uint32_t place_of(std::uint32_t chunk) noexcept { return chunk % most_chunks; }
    /// False for a number that no chunk has.
    [[nodiscard]] bool has(std::uint32_t chunk) const noexcept {
        return class_of(chunk) < count_ && place_of(chunk) < classes_[class_of(chunk)].chunks;
    }
    [[nodiscard]] std::size_t record(std::uint32_t chunk) const noexcept {
        return classes_[class_of(chunk)].records + place_of(chunk) * record_size;
    }
    [[nodiscard]] std::size_t chunk_pages(std::uint32_t chunk) const noexcept { return classes_[class_of(chunk)].chunk_pages; }
    [[nodiscard]] std::size_t data(std::uint32_t chunk) const noexcept {
        auto const& its = classes_[class_of(chunk)];
        return its.data + place_of(chunk) * its.chunk_pages * page_;
    }

private:
    static constexpr std::size_t huge = std::size_t{2} << 20;
    static constexpr std::size_t round(std::size_t at, std::size_t to) noexcept { return (at + to - 1) / to * to; }

    std::size_t page_;
    std::size_t pages_;
    std::size_t bookkeeping_ = 0;
    std::size_t size_ = 0;
    std::size_t count_ = 0;
    std::array<size_class, most_classes> classes_{};
};

static_assert(arena_layout::most_classes * arena_layout::most_chunks <= (1u << 20));

}  // namespace muster::detail
