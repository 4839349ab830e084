#pragma once

#include <algorithm>    // all_of
#include <array>        // counters
#include <atomic>       // atomic_ref
#include <bit>          // bit_cast
#include <cerrno>       // errno
#include <chrono>       // milliseconds
#include <cstddef>      // byte
#include <cstdint>      // uint64_t
#include <cstring>      // memcpy
#include <memory>       // unique_ptr
#include <optional>     // what is wrong
#include <random>       // random_device
#include <string>       // names
#include <utility>      // move

#include <fcntl.h>       // open
#include <sched.h>       // sched_yield
#include <sys/auxv.h>    // getauxval
#include <sys/mman.h>    // mmap
#include <sys/stat.h>    // fstat
#include <time.h>        // clock_gettime
#include <unistd.h>      // ftruncate

#include <muster/cache/cache_stats.hpp>         // cache_stats
#include <muster/cache/detail/cache_set.hpp>    // cache_set
#include <muster/core/context.hpp>              // context
#include <muster/core/invoke_task.hpp>          // guarded
#include <muster/core/outcome.hpp>              // outcome
#include <muster/os/fd.hpp>                     // fd
#include <muster/os/file_lock.hpp>              // file_lock
#include <muster/os/process_identity.hpp>       // process_identity
#include <muster/os/system_failure.hpp>         // system_failure
#include <muster/os/thread_stripe.hpp>          // thread_stripe
#include <muster/os/wiped_page.hpp>             // wiped_page

namespace muster::detail {

/// What two processes must agree on before they share a cache.
struct segment_plan {
    std::uint64_t fingerprint = 0;    // of the types
    set_shape shape{};
    std::uint64_t sets = 1;
    unsigned mode = 0600;
};

/// The memory of a shared cache: a header, who is attached, the computations under way, and the sets.
///
/// It is made, and joined, under a lock on its file that the kernel releases when the holder dies; so of two who create it at once the
/// second finds it, and one that was left half made is made anew. From then on nothing is locked: a set is claimed by a word that names
/// the claimant, and who finds it claimed by the dead takes it over.
///
/// Long, for what is done to the header under the lock, and after, has to be read together.
///
/// Threads    any number.
/// Lifetime   of the mapping; the memory stays under its name until `unlink`, or, in /dev/shm, until the machine ends.
class cache_segment {
public:
    enum count : std::size_t { hits, misses, stored, evicted, expired, waited, damaged, unstored, stolen, counts };

    /// Joins it, or makes it. A name is letters, digits, dots, dashes and underscores; with a slash it is a path, of a file that outlives
    /// the machine's memory.
    static bool is_path(std::string const& name) { return name.find('/') != name.npos; }
    [[nodiscard]] static outcome<std::unique_ptr<cache_segment>> open(std::string const& name, segment_plan const& plan, context& cx);
    /// Takes the name away: who has it open keeps it. False: there was none.
    [[nodiscard]] static outcome<bool> unlink(std::string const& name);

    cache_segment(cache_segment const&) = delete;
    cache_segment& operator=(cache_segment const&) = delete;
    ~cache_segment();

    [[nodiscard]] segment_plan const& plan() const noexcept { return plan_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    /// What entries' sums are made with: in a file, which a machine may have written only a part of when it ended.
    [[nodiscard]] std::int64_t sum() const noexcept { return plan_.shape.sums ? head().clock : 0; }
    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
    [[nodiscard]] cache_set set_of(std::uint64_t hash) const noexcept {
        return set(static_cast<std::uint64_t>(static_cast<wide_word>(hash) * plan_.sets >> 64));
    }
    [[nodiscard]] cache_set set(std::uint64_t which) const noexcept { return {plan_.shape, at_ + data_at() + which * plan_.shape.bytes()}; }

    enum class claimed {
        done,
        held,       // by somebody who lives, for 10 ms: he is stopped, or there is no processor for him; a cache may forget
        no_place    // for this process among the owners
    };
    /// Calls `change(events)` with the set claimed; it does not throw.
    template <class Change>
    claimed with_claim(cache_set const& set, Change const& change);

    /// A computation that other processes are to know of.
    enum class flight {
        led,      // by this call, until `land`
        waits,    // another process has begun it
        alone     // it cannot be said: there is no room
    };
    [[nodiscard]] flight take_off(std::uint64_t hash) noexcept;
    void land(std::uint64_t hash) noexcept;

    void add(count which, std::uint64_t n = 1) noexcept {
        if (auto const me = mine(); n != 0 && me != 0) std::atomic_ref{tally_of(me).counters[which]}.fetch_add(n, std::memory_order_relaxed);    // a number alone
    }
    [[nodiscard]] cache_stats stats_of_process() noexcept;
    [[nodiscard]] cache_stats stats() const noexcept;

private:
    static constexpr std::uint64_t magic_word = 0x6863'6163'2e6d'7573;
    static constexpr std::uint32_t layout = 2;
    static constexpr std::size_t most_owners = 256, tallies = 8, most_flights = 1'024, large_page = std::size_t{2} << 20;

    // What some threads of a process count, apart from others, so that they do not wait for each other's line. It stays when they end.
    struct alignas(128) tally {
        std::array<std::uint64_t, counts> counters;
        std::uint64_t epoch;    // of their claims: no two are the same word
    };
    struct owner {    // a process that is attached
        std::uint64_t pid;
        std::uint64_t start_time;
        std::uint64_t generation;    // of whoever has this place: claims of the one before name another
        std::uint64_t program;       // another one in the same process, after exec, has another number
        std::array<tally, tallies> counted;
    };
    struct header_start {
        std::uint64_t magic;
        std::uint32_t layout;
        std::uint32_t ready;    // 1: all of it is there
        std::uint64_t fingerprint;
        std::uint32_t ways, units;
        std::uint64_t sets;
        std::uint64_t seed;
        std::int64_t clock;       // by how much the calendar is ahead of the steady clock, which begins anew with the machine
        std::int64_t calendar;    // when it was last opened or closed: time does not run back
        std::uint32_t waking;     // 1: somebody began to go through all sets after a restart, and has not come to the end
        std::array<char, 44> boot;
    };
    struct header : header_start {
        alignas(128) std::array<owner, most_owners> owners;
        std::array<std::uint64_t, most_flights> flights;
    };
    // What a child of fork does not have from its parent: claims of his must not look like those of the parent, who may live longer.
    struct of_this_process {
        std::atomic<std::uint32_t> place{0};    // among the owners, from 1; 0 is none yet
        std::array<std::uint64_t, counts> before{};    // what the place had counted
        std::uint64_t generation = 0;
    };
    static constexpr std::uint32_t no_place = most_owners + 1;

    cache_segment(fd file, std::byte* at, std::size_t bytes, segment_plan const& plan) : file_(std::move(file)), at_(at), bytes_(bytes), plan_(plan) {}

    static std::string path_of(std::string const& name) { return is_path(name) ? name : "/dev/shm/" + name; }
    static std::optional<failure> wrong(std::string const& name);
    static std::optional<failure> look_at(fd const& file, std::string const& tried, segment_plan const& plan, std::size_t bytes, bool& fresh);
    static bool read_boot(std::array<char, 44>& text) noexcept;
    static std::int64_t nanoseconds(clockid_t which) noexcept;
    static std::int64_t clock() noexcept { return nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_MONOTONIC); }
    static std::uint64_t program() noexcept {    // the kernel gives each start of a program 16 random bytes
        std::uint64_t number = 0;
        if (auto const at = ::getauxval(AT_RANDOM); at != 0) std::memcpy(&number, std::bit_cast<void const*>(at), sizeof number);
        return number;
    }
    static constexpr std::size_t data_at() noexcept { return (sizeof(header) + 4'095) / 4'096 * 4'096; }
    static std::size_t bytes_for(segment_plan const& plan) noexcept { return data_at() + plan.sets * plan.shape.bytes(); }
    static std::byte* map(fd const& file, std::size_t bytes) noexcept;
    static file_range lock_range() noexcept { return {.at = std::uint64_t{1} << 40, .size = 1}; }
    [[nodiscard]] static std::size_t own_tally() noexcept { return thread_stripe() % tallies; }
    [[nodiscard]] tally& tally_of(std::uint32_t place) const noexcept { return owner_at(place).counted[own_tally()]; }
    static void add_up(owner& whose, std::array<std::uint64_t, counts>& sum) noexcept {
        for (auto& each : whose.counted)
            for (std::size_t i = 0; i < counts; ++i) sum[i] += std::atomic_ref{each.counters[i]}.load(std::memory_order_relaxed);    // numbers alone
    }
    static cache_stats stats_of(std::array<std::uint64_t, counts> const& counters) noexcept;
    void make(std::array<char, 44> const& boot);
    void wake_up(std::array<char, 44> const& boot) noexcept;
    std::optional<failure> attach() noexcept;
    [[gnu::cold]] std::uint32_t attach_again() noexcept;
    [[nodiscard]] header& head() const noexcept { return *reinterpret_cast<header*>(at_); }
    [[nodiscard]] owner& owner_at(std::uint32_t place) const noexcept { return head().owners[place - 1]; }
    /// The place of this process; 0 where there is none for it.
    [[nodiscard]] std::uint32_t mine() noexcept {
        auto const place = here_->place.load(std::memory_order_acquire);    // pairs with `attach`: the rest is there
        return place - 1 < most_owners ? place : attach_again();
    }
    /// The lower 16 bits of a word name a place, the upper ones its generation; what is in between is the word's own.
    [[nodiscard]] bool lives(std::uint64_t word, unsigned generation_bits) const noexcept;
    [[nodiscard]] std::atomic_ref<std::uint64_t> flight_of(std::uint64_t hash) const noexcept { return std::atomic_ref{head().flights[hash % most_flights]}; }
    [[nodiscard]] std::uint64_t flight_word(std::uint64_t hash, std::uint32_t me) const noexcept {
        return here_->generation << 48 | (hash >> 32) << 16 | me;
    }

    fd file_;
    std::byte* at_;
    std::size_t bytes_;
    segment_plan plan_;
    std::uint64_t seed_ = 0;
    ino_t inode_ = 0;
    dev_t device_ = 0;
    wiped_page<of_this_process> here_;
    // Claims that were held for too long, and may still be: by where their sets lie.
    std::array<std::atomic<std::uint64_t>, 64> stuck_{};
};

// Implementation

inline std::optional<failure> cache_segment::wrong(std::string const& name) {
    auto const plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'; };
    auto const whole = name.find('\0') == name.npos;
    if (whole && is_path(name) && name.back() != '/' && name.size() < 4'096) return std::nullopt;
    if (!name.empty() && name.size() <= 250 && name != "." && name != ".." && std::all_of(name.begin(), name.end(), plain)) return std::nullopt;
    auto shown = name.substr(0, 100);
    for (auto& each : shown)
        if (static_cast<unsigned char>(each) < ' ') each = '?';
    return failure{cause::invalid_input, "\"" + shown + "\" is no name for a shared cache: it takes 1 to 250 letters, digits, dots, dashes and underscores, or a path to a file"};
}

inline bool cache_segment::read_boot(std::array<char, 44>& text) noexcept {
    constexpr ssize_t whole = 36;
    fd const file{::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)};
    return file && ::read(file.get(), text.data(), whole) == whole;
}

inline std::int64_t cache_segment::nanoseconds(clockid_t which) noexcept {
    std::timespec now{};
    (void)::clock_gettime(which, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

inline outcome<bool> cache_segment::unlink(std::string const& name) {
    if (auto why = wrong(name)) return std::move(*why);
    auto const path = path_of(name);
    if (::unlink(path.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    return system_failure(errno, "cannot remove the shared cache " + path);
}

/// Where large pages of memory begin: a look goes to a few lines in as many pages, and would spend half its time on finding them.
inline std::byte* cache_segment::map(fd const& file, std::size_t bytes) noexcept {
    constexpr auto large = large_page;
    auto* const room = ::mmap(nullptr, bytes + large, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) return nullptr;
    auto* const first = static_cast<std::byte*>(room);
    auto const before = (large - reinterpret_cast<std::uintptr_t>(room) % large) % large;
    auto* const at = first + before;
    if (::mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file.get(), 0) == MAP_FAILED) {
        (void)::munmap(room, bytes + large);
        return nullptr;
    }
    (void)::madvise(at, bytes, MADV_HUGEPAGE);
    constexpr std::size_t page = 4'096;
    auto const end = (bytes + page - 1) / page * page;
    if (before != 0) (void)::munmap(first, before);
    (void)::munmap(at + end, large - before - (end - bytes) / page * page);
    return at;
}

/// What is under the name: nothing yet, or something left half made, is `fresh`.
inline std::optional<failure> cache_segment::look_at(fd const& file, std::string const& tried, segment_plan const& plan, std::size_t bytes, bool& fresh) {
    struct stat about {};
    if (::fstat(file.get(), &about) != 0) return system_failure(errno, tried);
    if (!S_ISREG(about.st_mode)) return failure{cause::invalid_input, tried + ": it is no file"};
    if (about.st_uid != ::geteuid() && (plan.mode & 077) == 0)
        return failure{cause::unavailable, tried + ": it belongs to user " + std::to_string(about.st_uid) + ", who could put anything in; a mode that lets others in says that this is meant"};
    fresh = about.st_size == 0;
    if (fresh) return std::nullopt;
    header_start there{};
    auto const got = ::pread(file.get(), &there, sizeof there, 0);
    if (got < 16 || there.magic != magic_word) return failure{cause::invalid_input, tried + ": it is something else; nothing was changed"};
    if (there.layout != layout)
        return failure{cause::invalid_input, tried + ": it was made by another version of muster, layout " + std::to_string(there.layout) + "; this one's is " +
                                                 std::to_string(layout) + "; remove it, or give this cache another name"};
    fresh = there.ready == 0;    // whoever made it died over it
    if (fresh) return std::nullopt;
    if (got < static_cast<ssize_t>(sizeof there) || about.st_size < static_cast<off_t>(data_at())) return failure{cause::invalid_input, tried + ": it is cut off; nothing was changed"};
    std::optional<failure> differs;
    auto const compare = [&](char const* what, std::uint64_t theirs, std::uint64_t ours) {
        if (theirs != ours && !differs)
            differs = failure{cause::invalid_input, tried + ": it was made with other " + what + ": " + std::to_string(theirs) + ", not " + std::to_string(ours) +
                                                        "; open it in the same way, remove it, or give this cache another name"};
    };
    compare("types (what they look like in memory)", there.fingerprint, plan.fingerprint);
    compare("entries in a set", there.ways, plan.shape.ways);
    compare("memory in a set", there.units, plan.shape.units);
    compare("sets", there.sets, plan.sets);
    compare("bytes", static_cast<std::uint64_t>(about.st_size), bytes);
    return differs;
}

inline outcome<std::unique_ptr<cache_segment>> cache_segment::open(std::string const& name, segment_plan const& plan, context& cx) {
    if (auto why = wrong(name)) return std::move(*why);
    auto const path = path_of(name);
    auto const tried = "cannot open the shared cache " + path;
    auto const bytes = bytes_for(plan);
    std::array<char, 44> started{};
    if (!read_boot(started)) return system_failure(errno, tried + ": /proc/sys/kernel/random/boot_id, which says when this machine was started, cannot be read");
    for (;;) {
        // One that is there is not created: in a folder such as /dev/shm the kernel may refuse that for another user's.
        constexpr int how = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;    // O_NONBLOCK: a FIFO is no file, and no reason to hang
        fd file{::open(path.c_str(), how)};
        if (!file && errno == ENOENT) {
            file = fd{::open(path.c_str(), how | O_CREAT | O_EXCL, plan.mode)};
            if (!file && errno == EEXIST) continue;    // somebody else was quicker, or left a link that leads nowhere
        }
        if (!file) return system_failure(errno, tried);
        auto const lock = file_lock::acquire(file, cx, lock_range());
        if (!lock) return failure{lock.error()}.note("; another process is making or joining " + path);
        struct stat about {};
        if (::fstat(file.get(), &about) != 0) return system_failure(errno, tried);
        if (about.st_nlink == 0) continue;    // removed by its name in the moment
        bool fresh = false;
        if (auto why = look_at(file, tried, plan, bytes, fresh)) return std::move(*why);
        auto const give_up = [&](int error) -> outcome<std::unique_ptr<cache_segment>> {    // one that cannot be made leaves no name behind
            struct stat now {};
            if (fresh && ::stat(path.c_str(), &now) == 0 && now.st_ino == about.st_ino && now.st_dev == about.st_dev) (void)::unlink(path.c_str());
            return system_failure(error, tried + ": it takes " + std::to_string(bytes) + " bytes");
        };
        if (fresh) {
            // The mark first: what is left by one who dies from here on is known for what it is.
            std::uint64_t const mark[]{magic_word, layout};
            (void)::fchmod(file.get(), plan.mode);
            if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), mark, sizeof mark, 0) != sizeof mark || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
                return give_up(errno);
        }
        auto* const at = map(file, bytes);
        if (!at) return give_up(errno);
        auto const in_file = plan.shape.sums;
        std::unique_ptr<cache_segment> made{new cache_segment{std::move(file), at, bytes, plan}};
        if (fresh) {
            int error = EINTR;
            while (error == EINTR) error = ::posix_fallocate(made->file_.get(), 0, static_cast<off_t>(bytes));
            if (error != 0) return give_up(error);
            constexpr int collapse = 25;    // MADV_COLLAPSE, Linux 6.1: large pages, 0.5 ms for each. Where there are none it stays as it is.
            if (!in_file) (void)::madvise(at, bytes / large_page * large_page, collapse);
            made->make(started);
        }
        made->seed_ = made->head().seed;
        if (in_file) made->wake_up(started);
        made->head().calendar = nanoseconds(CLOCK_REALTIME);
        made->inode_ = about.st_ino;
        made->device_ = about.st_dev;
        if (auto why = made->attach()) return std::move(why->note("; " + tried));
        return made;
    }
}

inline void cache_segment::make(std::array<char, 44> const& boot) {
    auto& mine = head();
    mine.fingerprint = plan_.fingerprint;
    mine.ways = plan_.shape.ways;
    mine.units = plan_.shape.units;
    mine.sets = plan_.sets;
    std::random_device dice;
    mine.seed = std::uint64_t{dice()} << 32 | dice();    // so that nobody can choose keys of one set
    mine.clock = clock();
    mine.boot = boot;
    std::atomic_ref{mine.ready}.store(1, std::memory_order_release);    // last: all of it is there
}

/// Under the lock: a file that has outlived the machine. Nobody of then lives; what was not written as a whole is dropped. Where the calendar was
/// set back, or somebody died in the middle of this, nobody knows when an entry ends: those that do are dropped.
inline void cache_segment::wake_up(std::array<char, 44> const& boot) noexcept {
    auto& all = head();
    if (all.boot == boot) return;
    auto const now = clock();
    auto const ends_are_known = all.waking == 0 && nanoseconds(CLOCK_REALTIME) >= all.calendar;
    all.waking = 1;
    for (auto& each : all.owners) each.pid = 0;
    for (auto& each : all.flights) each = 0;
    set_events events;
    for (std::uint64_t i = 0; i < plan_.sets; ++i) {
        set(i).claim().store(0, std::memory_order_relaxed);    // nobody else is there
        set(i).verify(all.seed, all.clock, ends_are_known, all.clock - now, now, events);
    }
    (void)::msync(at_ + data_at(), bytes_ - data_at(), MS_SYNC);    // before the header says what their ends are meant by
    all.owners[0].counted[0].counters[damaged] += events.torn;
    all.clock = now;
    all.boot = boot;
    all.waking = 0;
}

/// Under the lock.
inline std::optional<failure> cache_segment::attach() noexcept {
    auto& all = head();
    auto const me = process_identity::of_this();
    auto const this_program = program();
    for (std::uint32_t place = 1; place <= most_owners; ++place) {
        auto& each = all.owners[place - 1];
        auto const pid = std::atomic_ref{each.pid}.load(std::memory_order_relaxed);    // changed under the lock, but for its end
        auto const replaced = pid == static_cast<std::uint64_t>(me.pid) && each.start_time == me.start_time && each.program != this_program;    // by exec
        if (pid != 0 && !replaced && process_identity{static_cast<pid_t>(pid), each.start_time}.alive()) continue;
        // The generation before the number: nobody takes a claim of the one before for one of ours.
        here_->generation = std::atomic_ref{each.generation}.fetch_add(1, std::memory_order_acq_rel) + 1;
        std::atomic_ref{each.start_time}.store(me.start_time, std::memory_order_relaxed);    // shown by the number
        each.program = this_program;
        std::atomic_ref{each.pid}.store(static_cast<std::uint64_t>(me.pid), std::memory_order_release);    // pairs with `lives`
        here_->before = {};
        add_up(each, here_->before);
        here_->place.store(place, std::memory_order_release);    // pairs with `mine`
        return std::nullopt;
    }
    return failure{cause::exhausted, std::to_string(most_owners) + " processes have this shared cache open, and no more can"};
}

/// In a child of fork, or where there was no place: the first of its calls that would store or count looks for one. Where there is none, and while
/// another thread looks, it reads, and stores nothing. No mutex: the parent may have been forked with it locked.
inline std::uint32_t cache_segment::attach_again() noexcept {
    std::uint32_t none = 0;
    if (!here_->place.compare_exchange_strong(none, no_place, std::memory_order_acquire)) return none - 1 < most_owners ? none : 0;    // pairs with `attach`
    auto const done = guarded<outcome<void>>([&]() -> outcome<void> {
        // A lock is the opened file's, and the parent's is another. It may have closed the descriptor, and opened something else there.
        fd const again{::open(("/proc/self/fd/" + std::to_string(file_.get())).c_str(), O_RDWR | O_CLOEXEC)};
        struct stat about {};
        if (!again || ::fstat(again.get(), &about) != 0 || about.st_ino != inode_ || about.st_dev != device_) return failure{cause::unavailable, "its file is closed"};
        auto const held = file_lock::attempt(again, lock_range());    // nobody waits here: it is tried again
        if (!held) return failure{held.error()};
        if (auto why = attach()) return std::move(*why);
        return {};
    });
    if (!done) here_->place.store(0, std::memory_order_release);    // pairs with the exchange
    auto const place = here_->place.load(std::memory_order_relaxed);    // this thread's, where it is one
    return place - 1 < most_owners ? place : 0;
}

inline cache_segment::~cache_segment() {
    auto const place = here_->place.load(std::memory_order_relaxed);
    if (plan_.shape.sums) head().calendar = nanoseconds(CLOCK_REALTIME);
    if (place - 1 < most_owners) std::atomic_ref{owner_at(place).pid}.store(0, std::memory_order_release);    // pairs with `lives`
    (void)::munmap(at_, bytes_);
}

inline bool cache_segment::lives(std::uint64_t word, unsigned generation_bits) const noexcept {
    auto const place = static_cast<std::uint32_t>(word & 0xffff);
    if (place == 0 || place > most_owners) return false;    // nobody's
    auto& whose = owner_at(place);
    auto const pid = std::atomic_ref{whose.pid}.load(std::memory_order_acquire);    // pairs with `attach`
    auto const start = std::atomic_ref{whose.start_time}.load(std::memory_order_relaxed);
    auto const generation = std::atomic_ref{whose.generation}.load(std::memory_order_acquire);    // pairs with `attach`: if it is still that one, so was the number
    auto const shift = 64 - generation_bits;
    if (generation << shift >> shift != word >> shift) return false;
    return pid != 0 && process_identity{static_cast<pid_t>(pid), start}.alive();
}

template <class Change>
auto cache_segment::with_claim(cache_set const& set, Change const& change) -> claimed {
    auto const me = mine();
    if (me == 0) return claimed::no_place;
    constexpr unsigned generation_bits = 24;
    auto const epoch = (std::atomic_ref{tally_of(me).epoch}.fetch_add(1, std::memory_order_relaxed) * tallies + own_tally()) & 0xff'ffff;    // a number of its own
    auto const word = here_->generation << (64 - generation_bits) | epoch << 16 | me;
    auto const claim = set.claim();
    set_events events;
    std::uint64_t holder = 0;    // whose patience is counted
    auto& stuck = stuck_[set.number() % stuck_.size()];
    std::chrono::steady_clock::time_point entered{}, begin{};
    std::chrono::nanoseconds next_look{};
    for (unsigned turn = 0;; ++turn) {
        auto there = claim.load(std::memory_order_acquire);    // pairs with the exchange: whose it is has begun
        if (there == 0 && claim.compare_exchange_strong(there, word, std::memory_order_acq_rel)) break;    // pairs with the release below, and with the load
        if (there == 0 || turn < 256) continue;    // a change takes less than a microsecond
        auto const now = std::chrono::steady_clock::now();
        if (holder == 0) entered = now;
        if (there != holder) {
            holder = there;
            begin = now;
            next_look = std::chrono::microseconds{20};
        }
        auto const held = now - begin;
        bool const known = there == stuck.load(std::memory_order_relaxed);    // a hint: one that has been waited for before
        if (known || held >= next_look) {
            next_look = 10 * held;
            if (!lives(there, generation_bits)) {
                if (!claim.compare_exchange_strong(there, word, std::memory_order_acq_rel)) continue;    // as above
                set.repair(events);
                add(stolen);
                break;
            }
        }
        if (known || now - entered > std::chrono::milliseconds{50}) return claimed::held;    // or by many, one after another
        if (held > std::chrono::milliseconds{10}) {
            stuck.store(there, std::memory_order_relaxed);    // a hint
            return claimed::held;
        }
        ::sched_yield();
    }
    change(events);
    claim.store(0, std::memory_order_release);    // pairs with the next one's claim
    add(evicted, events.evicted);
    add(expired, events.expired);
    add(damaged, events.torn);
    return claimed::done;
}

inline auto cache_segment::take_off(std::uint64_t hash) noexcept -> flight {
    auto const me = mine();
    if (me == 0) return flight::alone;
    auto const word = flight_word(hash, me);
    auto const in = flight_of(hash);
    std::uint64_t there = 0;
    constexpr unsigned generation_bits = 16;
    while (!in.compare_exchange_strong(there, word, std::memory_order_acq_rel)) {    // pairs with `land`: what was stored before is seen
        if (there == 0) continue;
        if (there == word) return flight::alone;    // by another thread, of a key that looks the same
        if (!lives(there, generation_bits)) continue;    // its word in place of ours is exchanged for ours
        auto const same = (there >> 16 & 0xffff'ffff) == hash >> 32;
        return same ? flight::waits : flight::alone;
    }
    return flight::led;
}

inline void cache_segment::land(std::uint64_t hash) noexcept {
    auto const me = mine();
    auto word = flight_word(hash, me);
    (void)flight_of(hash).compare_exchange_strong(word, 0, std::memory_order_acq_rel);    // pairs with `take_off`
}

inline cache_stats cache_segment::stats_of(std::array<std::uint64_t, counts> const& of) noexcept {
    return {.hits = of[hits], .misses = of[misses], .stored = of[stored], .evicted = of[evicted], .expired = of[expired], .waited = of[waited], .damaged = of[damaged], .unstored = of[unstored], .stolen = of[stolen]};
}

inline cache_stats cache_segment::stats_of_process() noexcept {
    std::array<std::uint64_t, counts> sum{};
    if (auto const me = mine(); me != 0) {
        add_up(owner_at(me), sum);
        for (std::size_t i = 0; i < counts; ++i) sum[i] -= here_->before[i];
    }
    return stats_of(sum);
}

inline cache_stats cache_segment::stats() const noexcept {
    std::array<std::uint64_t, counts> sum{};
    for (auto& each : head().owners) add_up(each, sum);
    return stats_of(sum);
}

}  // namespace muster::detail
