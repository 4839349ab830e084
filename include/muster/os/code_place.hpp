#pragma once

#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstring>        // memcpy
#include <elf.h>          // NT_GNU_BUILD_ID
#include <link.h>         // dl_iterate_phdr
#include <string_view>    // name of a module

namespace muster {

/// Where a function is, in words that another process of the same program understands: which module (the program, or a library that
/// it has loaded) and how far into it. Two processes may have it at different addresses.
///
/// Shape      the module is named by a hash of its build-id, or of its file name and its segments where it has none. So another build
///            of the program is another module: a stale process is told apart, and not called at a wrong place.
/// Cost       `of` and `function` walk the list of modules: about a microsecond. Ask once and keep the answer.
struct code_place {
    std::uint64_t module = 0;    ///< 0: nowhere
    std::uint64_t offset = 0;    ///< from where the module is loaded

    using function_type = void (*)();

    /// Of a function of this process; nowhere for an address that is in no module's code.
    [[nodiscard]] static code_place of(function_type function) noexcept;
    /// The function in this process, or null: no such module here, or no code at that place.
    [[nodiscard]] function_type function() const noexcept;

    explicit operator bool() const noexcept { return module != 0; }
    friend bool operator==(code_place const&, code_place const&) = default;
};

// Implementation

namespace detail {

/// FNV-1a, 64 bits.
constexpr std::uint64_t hash_on(std::uint64_t hash, unsigned char const* at, std::size_t size) noexcept {
    for (std::size_t i = 0; i < size; ++i) hash = (hash ^ at[i]) * 0x100000001b3;
    return hash;
}

inline std::uint64_t identity_of_module(dl_phdr_info const& module) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;
    auto const base = module.dlpi_addr;
    for (std::size_t i = 0; i < module.dlpi_phnum; ++i) {
        auto const& segment = module.dlpi_phdr[i];
        if (segment.p_type != PT_NOTE) continue;
        auto const* at = reinterpret_cast<unsigned char const*>(base + segment.p_vaddr);    // NOLINT: the loader gives addresses as numbers
        auto const* const end = at + segment.p_memsz;
        while (static_cast<std::size_t>(end - at) > sizeof(ElfW(Nhdr))) {
            ElfW(Nhdr) note;
            std::memcpy(&note, at, sizeof note);
            auto const* const name = at + sizeof note;
            auto const padded = [](std::size_t n) { return (n + 3) / 4 * 4; };
            auto const whole = sizeof note + padded(note.n_namesz) + padded(note.n_descsz);
            if (whole > static_cast<std::size_t>(end - at)) break;
            if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
                return hash_on(hash, name + 4, note.n_descsz) | 1;
            at += whole;
        }
    }
    std::string_view path{module.dlpi_name ? module.dlpi_name : ""};
    path = path.substr(path.rfind('/') + 1);
    hash = hash_on(hash, reinterpret_cast<unsigned char const*>(path.data()), path.size());
    for (std::size_t i = 0; i < module.dlpi_phnum; ++i) {
        auto const& segment = module.dlpi_phdr[i];
        std::uint64_t const about[]{segment.p_type, segment.p_vaddr, segment.p_memsz};
        hash = hash_on(hash, reinterpret_cast<unsigned char const*>(about), sizeof about);
    }
    return hash | 1;
}

/// The code of a module that holds so many bytes from its base.
inline bool is_code(dl_phdr_info const& module, std::uint64_t offset) noexcept {
    for (std::size_t i = 0; i < module.dlpi_phnum; ++i) {
        auto const& segment = module.dlpi_phdr[i];
        if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0 && offset >= segment.p_vaddr && offset - segment.p_vaddr < segment.p_memsz)
            return true;
    }
    return false;
}

}  // namespace detail

inline code_place code_place::of(function_type function) noexcept {
    struct search {
        std::uint64_t address;
        code_place found;
    } looking{reinterpret_cast<std::uint64_t>(function), {}};
    ::dl_iterate_phdr(
        [](dl_phdr_info* here, std::size_t, void* given) {
            auto& what = *static_cast<search*>(given);
            auto const far = what.address - here->dlpi_addr;
            if (what.address < here->dlpi_addr || !detail::is_code(*here, far)) return 0;
            what.found = {detail::identity_of_module(*here), far};
            return 1;
        },
        &looking);
    return looking.found;
}

inline code_place::function_type code_place::function() const noexcept {
    struct search {
        code_place wanted;
        function_type found;
    } looking{*this, nullptr};
    if (module == 0) return nullptr;
    ::dl_iterate_phdr(
        [](dl_phdr_info* here, std::size_t, void* given) {
            auto& what = *static_cast<search*>(given);
            if (!detail::is_code(*here, what.wanted.offset) || detail::identity_of_module(*here) != what.wanted.module) return 0;
            what.found = reinterpret_cast<function_type>(here->dlpi_addr + what.wanted.offset);    // NOLINT: the loader gives addresses as numbers
            return 1;
        },
        &looking);
    return looking.found;
}

}  // namespace muster
