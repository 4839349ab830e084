#pragma once

#include <array>          // hash of a key
#include <bit>            // rotl
#include <cerrno>         // errno
#include <chrono>         // times
#include <cstddef>        // size_t
#include <cstdint>        // the layout
#include <cstring>        // memcpy
#include <optional>       // time of last use
#include <string>         // bytes
#include <string_view>    // bytes

#include <sys/stat.h>    // fstat
#include <unistd.h>      // pread

#include <muster/os/fd.hpp>    // fd

namespace muster::detail {

/// A checksum that sees every change of up to 8 neighbouring bytes, and any other with all but one chance in 2^64.
class checksum {
public:
    void add(std::string_view bytes) noexcept {
        while (bytes.size() >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data(), 8);
            mix(word);
            bytes.remove_prefix(8);
        }
        std::uint64_t word = bytes.size() + 1;    // tells "a" from "a\0"
        for (char const byte : bytes) word = word << 8 | static_cast<unsigned char>(byte);
        mix(word);
    }
    [[nodiscard]] std::uint64_t value() const noexcept {
        auto out = state_;
        out = (out ^ out >> 32) * 0xd6e8feb86659fd93u;
        return out ^ out >> 32;
    }
    explicit checksum(std::uint64_t seed = 0) noexcept : state_(seed ^ 0x9e3779b97f4a7c15u) {}

private:
    // each step is a bijection of the state and of the word: one changed word cannot be undone by equal ones that follow
    void mix(std::uint64_t word) noexcept { state_ = std::rotl((state_ ^ word) * 0xff51afd7ed558ccdu, 29); }
    std::uint64_t state_;
};

/// One cache entry as it lies in a file: a header, the key, the value.
///
/// Written and read on machines of one byte order: what another order wrote has no magic here, and is a miss.
struct entry_file {
    struct header {
        std::uint64_t magic = right_magic;
        std::uint32_t version = right_version;
        std::uint32_t unused = 0;
        std::uint64_t key_size = 0;
        std::uint64_t value_size = 0;
        std::int64_t created = 0;    // nanoseconds since 1970
        std::int64_t expires = 0;
        std::uint64_t check = 0;     // over the header with 0 here, key and value
    };
    static_assert(sizeof(header) == 56);
    static constexpr std::uint64_t right_magic = 0x795265547355'6dab;
    static constexpr std::uint32_t right_version = 1;

    enum class state : std::uint8_t { whole, absent, damaged, expired, other_key };
    struct reading {
        state is = state::absent;
        std::string value;
        std::int64_t last_use = 0;    // nanoseconds since 1970
    };

    static std::uint64_t check_of(header about, std::string_view key, std::string_view value) noexcept {
        about.check = 0;
        std::array<char, sizeof about> bytes;
        std::memcpy(bytes.data(), &about, sizeof about);
        checksum sum;
        sum.add({bytes.data(), bytes.size()});
        sum.add(key);
        sum.add(value);
        return sum.value();
    }

    static std::string front_of(std::string_view key, std::string_view value, std::int64_t created, std::int64_t expires) {
        header about;
        about.key_size = key.size();
        about.value_size = value.size();
        about.created = created;
        about.expires = expires;
        about.check = check_of(about, key, value);
        std::string out(sizeof about, '\0');
        std::memcpy(out.data(), &about, sizeof about);
        return out.append(key);
    }

    /// Reads and judges an entry; `ttl` may be shorter than that of who wrote it.
    static reading read(fd const& file, std::string_view key, std::int64_t now, std::int64_t ttl) {
        reading out;
        struct stat found {};
        header about;
        if (::fstat(file.get(), &found) != 0) return out;
        out.last_use = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
        out.is = state::damaged;
        auto const size = static_cast<std::uint64_t>(found.st_size);
        if (size < sizeof about || !whole(file, reinterpret_cast<char*>(&about), sizeof about, 0)) return out;
        if (about.magic != right_magic || about.version != right_version) return out;
        auto const rest = size - sizeof about;
        if (about.key_size > rest || about.value_size != rest - about.key_size) return out;
        std::string theirs(about.key_size, '\0');
        out.value.resize(about.value_size);
        if (!whole(file, theirs.data(), theirs.size(), sizeof about) ||
            !whole(file, out.value.data(), out.value.size(), sizeof about + theirs.size()) ||
            check_of(about, theirs, out.value) != about.check) {
            out.value.clear();
            return out;
        }
        constexpr std::int64_t minute = 60'000'000'000;    // an entry from the future: the clock was set back
        if (theirs != key) out.is = state::other_key;
        else if (now >= about.expires || now - about.created >= ttl || about.created - now > minute) out.is = state::expired;
        else out.is = state::whole;
        return out;
    }

private:
    static bool whole(fd const& file, char* into, std::size_t size, std::size_t at) noexcept {
        while (size > 0) {
            auto const got = ::pread(file.get(), into, size, static_cast<off_t>(at));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return false;
            into += got;
            at += static_cast<std::size_t>(got);
            size -= static_cast<std::size_t>(got);
        }
        return true;
    }
};

}  // namespace muster::detail
