#pragma once

#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <functional>       // equal_to, hash
#include <optional>         // what is not there
#include <string>           // ids
#include <string_view>      // ids
#include <unordered_map>    // places
#include <utility>          // move
#include <vector>           // duplicates

namespace muster::xml {

/// Where in its document an element with an id stands.
struct id_place {
    std::uint64_t begin = 0;     ///< of its start tag, in bytes
    std::uint64_t end = 0;       ///< behind its end tag
    std::uint64_t line = 0;      ///< 1: the first
    std::uint32_t scope = 0;     ///< which namespaces hold around it, as `id_index::scope` has them
    bool is_sure = true;         ///< false: the id stands in a first child that might also mean something else
    friend bool operator==(id_place const&, id_place const&) = default;
};

/// An id that more than one element has: the first counts.
struct id_duplicate {
    std::string id{};
    std::uint64_t first_line = 0;
    std::uint64_t line = 0;
    friend bool operator==(id_duplicate const&, id_duplicate const&) = default;
};

/// Which elements of a document have ids, and where they stand.
///
/// An id is an attribute `ObjectKey`, `ID`, `id`, `*Key` or that of the element's name with `ID`, else a child that is named like the
/// element with `ID` behind it, else a first child whose name ends in `ID`. That last one counts less: `AirlineID` in
/// a carrier is no id. It gives way to an id of another kind, and two of them are no duplicates.
///
/// Cost       150 bytes an id.
class id_index {
public:
    [[nodiscard]] std::optional<id_place> find(std::string_view id) const {
        auto const at = places_.find(id);
        return at == places_.end() ? std::nullopt : std::optional{at->second};
    }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    /// In the order of the document, 1,000 at most.
    [[nodiscard]] std::vector<id_duplicate> const& duplicates() const noexcept { return duplicates_; }
    /// All of them.
    [[nodiscard]] std::uint64_t duplicate_count() const noexcept { return duplicate_count_; }
    /// Ids that were not remembered, for there were too many.
    [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }

    /// How the document is encoded, by a name that XML knows.
    [[nodiscard]] std::string const& encoding() const noexcept { return encoding_; }
    /// The declarations around an element as start tags have them, from the outermost in.
    [[nodiscard]] std::vector<std::string_view> scope(std::uint32_t number) const;

    // What follows is for who reads the document.

    void add(std::string_view id, id_place const& at, std::size_t most);
    void encoding(std::string name) { encoding_ = std::move(name); }
    /// The scope inside another one, 0 at the root, with these declarations.
    std::uint32_t add_scope(std::uint32_t outer, std::string declarations);
    /// Bytes of all scopes.
    [[nodiscard]] std::size_t scope_bytes() const noexcept { return scope_bytes_; }

private:
    static constexpr std::size_t most_duplicates = 1'000;

    struct hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    struct scope_entry {
        std::uint32_t outer = 0;
        std::string declarations{};
    };

    std::unordered_map<std::string, id_place, hash, std::equal_to<>> places_;
    std::vector<id_duplicate> duplicates_;
    std::uint64_t duplicate_count_ = 0;
    std::uint64_t left_out_ = 0;
    std::vector<scope_entry> scopes_;                          // 1: the first
    std::unordered_map<std::string, std::uint32_t> numbers_;   // of scopes, by the outer one and the declarations
    std::size_t scope_bytes_ = 0;
    std::string encoding_ = "UTF-8";
};

// Implementation

inline void id_index::add(std::string_view id, id_place const& at, std::size_t most) {
    auto const had = places_.find(id);
    if (had == places_.end()) {
        if (places_.size() < most) places_.emplace(id, at);
        else ++left_out_;
        return;
    }
    auto& first = had->second;
    if (!at.is_sure) return;
    if (!first.is_sure) {
        first = at;
        return;
    }
    // An element is told at its end, so one that holds another with the same id comes second.
    auto const line = first.line;
    auto const is_before = at.begin < first.begin;
    if (is_before) first = at;
    ++duplicate_count_;
    if (duplicates_.size() < most_duplicates) duplicates_.push_back({std::string{id}, is_before ? at.line : line, is_before ? line : at.line});
}

inline std::uint32_t id_index::add_scope(std::uint32_t outer, std::string declarations) {
    auto const [at, is_new] = numbers_.try_emplace(std::to_string(outer) + ' ' + declarations, static_cast<std::uint32_t>(scopes_.size() + 1));
    if (is_new) {
        scope_bytes_ += 2 * declarations.size() + 128;
        scopes_.push_back({outer, std::move(declarations)});
    }
    return at->second;
}

inline std::vector<std::string_view> id_index::scope(std::uint32_t number) const {
    std::vector<std::string_view> out;
    for (; number != 0; number = scopes_[number - 1].outer) out.insert(out.begin(), scopes_[number - 1].declarations);
    return out;
}

}  // namespace muster::xml
