#pragma once

#include <algorithm>       // count_if, find, min
#include <array>           // hints
#include <atomic>          // atomic
#include <cerrno>          // EINTR
#include <cstddef>         // size_t
#include <cstdint>         // uint64_t
#include <cstring>         // memcpy, memset
#include <new>             // placement new
#include <optional>        // an owner that may not be there
#include <span>            // the bytes of a chunk
#include <string>          // text of failures
#include <system_error>    // system_error
#include <utility>         // move
#include <vector>          // the dead

#include <fcntl.h>         // F_GET_SEALS
#include <sched.h>         // sched_yield
#include <sys/mman.h>      // madvise
#include <sys/random.h>    // getrandom
#include <unistd.h>        // getpid

#include <muster/core/failure.hpp>               // failure
#include <muster/core/outcome.hpp>               // outcome
#include <muster/os/fd.hpp>                      // fd
#include <muster/os/process_identity.hpp>        // process_identity
#include <muster/os/shared_memory.hpp>           // shared_memory
#include <muster/os/system_failure.hpp>          // system_failure
#include <muster/os/wiped_page.hpp>              // wiped_page
#include <muster/shm/detail/arena_book.hpp>      // arena_book
#include <muster/shm/detail/arena_layout.hpp>    // arena_layout
#include <muster/shm/detail/arenas_here.hpp>     // arenas_here
#include <muster/shm/shared_handle.hpp>          // shared_handle

namespace muster {

/// What an arena may hold.
struct arena_options {
    std::size_t capacity = std::size_t{256} << 20;    ///< bytes that chunks have together, in whole pages; up to 1 TiB
    bool zero_on_free = false;                        ///< false: the next owner of a chunk sees what the last one left in it
};

/// What an arena holds.
struct arena_stats {
    std::size_t capacity = 0;
    std::size_t committed = 0;       ///< bytes in memory: those in use, and those kept for whoever asks next
    std::size_t in_use = 0;          ///< bytes of the chunks that have an owner, in whole pages
    std::size_t chunks = 0;          ///< that have an owner
    std::size_t owners = 0;          ///< processes
    std::uint64_t sweeps = 0;        ///< so far
    std::uint64_t reclaimed = 0;     ///< chunks that dead processes left, so far
    friend bool operator==(arena_stats const&, arena_stats const&) = default;
};

/// A process that has part in an arena: of this arena, and of no other process before or after it.
struct arena_owner {
    std::uint16_t place = 0;    // 0 is nobody
    std::uint16_t generation = 0;

    explicit operator bool() const noexcept { return place != 0; }
    friend bool operator==(arena_owner const&, arena_owner const&) = default;
};

/// Memory from which several processes cut pieces, and pass them on without copying what is in them.
///
/// Each chunk has one owner, named in the one word that is changed, by compare-and-swap only, when it changes hands. Nobody ever
/// waits for another process, and one that is killed at any instruction leaves nothing but chunks with its name on them, which
/// anybody who lives gives back: `sweep`. A process that forks does not share its chunks with its child, which becomes an owner of
/// its own when it first asks for memory.
///
/// A process that goes wrong, or is evil, can write whatever it likes wherever it likes in this memory. It can spoil every payload,
/// make the arena hand out a chunk twice, make it lose chunks, and fill pages that nobody counts. It cannot make another process
/// crash, hang, or write outside the arena. Whoever does not trust the others copies a payload before looking twice at it.
///
/// It is long, for all that changes a chunk's word is here, to be read together; where things lie and how pages are counted is in
/// detail/.
///
/// Units      bytes. A chunk takes whole pages of the capacity. The bookkeeping comes on top: 24 bytes for each chunk there may
///            be, 0.1 to 0.6 % of the capacity. The address space is 15 to 17 times the capacity, and no memory: to a process
///            whose RLIMIT_AS is to bound something, grant `address_space()` more. No core dump contains it.
/// Fails      cause::exhausted when the capacity is in use, or the machine has no more memory: pages are reserved before they are
///            given out, so that nobody dies of SIGBUS; invalid_input for a handle that names nothing, or something that is not
///            the caller's: freed twice, freed before, never made.
/// Throws     std::system_error from the constructor and `attach`; std::length_error for a capacity that no arena has.
/// Threads    all members but the destructor, in any number of processes. Nothing here blocks.
/// Lifetime   must outlive the buffers and spans cut from it. The memory lives as long as a process has it mapped; at the end of an
///            arena its process's chunks become free for a `sweep` of the others.
/// Cost       a chunk that is used again: 2 atomic changes to take it and 2 to free it, 50 ns, whatever its size. A new one: a system
///            call, and zeroing by the kernel. A failure for want of room: a file of /proc read for each owner.
class arena {
public:
    /// New memory; this process becomes an owner.
    explicit arena(arena_options options = {}) : arena(make(options), true) {}
    /// The arena of another process, by the descriptor that it handed on: `file()`, inherited or sent.
    [[nodiscard]] static arena attach(fd from) { return arena{shared_memory{std::move(from)}, false}; }
    arena(arena const&) = delete;
    arena& operator=(arena const&) = delete;
    ~arena();

    /// What `attach` takes in another process.
    [[nodiscard]] fd const& file() const noexcept { return memory_.file(); }
    /// A number that no other arena has: handles name it.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    /// The arena of this process with that number, or null.
    [[nodiscard]] static arena* find(std::uint64_t id) noexcept { return static_cast<arena*>(detail::arenas_here::find(id)); }
    [[nodiscard]] std::size_t capacity() const noexcept { return layout_.pages() * layout_.page(); }
    [[nodiscard]] std::size_t address_space() const noexcept { return layout_.size(); }
    /// Whether this process made the arena: not true in a child of fork.
    [[nodiscard]] bool made_here() const noexcept { return here_->made.load(); }

    // Chunks

    /// A chunk of at least so many bytes, which is this process's from now on.
    [[nodiscard]] outcome<shared_handle> allocate(std::size_t bytes);
    /// Frees a chunk of this process.
    outcome<void> release(shared_handle const& which);
    /// The bytes that a handle names, whoever's they are. They stay mapped whatever becomes of the chunk.
    [[nodiscard]] outcome<std::span<std::byte>> bytes(shared_handle const& which) const;
    /// Whether a chunk is this process's.
    [[nodiscard]] bool owns(shared_handle const& which) const noexcept;

    // Passing on

    /// Lets go of a chunk of this process, which then is whoever's who adopts it. Does nothing with one that it has let go of
    /// already. Fails for others. One whose message is lost stays with its giver until he is swept, or takes it back by `transfer`.
    outcome<void> give(shared_handle const& which);
    /// Makes a chunk that was given this process's: true. One that was not stays whose it is, which is no failure: false.
    [[nodiscard]] outcome<bool> adopt(shared_handle const& which);
    /// Moves a chunk to another owner, if it still is `from`'s, used or given.
    outcome<void> transfer(shared_handle const& which, arena_owner from, arena_owner to);

    /// From now on until as many calls of `reuse`, what this process releases is kept from being used again: somebody to whom it was
    /// lent may still be running, such as a worker that was told to end and whose call has been answered already.
    void keep() noexcept { here_->keeping.fetch_add(1); }
    void reuse() noexcept;

    // Owners

    /// This process as an owner; as which it is registered when it was not.
    outcome<arena_owner> become_owner();
    /// The owner that is a process; nobody when it is none.
    [[nodiscard]] arena_owner owner_of(process_identity const& process) const noexcept;

    /// Frees all that an owner has whose process is known to be dead, what it gave and nobody adopted included: adopt first what its
    /// messages name. Also frees what is left of owners swept before. Answers how many chunks that were.
    std::size_t sweep(arena_owner dead);
    /// The same for each owner whose process is dead by now.
    std::size_t sweep_dead();
    /// Gives pages that no chunk uses back to the machine; answers how many bytes those were.
    std::size_t trim() noexcept;

    [[nodiscard]] arena_stats stats() const noexcept;

private:
    using arena_header = detail::arena_header;
    using chunk_state = detail::chunk_state;
    using chunk_word = detail::chunk_word;
    using owner_word = detail::owner_word;

    // What a child of fork does not have from its parent.
    struct of_this_process {
        std::atomic<std::uint32_t> owner{0};    // place and generation
        std::atomic<bool> made{false};
        std::atomic<std::uint32_t> keeping{0};
    };
    struct given_back {
        std::size_t pages = 0;
        bool busy = false;    // somebody else is giving pages back, or taking some
    };

    friend class shared_buffer;    // releases and gives where no failure can be told

    static shared_memory make(arena_options const& options);
    static arena_header header_of(shared_memory const& memory);
    arena(shared_memory memory, bool made);

    [[nodiscard]] arena_owner self() const noexcept;
    bool give_up(arena_owner who) noexcept;
    [[nodiscard]] std::vector<arena_owner> dead_owners() const;
    [[nodiscard]] bool gone(chunk_word const& has) const noexcept;
    std::size_t reclaim(std::span<arena_owner const> dead = {});
    std::size_t make_room_for_owners();

    [[nodiscard]] bool possible(shared_handle const& which) const noexcept;
    [[nodiscard]] bool mine(chunk_word const& has, shared_handle const& which, arena_owner me) const noexcept;
    bool try_release(shared_handle const& which) noexcept;
    bool try_give(shared_handle const& which) noexcept;
    [[nodiscard]] std::byte* data(shared_handle const& which) const noexcept { return memory_.data() + layout_.data(which.chunk); }
    void free(std::uint32_t chunk, chunk_word taken) noexcept;
    bool take(std::uint32_t chunk, std::uint64_t from, arena_owner me, chunk_word& taken) noexcept;
    [[nodiscard]] int grow(std::uint32_t chunk, std::size_t pages) noexcept;
    bool empty(std::uint32_t chunk) noexcept;
    void zero(std::uint32_t chunk) noexcept {
        std::memset(memory_.data() + layout_.data(chunk), 0, book_.pages(chunk) * layout_.page());
    }
    given_back give_back(std::size_t enough) noexcept;
    [[nodiscard]] failure full(std::size_t bytes) const;
    [[nodiscard]] failure refused(shared_handle const& which, char const* tried) const;

    shared_memory memory_;
    arena_header header_;    // as it was at the beginning: what stands there now is not asked
    detail::arena_layout layout_;
    detail::arena_book book_;
    wiped_page<of_this_process> here_;
    std::uint64_t id_;
    std::array<std::atomic<std::uint32_t>, detail::arena_layout::most_classes> hints_{};
};

// Implementation

inline shared_memory arena::make(arena_options const& options) {
    auto const page = shared_memory::page();
    if (options.capacity == 0 || options.capacity / page >= detail::arena_layout::most_pages)
        throw std::length_error{"muster: an arena has a capacity of 1 byte to 1 TiB"};
    detail::arena_layout const layout{options.capacity, page};
    shared_memory memory{layout.size(), "muster arena"};
    if (int const error = memory.reserve(0, layout.bookkeeping()); error != 0)
        throw std::system_error{error, std::system_category(), "muster: no memory for the bookkeeping of an arena"};
    arena_header header{.mark = arena_header::current,
                        .capacity = options.capacity,
                        .page = page,
                        .zero_on_free = options.zero_on_free};
    do    // 0 names nothing
        if (::getrandom(&header.id, sizeof header.id, 0) != sizeof header.id)
            throw std::system_error{errno, std::system_category(), "muster: no number for an arena"};
    while (header.id == 0);
    ::new (memory.data()) arena_header{header};
    return memory;
}

inline auto arena::header_of(shared_memory const& memory) -> arena_header {
    arena_header header;
    auto const none = [] { return std::system_error{EINVAL, std::system_category(), "muster: this is no arena"}; };
    // Whoever could cut the file off would kill all who have it mapped.
    auto const seals = ::fcntl(memory.file().get(), F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) throw none();
    std::memcpy(&header, memory.data(), sizeof header);    // a page at least is there
    if (header.mark != arena_header::current || header.page != shared_memory::page() || header.capacity == 0 ||
        header.id == 0 || header.capacity / header.page >= detail::arena_layout::most_pages ||
        detail::arena_layout{header.capacity, header.page}.size() > memory.size())
        throw none();
    return header;
}

inline arena::arena(shared_memory memory, bool made)
    : memory_(std::move(memory)), header_(header_of(memory_)), layout_(header_.capacity, header_.page), book_(memory_, layout_),
      id_(header_.id) {
    // A dump would fill every page that nobody has used yet.
    ::madvise(memory_.data() + layout_.bookkeeping(), layout_.size() - layout_.bookkeeping(), MADV_DONTDUMP);
    here_->made.store(made);
    become_owner().value();
    detail::arenas_here::add(id_, this);
}

inline arena::~arena() {
    detail::arenas_here::remove(this);
    if (auto const me = self()) give_up(me);
}

// Owners

inline arena_owner arena::self() const noexcept {
    auto const word = here_->owner.load();
    return {static_cast<std::uint16_t>(word & 0xffff), static_cast<std::uint16_t>(word >> 16)};
}

inline outcome<arena_owner> arena::become_owner() {
    if (auto const me = self()) return me;
    auto const who = process_identity::of_this();
    for (int tries = 0; tries < 2; ++tries) {
        for (std::size_t place = 1; place < layout_.most_owners; ++place) {
            auto now = book_.owner(place).load();
            auto entry = owner_word::of(now);
            if (entry.pid != 0) continue;
            entry.pid = static_cast<std::uint32_t>(who.pid);
            entry.start_time = owner_word::low(who.start_time);
            if (!book_.owner(place).compare_exchange_strong(now, entry.word())) continue;
            arena_owner const me{static_cast<std::uint16_t>(place), entry.generation};
            std::uint32_t nobody = 0;
            if (here_->owner.compare_exchange_strong(nobody, std::uint32_t{me.generation} << 16 | me.place)) return me;
            give_up(me);    // another thread was first
            return self();
        }
        if (make_room_for_owners() == 0) break;
    }
    return failure{cause::exhausted, std::to_string(layout_.most_owners - 1) +
                                         " processes have part in this arena, which is all it has room for"};
}

inline arena_owner arena::owner_of(process_identity const& process) const noexcept {
    for (std::size_t place = 1; place < layout_.most_owners; ++place) {
        auto const entry = owner_word::of(book_.owner(place).load());
        if (process.pid > 0 && entry.pid == static_cast<std::uint32_t>(process.pid) &&
            entry.start_time == owner_word::low(process.start_time))
            return {static_cast<std::uint16_t>(place), entry.generation};
    }
    return {};
}

// From then on its chunks name an owner that is gone, and that never comes back: nothing more has to be remembered.
inline bool arena::give_up(arena_owner who) noexcept {
    if (who.place == 0 || who.place >= layout_.most_owners) return false;
    auto now = book_.owner(who.place).load();
    auto const entry = owner_word::of(now);
    if (entry.pid == 0 || entry.generation != who.generation) return false;
    owner_word const next{.generation = static_cast<std::uint16_t>(entry.generation + 1)};
    return book_.owner(who.place).compare_exchange_strong(now, next.word());
}

inline std::vector<arena_owner> arena::dead_owners() const {
    std::vector<arena_owner> dead;
    for (std::size_t place = 1; place < layout_.most_owners; ++place) {
        auto const entry = owner_word::of(book_.owner(place).load());
        arena_owner const who{static_cast<std::uint16_t>(place), entry.generation};
        if (entry.pid == 0 || who == self()) continue;
        auto const alive = process_identity::of(static_cast<pid_t>(entry.pid));
        if (alive && (alive->start_time == 0 || entry.start_time == 0 || owner_word::low(alive->start_time) == entry.start_time))
            continue;
        dead.push_back(who);
    }
    return dead;
}

// Gives up the dead, but for those of whom a message may be on its way: what they gave is there until they are swept.
inline std::size_t arena::make_room_for_owners() {
    auto dead = dead_owners();
    for (std::size_t k = 0; k < layout_.classes(); ++k) {
        auto const begun = book_.begun(k);
        for (std::uint32_t place = 0; place < begun; ++place) {
            auto const has = chunk_word::of(book_.chunk(layout_.chunk(k, place)).load());
            if (has.state == chunk_state::given) std::erase(dead, arena_owner{has.owner, has.owner_generation});
        }
    }
    return static_cast<std::size_t>(std::count_if(dead.begin(), dead.end(), [this](auto who) { return give_up(who); }));
}

// Whether a chunk names an owner that is no more: asked after its word was read, for the table only moves on.
inline bool arena::gone(chunk_word const& has) const noexcept {
    arena_owner const who{has.owner, has.owner_generation};
    if (who == self() && who) return false;
    if (who.place == 0) return true;
    auto const entry = owner_word::of(book_.owner(who.place).load());
    return entry.pid == 0 || entry.generation != who.generation;
}

inline std::size_t arena::sweep(arena_owner dead) {
    if (dead != self()) give_up(dead);    // who asks is not dead
    return reclaim();
}

inline std::size_t arena::sweep_dead() {
    for (auto const who : dead_owners()) give_up(who);
    return reclaim();
}

// Frees what owners have that were given up, and what those have who are said to be dead, but for what they gave.
// A sweeper that dies in the middle leaves chunks that name it, or that still name the dead: the next one finds both.
inline std::size_t arena::reclaim(std::span<arena_owner const> dead) {
    auto const me = become_owner();
    if (!me) return 0;
    std::size_t found = 0;
    for (std::size_t k = 0; k < layout_.classes(); ++k) {
        auto const begun = book_.begun(k);
        for (std::uint32_t place = 0; place < begun; ++place) {
            auto const chunk = layout_.chunk(k, place);
            auto const word = book_.chunk(chunk).load();
            auto const has = chunk_word::of(word);
            if (has.state == chunk_state::idle) {
                book_.mark(chunk);    // whoever died between freeing and marking it has not
                continue;
            }
            auto const left = has.state != chunk_state::given &&
                              std::find(dead.begin(), dead.end(), arena_owner{has.owner, has.owner_generation}) != dead.end();
            if (!left && !gone(has)) continue;
            chunk_word taken;
            if (!take(chunk, word, *me, taken)) continue;    // somebody else sweeps
            if (has.state == chunk_state::taken) {
                book_.settle(chunk);
                empty(chunk);
            } else if (header_.zero_on_free) {
                zero(chunk);
            }
            free(chunk, taken);
            ++found;
        }
    }
    // relaxed, both: pair with the loads of stats(), which promise no order
    book_.sweeps().fetch_add(1, std::memory_order_relaxed);
    book_.reclaimed().fetch_add(found, std::memory_order_relaxed);
    return found;
}

// Chunks

inline bool arena::take(std::uint32_t chunk, std::uint64_t from, arena_owner me, chunk_word& taken) noexcept {
    taken = {.state = chunk_state::taken, .owner = me.place, .owner_generation = me.generation,
             .generation = chunk_word::of(from).generation};
    return book_.chunk(chunk).compare_exchange_strong(from, taken.word());
}

// Frees a chunk whose word is `taken`, so that its handles are stale from then on.
inline void arena::free(std::uint32_t chunk, chunk_word taken) noexcept {
    auto now = taken.word();
    if (book_.chunk(chunk).compare_exchange_strong(now, chunk_word{.generation = taken.generation + 1}.word())) book_.mark(chunk);
}

// Gives a taken chunk so many pages, all of which are there then: 0, or an errno; -1 when the capacity is in use.
inline int arena::grow(std::uint32_t chunk, std::size_t pages) noexcept {
    auto const had = std::min(book_.pages(chunk), pages - 1);    // somebody evil may have changed it since it was less
    if (!book_.count(chunk, pages)) return -1;
    int error = EINTR;
    while (error == EINTR) error = memory_.reserve(layout_.data(chunk) + had * layout_.page(), (pages - had) * layout_.page());
    if (error != 0) empty(chunk);
    return error;
}

// Gives all pages of a taken chunk back, also those that somebody used without having asked for them.
inline bool arena::empty(std::uint32_t chunk) noexcept {
    if (memory_.release(layout_.data(chunk), layout_.chunk_pages(chunk) * layout_.page()) != 0) {
        // Not given back, so still counted; but whoever takes it next may count on zeros where that was promised.
        if (header_.zero_on_free) zero(chunk);
        return false;
    }
    return book_.count(chunk, 0);
}

inline arena::given_back arena::give_back(std::size_t enough) noexcept {
    given_back done;
    auto const me = self();
    for (std::size_t k = layout_.classes(); me && k-- > 0 && done.pages < enough;) {
        auto const begun = book_.begun(k);
        for (std::uint32_t place = 0; place < begun && done.pages < enough; ++place) {
            auto const chunk = layout_.chunk(k, place);
            auto const word = book_.chunk(chunk).load();
            auto const state = chunk_word::of(word).state;
            done.busy |= state == chunk_state::taken;
            if (state != chunk_state::idle || book_.pages(chunk) == 0) continue;
            chunk_word taken;
            if (!take(chunk, word, me, taken)) continue;
            auto const had = book_.pages(chunk);
            if (empty(chunk)) done.pages += had;
            free(chunk, taken);
        }
    }
    return done;
}

inline std::size_t arena::trim() noexcept { return give_back(layout_.pages() + 1).pages * layout_.page(); }

inline outcome<shared_handle> arena::allocate(std::size_t bytes) {
    if (bytes > capacity()) return full(bytes);
    auto const owner = become_owner();
    if (!owner) return owner.error();
    auto const me = *owner;
    auto const pages = bytes == 0 ? 1 : (bytes + layout_.page() - 1) / layout_.page();
    chunk_word used{.state = chunk_state::used, .owner = me.place, .owner_generation = me.generation};

    bool swept = false;
    for (int tries = 0; tries < 256; ++tries) {
        bool no_room = false;
        for (auto k = layout_.class_for(pages); k < layout_.classes() && !no_room; ++k) {
            for (std::uint32_t looked = 0; looked < 1'024 && !no_room; ++looked) {
                auto const idle = book_.pick(k, hints_[k]);
                if (!idle) break;
                auto from = idle->word;
                used.generation = chunk_word::of(from).generation;
                shared_handle const made{.arena = id_, .chunk = idle->which, .generation = used.generation, .size = bytes};
                // Nobody changes the pages of a chunk and leaves its word the same.
                if (book_.pages(idle->which) >= pages) {
                    if (book_.chunk(idle->which).compare_exchange_strong(from, used.word())) return made;
                    continue;
                }
                chunk_word taken;
                if (!take(idle->which, from, me, taken)) continue;
                int const error = grow(idle->which, pages);
                auto now = taken.word();
                if (error == 0 && book_.chunk(idle->which).compare_exchange_strong(now, used.word())) return made;
                free(idle->which, taken);
                if (error > 0)
                    return failure{cause::exhausted, "no memory for " + std::to_string(bytes) +
                                                         " bytes of an arena: " + std::system_category().message(error)};
                no_room = error < 0;
            }
        }
        // Others' idle pages first, then what the dead left; then wait for those who are about to give some back.
        auto const back = no_room ? give_back(pages) : given_back{};
        if (back.pages > 0) continue;
        if (!swept) {
            swept = true;
            reclaim(dead_owners());
        } else if (back.busy) {
            ::sched_yield();
        } else {
            break;
        }
    }
    return full(bytes);
}

inline failure arena::full(std::size_t bytes) const {
    auto const now = stats();
    return {cause::exhausted, "an arena of " + std::to_string(capacity()) + " bytes, of which " + std::to_string(now.in_use) +
                                  " are in use by " + std::to_string(now.chunks) + " chunks, has no room for " +
                                  std::to_string(bytes) + " more"};
}

inline bool arena::possible(shared_handle const& which) const noexcept {
    return which.arena == id_ && layout_.has(which.chunk) && which.size <= layout_.chunk_pages(which.chunk) * layout_.page();
}

inline failure arena::refused(shared_handle const& which, char const* tried) const {
    auto text = std::string{"cannot "} + tried + " chunk " + std::to_string(which.chunk) + ", generation " +
                std::to_string(which.generation) + ": ";
    chunk_word has;
    if (layout_.has(which.chunk)) has = chunk_word::of(book_.chunk(which.chunk).load());
    if (which.arena != id_) text += "it is of another arena";
    else if (!layout_.has(which.chunk)) text += "there is none";
    else if (!possible(which)) text += "it has less than " + std::to_string(which.size) + " bytes";
    else if (has.generation != which.generation || has.state == chunk_state::idle)
        text += "it was freed before";
    else if (has.state == chunk_state::given) text += "it was given away";
    else text += "it is somebody else's";
    return {cause::invalid_input, std::move(text)};
}

inline bool arena::mine(chunk_word const& has, shared_handle const& which, arena_owner me) const noexcept {
    return me && has.generation == which.generation && has.owner == me.place && has.owner_generation == me.generation;
}

inline bool arena::owns(shared_handle const& which) const noexcept {
    if (!possible(which)) return false;
    auto const has = chunk_word::of(book_.chunk(which.chunk).load());
    return has.state == chunk_state::used && mine(has, which, self());
}

inline bool arena::try_release(shared_handle const& which) noexcept {
    auto const me = self();    // not become_owner: a process that is none has nothing to free
    if (!possible(which)) return false;
    auto word = book_.chunk(which.chunk).load();
    auto has = chunk_word::of(word);
    if (has.state != chunk_state::used || !mine(has, which, me)) return false;
    if (here_->keeping.load() != 0) {
        has.state = chunk_state::kept;
        if (!book_.chunk(which.chunk).compare_exchange_strong(word, has.word())) return false;
        if (here_->keeping.load() != 0) return true;    // else reuse() may have looked before: one of the two sees the other
        word = has.word();
        chunk_word taken;
        if (!take(which.chunk, word, me, taken)) return true;
        if (header_.zero_on_free) zero(which.chunk);
        free(which.chunk, taken);
        return true;
    }
    if (!header_.zero_on_free) {
        chunk_word const idle{.generation = has.generation + 1};
        if (!book_.chunk(which.chunk).compare_exchange_strong(word, idle.word())) return false;
        book_.mark(which.chunk);
        return true;
    }
    chunk_word taken;
    if (!take(which.chunk, word, me, taken)) return false;
    zero(which.chunk);
    free(which.chunk, taken);
    return true;
}

inline void arena::reuse() noexcept {
    if (here_->keeping.fetch_sub(1) != 1) return;
    auto const me = self();
    for (std::size_t k = 0; me && k < layout_.classes(); ++k) {
        auto const begun = book_.begun(k);
        for (std::uint32_t place = 0; place < begun; ++place) {
            auto const chunk = layout_.chunk(k, place);
            auto const word = book_.chunk(chunk).load();
            auto const has = chunk_word::of(word);
            chunk_word taken;
            if (has.state != chunk_state::kept || has.owner != me.place || has.owner_generation != me.generation) continue;
            if (!take(chunk, word, me, taken)) continue;
            if (header_.zero_on_free) zero(chunk);
            free(chunk, taken);
        }
    }
}

inline outcome<void> arena::release(shared_handle const& which) {
    if (try_release(which)) return {};
    return refused(which, "free");
}

inline outcome<std::span<std::byte>> arena::bytes(shared_handle const& which) const {
    if (possible(which)) {
        auto const has = chunk_word::of(book_.chunk(which.chunk).load());
        auto const whole = book_.pages(which.chunk) * layout_.page();
        auto const there = has.state == chunk_state::used || has.state == chunk_state::given;
        if (there && has.generation == which.generation && which.size <= whole)
            return std::span<std::byte>{memory_.data() + layout_.data(which.chunk), which.size};
    }
    return refused(which, "see");
}

// Passing on

inline bool arena::try_give(shared_handle const& which) noexcept {
    if (!possible(which)) return false;
    auto word = book_.chunk(which.chunk).load();
    auto has = chunk_word::of(word);
    if (!mine(has, which, self())) return false;
    if (has.state == chunk_state::given) return true;
    if (std::exchange(has.state, chunk_state::given) != chunk_state::used) return false;
    return book_.chunk(which.chunk).compare_exchange_strong(word, has.word());
}

inline outcome<void> arena::give(shared_handle const& which) {
    if (try_give(which)) return {};
    return refused(which, "give");
}

inline outcome<bool> arena::adopt(shared_handle const& which) {
    if (auto const there = bytes(which); !there) return there.error();
    auto const me = become_owner();
    if (!me) return me.error();
    auto word = book_.chunk(which.chunk).load();
    auto has = chunk_word::of(word);
    if (has.generation == which.generation && has.state == chunk_state::used) return false;
    if (has.generation != which.generation || has.state != chunk_state::given) return refused(which, "adopt");
    has = {.state = chunk_state::used, .owner = me->place, .owner_generation = me->generation, .generation = which.generation};
    if (!book_.chunk(which.chunk).compare_exchange_strong(word, has.word())) return refused(which, "adopt");
    return true;
}

inline outcome<void> arena::transfer(shared_handle const& which, arena_owner from, arena_owner to) {
    if (!possible(which) || !to || to.place >= layout_.most_owners) return refused(which, "transfer");
    auto word = book_.chunk(which.chunk).load();
    auto has = chunk_word::of(word);
    auto const there = has.state == chunk_state::used || has.state == chunk_state::given;
    if (!there || !mine(has, which, from)) return refused(which, "transfer");
    has = {.state = chunk_state::used, .owner = to.place, .owner_generation = to.generation, .generation = which.generation};
    // To somebody who is gone by now: then it is like any other chunk of the dead.
    if (!book_.chunk(which.chunk).compare_exchange_strong(word, has.word())) return refused(which, "transfer");
    return {};
}

inline arena_stats arena::stats() const noexcept {
    arena_stats all{.capacity = capacity(), .committed = book_.total() * layout_.page()};
    for (std::size_t k = 0; k < layout_.classes(); ++k) {
        auto const begun = book_.begun(k);
        for (std::uint32_t place = 0; place < begun; ++place) {
            auto const chunk = layout_.chunk(k, place);
            if (chunk_word::of(book_.chunk(chunk).load()).state == chunk_state::idle) continue;
            ++all.chunks;
            all.in_use += book_.pages(chunk) * layout_.page();
        }
    }
    for (std::size_t place = 1; place < layout_.most_owners; ++place)
        all.owners += owner_word::of(book_.owner(place).load()).pid != 0;
    // relaxed, both: pair with the additions of reclaim(), which promise no order
    all.sweeps = book_.sweeps().load(std::memory_order_relaxed);
    all.reclaimed = book_.reclaimed().load(std::memory_order_relaxed);
    return all;
}

}  // namespace muster
