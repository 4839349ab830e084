#pragma once

#include <array>          // parts that every workbook has
#include <cerrno>         // errno
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <span>           // sizes
#include <string>         // bytes
#include <string_view>    // fields
#include <unordered_map>  // parts by name

#include <fcntl.h>       // open
#include <sys/stat.h>    // fstat
#include <unistd.h>      // pread

#include <muster/core/outcome.hpp>         // outcome
#include <muster/os/fd.hpp>                // fd
#include <muster/os/system_failure.hpp>    // system_failure

namespace muster::detail::xlsx {

// Looks whether a workbook is whole: libxlsxwriter puts its parts together in temporary files, and does not look whether those
// writes went well. What became of each part stands in the directory at the end of the file.
//
// Source     APPNOTE.TXT of ZIP, 4.3.12 to 4.3.16 and 4.5.3.
class package_check {
public:
    // What a sheet should be.
    struct sheet {
        std::uint64_t bytes;    // of its part
        std::size_t name;       // bytes of its name
    };

    // Nothing when all is there: the sheets with so many bytes each, in their order, and the small parts that go with them.
    static outcome<void> whole(std::string const& file, std::string const& path, std::span<sheet const> sheets) {
        package_check check;
        if (auto read = check.read_directory(file, path); !read) return read;
        std::uint64_t names = 0, digits = 0;
        for (std::size_t i = 0; i < sheets.size(); ++i) {
            auto const number = std::to_string(i + 1);
            names += sheets[i].name;
            digits += number.size();
            if (auto found = check.has("xl/worksheets/sheet" + number + ".xml", sheets[i].bytes, sheets[i].bytes, path); !found) return found;
        }
        for (auto const& part : small_parts) {
            auto const least = part.size + part.each_sheet * sheets.size() + part.each_name_byte * names + part.each_digit * digits;
            if (auto found = check.has(std::string{part.name}, least, ~std::uint64_t{0}, path); !found) return found;
        }
        return {};
    }

private:
    // The least that a part of a kind has: so close that one from which a block of 4 KiB is missing is too small. More names and
    // numbers of sheets, more bytes.
    struct small_part {
        std::string_view name;
        std::uint64_t size;
        std::uint64_t each_sheet, each_name_byte, each_digit;
    };
    static constexpr std::array<small_part, 8> small_parts{{
        {"[Content_Types].xml", 850, 135, 0, 1},
        {"_rels/.rels", 550, 0, 0, 0},
        {"xl/_rels/workbook.xml.rels", 400, 139, 0, 2},
        {"xl/workbook.xml", 500, 128, 2, 3},
        {"xl/theme/theme1.xml", 6'995, 0, 0, 0},    // the same for all workbooks; all others that do not grow fit into one block
        {"xl/styles.xml", 800, 0, 0, 0},
        {"docProps/core.xml", 500, 0, 0, 0},
        {"docProps/app.xml", 700, 21, 1, 0},
    }};

    static failure broken(std::string const& path, std::string_view why) {
        return {cause::exhausted, "cannot write " + path + ": " + std::string{why} + ", as when a disk is full"};
    }

    outcome<void> has(std::string const& part, std::uint64_t least, std::uint64_t most, std::string const& path) const {
        auto const found = sizes_.find(part);
        if (found == sizes_.end()) return broken(path, "its part " + part + " is missing");
        if (found->second < least || found->second > most)
            return broken(path, "its part " + part + " has " + std::to_string(found->second) + " bytes of " + std::to_string(least));
        return {};
    }

    // Numbers of `count` bytes, the lowest first.
    static std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t count) {
        std::uint64_t value = 0;
        for (std::size_t i = count; i-- > 0;) value = value << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u);
        return value;
    }
    static outcome<std::string> bytes_at(fd const& file, std::string const& path, std::uint64_t at, std::uint64_t count) {
        std::string bytes(count, '\0');
        for (std::size_t done = 0; done < bytes.size();) {
            auto const got = ::pread(file.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return system_failure(errno, "cannot read back " + path);
            if (got == 0) return broken(path, "it ends early");
            done += static_cast<std::size_t>(got);
        }
        return bytes;
    }

    outcome<void> read_directory(std::string const& name, std::string const& path) {
        fd const file{::open(name.c_str(), O_RDONLY | O_CLOEXEC)};
        struct stat about{};
        if (!file || ::fstat(file.get(), &about) != 0) return system_failure(errno, "cannot read back " + path);
        auto const size = static_cast<std::uint64_t>(about.st_size);
        constexpr std::uint64_t end_size = 22, locator_size = 20, end_64_size = 56;    // without a comment: there is none
        if (size < end_size) return broken(path, "it ends early");
        auto end = bytes_at(file, path, size - end_size, end_size);
        if (!end) return std::move(end).error();
        if (number(*end, 0, 4) != 0x06054b50) return broken(path, "it ends early");
        auto entries = number(*end, 10, 2), bytes = number(*end, 12, 4), at = number(*end, 16, 4);
        auto behind = end_size;
        if (size >= end_size + locator_size + end_64_size) {
            auto const large = bytes_at(file, path, size - end_size - locator_size - end_64_size, end_64_size + locator_size);
            if (!large) return large.error();
            if (number(*large, 0, 4) == 0x06064b50 && number(*large, end_64_size, 4) == 0x07064b50) {
                entries = number(*large, 32, 8);
                bytes = number(*large, 40, 8);
                at = number(*large, 48, 8);
                behind += locator_size + end_64_size;
            }
        }
        if (bytes > size || at > size || at + bytes + behind != size) return broken(path, "its directory is not where it says");
        auto const directory = bytes_at(file, path, at, bytes);
        if (!directory) return directory.error();
        return take(*directory, entries, path);
    }

    outcome<void> take(std::string_view directory, std::uint64_t entries, std::string const& path) {
        constexpr std::size_t fixed = 46;
        for (std::uint64_t i = 0; i < entries; ++i) {
            auto const name = number(directory, 28, 2), extra = number(directory, 30, 2), comment = number(directory, 32, 2);
            if (number(directory, 0, 4) != 0x02014b50 || directory.size() < fixed + name + extra + comment)
                return broken(path, "its directory is not whole");
            auto size = number(directory, 24, 4);
            auto fields = directory.substr(fixed + name, extra);
            while (size == 0xffff'ffff && fields.size() >= 4) {    // then the size stands in a field of kind 1
                auto const length = number(fields, 2, 2);
                if (number(fields, 0, 2) == 1) size = number(fields, 4, 8);
                fields.remove_prefix(fields.size() < 4 + length ? fields.size() : 4 + length);
            }
            sizes_.emplace(directory.substr(fixed, name), size);
            directory.remove_prefix(fixed + name + extra + comment);
        }
        return {};
    }

    std::unordered_map<std::string, std::uint64_t> sizes_;
};

}  // namespace muster::detail::xlsx
