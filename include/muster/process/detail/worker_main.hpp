#pragma once

#include <algorithm>     // min
#include <atomic>        // stop
#include <chrono>        // milliseconds
#include <csignal>       // signals
#include <cstdint>       // int64_t
#include <cstdio>        // stdout
#include <cstdlib>       // setenv
#include <cstring>       // strncpy
#include <ctime>         // timer_create
#include <memory>        // arena
#include <span>          // room
#include <string>        // texts
#include <utility>       // move
#include <vector>        // what comes in parts

#include <fcntl.h>           // open
#include <sched.h>           // affinity
#include <sys/eventfd.h>     // eventfd_write
#include <sys/prctl.h>       // PR_SET_PDEATHSIG
#include <sys/syscall.h>     // close_range
#include <unistd.h>          // dup2

#include <muster/core/context.hpp>                 // context
#include <muster/core/invoke_task.hpp>             // guarded
#include <muster/core/remote.hpp>                  // remote_face
#include <muster/core/wire.hpp>                    // wire_reader
#include <muster/os/code_place.hpp>                // code_place
#include <muster/os/fd.hpp>                        // fd
#include <muster/os/futex.hpp>                     // futex_wait
#include <muster/process/detail/channel.hpp>       // channel
#include <muster/process/detail/in_worker.hpp>     // in_worker
#include <muster/process/detail/last_words.hpp>    // notes_of_death
#include <muster/process/limits.hpp>               // limits
#include <muster/process/sandbox.hpp>              // sandbox
#include <muster/shm/arena.hpp>                    // arena

namespace muster::detail {

/// What a worker is told before it starts; travels to the fork server.
struct worker_order {
    std::int32_t program = 0;                    // whose death is its own
    std::uint32_t slot = 0;
    std::uint32_t threads = 1;                   // that each of the workers may have of the machine's
    std::uint64_t warm_up_module = 0, warm_up_offset = 0;
    limits bounds{};
    sandbox walls{};
};

/// The files that go with it, in this order.
struct worker_files {
    enum : std::size_t { channel, bell, output, arena };
};

/// Functions travel as their place in a module.
inline function_travel const& functions_by_place() noexcept {
    static constexpr function_travel how{
        [](wire_writer& to, code_place::function_type which) {
            thread_local code_place::function_type last = nullptr;    // mostly the same again: looking costs a microsecond
            thread_local code_place at;
            if (which != last) at = code_place::of(last = which);
            to.put(at.module);
            to.put(at.offset);
        },
        [](wire_reader& from) {
            code_place at;
            at.module = from.get<std::uint64_t>();
            at.offset = from.get<std::uint64_t>();
            auto const found = at.function();
            if (!found) from.refuse("a function is not in this process: another build, or a library that it has not loaded");
            return found;
        }};
    return how;
}

/// How the call of a worker waits, and how it hears of a stop: by a word in the channel.
class worker_waiter {
public:
    explicit worker_waiter(std::atomic<std::uint32_t> const& stop) noexcept : stop_(stop) {}
    [[nodiscard]] instant now() const noexcept { return std::chrono::steady_clock::now(); }
    [[nodiscard]] bool stopped() const noexcept { return stop_.load(std::memory_order_relaxed) != 0; }    // a wish, and nothing hangs on it
    bool wait_until(wait_point& point, instant until) const {
        constexpr std::chrono::milliseconds look{5};    // nobody wakes the point of another process: it looks
        while (!point.block_until(std::min(until, later(now(), look))))
            if (stopped() || (until != never && now() >= until)) break;
        return point.woken();
    }

private:
    std::atomic<std::uint32_t> const& stop_;
};

/// One worker, for the life of its process.
class worker_main {
public:
    worker_main(worker_order const& order, std::vector<fd> files)
        : channel_(std::move(files.at(worker_files::channel))), bell_(std::move(files.at(worker_files::bell))), page_(channel_.page()),
          requests_(channel_.in_worker()), answers_(channel_.to_program()), order_(order), waiter_(page_.stop) {
        if (files.size() > worker_files::arena) arena_.reset(new arena(arena::attach(std::move(files[worker_files::arena]))));
    }

    [[noreturn]] void run() {
        prepare();
        for (;;) {
            auto const next = requests_.next();
            if (!next) {
                if (requests_.broken()) ::_exit(71);
                wait();
                continue;
            }
            switch (static_cast<message>(next->kind & 0xff)) {
                case message::program: take_program(next); break;
                case message::call: take_call(next); break;
                default: quit();
            }
        }
    }

private:
    struct known_program {
        std::uint32_t number = 0;
        remote_face const* face = nullptr;
        void* program = nullptr;
        std::string name{};
        bool timed = false;
        outcome<void> opened{};
        known_program() = default;
        known_program(known_program const&) = delete;
        known_program& operator=(known_program const&) = delete;
        ~known_program() { forget(); }
        void forget() noexcept {
            if (program) face->close(std::exchange(program, nullptr));
        }
    };

    void prepare() {
        notes_of_death::take(page_.words, answers_.positions().parked, bell_.get());
        stand_by();
        auto const ready = guarded<outcome<void>>([this]() -> outcome<void> {
            if (order_.warm_up_module != 0) {
                set(worker_phase::warm);
                auto const warm_up = code_place{order_.warm_up_module, order_.warm_up_offset}.function();
                if (!warm_up) return failure{cause::unavailable, "its warm_up function is not in this process: another build, or a library that it has not loaded"};
                warm_up();
            }
            if (auto bounded = apply(order_.bounds); !bounded) return bounded;
            if (order_.bounds.cpu_time.count() > 0) {
                struct sigevent ending {};
                ending.sigev_notify = SIGEV_SIGNAL;
                ending.sigev_signo = SIGXCPU;
                if (::timer_create(CLOCK_PROCESS_CPUTIME_ID, &ending, &clock_) != 0) return system_failure(errno, "cannot measure processor time");
                has_clock_ = true;
            }
            if (arena_ && order_.walls != sandbox{}) {    // what it reads for that may be out of reach afterwards
                if (auto owner = arena_->become_owner(); !owner) return std::move(owner).error();
            }
            if (order_.walls == sandbox{}) return {};
            auto entered = enter(order_.walls);
            if (!entered) return std::move(entered).error();
            std::string lacks;
            for (auto const& each : entered->missing) lacks.append(lacks.empty() ? "" : "; ").append(each);
            std::strncpy(page_.why, lacks.c_str(), sizeof page_.why - 1);
            return {};
        });
        if (!ready.has_value()) {
            auto const text = to_string(ready.error());
            std::strncpy(page_.why, text.c_str(), sizeof page_.why - 1);
            set(worker_phase::failed);
            std::fflush(stdout);
            ::_exit(72);
        }
        set(worker_phase::ready);
        if (page_.why[0] != '\0') ::eventfd_write(bell_.get(), 1);
        if (order_.program != ::getppid()) ::_exit(70);
    }

    /// Until it is needed. What the first call will touch is touched before: a page fault takes as long as a call.
    void stand_by() noexcept {
        requests_.touch();
        answers_.touch();
        while (page_.begin.load(std::memory_order_acquire) == 0) (void)futex_wait(page_.begin, 0, never, futex_reach::shared);    // pairs with the keeper
        if (auto const cpu = page_.cpu.load(std::memory_order_relaxed); cpu >= 0) {    // written before
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(static_cast<std::size_t>(cpu), &one);
            (void)::sched_setaffinity(0, sizeof one, &one);
        }
    }

    void set(worker_phase phase) noexcept { page_.phase.store(static_cast<std::uint32_t>(phase), std::memory_order_release); }    // pairs with who reads `why`

    void wait() {
        std::chrono::nanoseconds const most{page_.spin.load(std::memory_order_relaxed)};    // a number alone
        if (lookout_.look(most, [this] { return !requests_.is_empty(); })) return;
        auto& parked = requests_.positions().parked;
        parked.store(1, std::memory_order_seq_cst);
        while (requests_.is_empty() && parked.load(std::memory_order_seq_cst) == 1) (void)futex_wait(parked, 1, never, futex_reach::shared);
        parked.store(0, std::memory_order_relaxed);    // ours again: the look at the tail follows
    }

    // Records that belong together, in one piece: null as long as more is to come.
    std::span<std::byte const> whole(record_reader::view const& part) {
        std::span<std::byte const> const bytes{part->bytes(), part.size};
        if (part->more == 0 && gathered_.empty() && lost_.has_value()) return bytes;
        if (lost_.has_value())
            lost_ = guarded<outcome<void>>([&]() -> outcome<void> { return gathered_.insert(gathered_.end(), bytes.begin(), bytes.end()), outcome<void>{}; });
        if (!lost_.has_value()) gathered_ = {};    // there is no memory for it: the rest is let pass, and said at its end
        return gathered_;
    }
    void done_with(record_reader::view const& part) {
        requests_.pass(part);
        wake(requests_.release(), requests_.positions().starved);
    }

    void take_program(record_reader::view const& part) {
        auto const bytes = whole(part);
        if (part->more != 0) return done_with(part);
        auto& mine = programs_[part->program % known_programs];
        mine.forget();
        mine.number = part->program;
        mine.opened = !lost_.has_value() ? lost_ : guarded<outcome<void>>([&]() -> outcome<void> {
            wire_reader from{bytes.data(), bytes.size()};
            auto const entry = functions_by_place().get(from);
            auto const fingerprint = from.get<std::uint64_t>();
            mine.timed = from.get<bool>();
            mine.name = from.get<std::string>();
            mine.face = reinterpret_cast<remote_face const* (*)() noexcept>(entry)();
            if (mine.face->fingerprint != fingerprint) from.refuse("what travels is laid out differently in this process: another build");
            mine.program = mine.face->open(from, functions_by_place());
            return {};
        });
        gathered_.clear();
        lost_ = {};
        done_with(part);
    }

    void take_call(record_reader::view const& part) {
        if (part->more != 0) {
            (void)whole(part);
            return done_with(part);
        }
        auto& mine = programs_[part->program % known_programs];
        if (mine.timed) page_.started.store(std::chrono::steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);    // seen with the claim
        auto free = record::queued;
        if (!part->claim.compare_exchange_strong(free, record::claimed, std::memory_order_seq_cst)) {    // taken back
            gathered_.clear();
            lost_ = {};
            return done_with(part);
        }
        auto const bytes = whole(part);
        id_ = part->id;
        answer_room room{this, [](void* me) { return static_cast<worker_main*>(me)->first_room(); },
                         [](void* me, std::size_t size) { return static_cast<worker_main*>(me)->enough_room(size); }};
        big_.clear();
        bool good = false;
        if (!lost_.has_value()) {
            room.put(std::exchange(lost_, {}).error());
        } else if (mine.opened.has_value() && mine.program && mine.number == part->program) {
            context cx{waiter_ref{waiter_}};
            cx.item(static_cast<std::size_t>(id_));
            auto const deadline = part->until == no_time ? never : instant{instant::duration{part->until}};
            auto const until = cx.change_deadline(deadline);
            auto const named = cx.change_stage(mine.name);
            auto const attempt = cx.change_attempt(part->kind >> 8);
            wire_reader item{bytes.data(), bytes.size()};
            if (has_clock_) set_clock(order_.bounds.cpu_time);
            good = mine.face->call(mine.program, cx, item, room);
            if (has_clock_) set_clock({});
        } else {
            room.put(mine.opened.has_value() ? failure{cause::unavailable, "the worker was not told what to call"} : mine.opened.error());
        }
        if (mine.timed) took_ = std::chrono::steady_clock::now().time_since_epoch().count() - page_.started.load(std::memory_order_relaxed);    // our own
        answer(good, room.size);
        gathered_.clear();
        done_with(part);    // after the answer: who looks for the guilty finds the claim as long as there is none
    }

    void set_clock(std::chrono::nanoseconds left) noexcept {
        itimerspec when{};
        when.it_value.tv_sec = static_cast<std::time_t>(left.count() / 1'000'000'000);
        when.it_value.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
        ::timer_settime(clock_, 0, &when, nullptr);
    }

    std::span<std::byte> first_room() {
        big_.clear();
        auto const space = answers_.room();
        return space.any ? std::span{answers_.begin().bytes(), std::min<std::size_t>(space.bytes, most_at_once)} : std::span<std::byte>{};
    }
    std::span<std::byte> enough_room(std::size_t size) {
        if (size > order_.bounds.output)
            throw bad_outcome{failure{cause::exhausted, "the answer has " + std::to_string(size) + " bytes, more than the " +
                                                            std::to_string(order_.bounds.output) + " that limits::output allows"}};
        big_.resize(size);
        return big_;
    }

    void answer(bool good, std::size_t size) {
        auto const kind = good ? message::answer : message::refusal;
        if (big_.empty()) {
            wait_for_room(size);    // there is some, but for an answer without bytes, which did not ask
            return send(kind, size, false, nullptr);
        }
        for (std::size_t at = 0; at != big_.size();) {
            auto const part = std::min(big_.size() - at, most_at_once);
            wait_for_room(part);
            send(kind, part, at + part != big_.size(), big_.data() + at);
            at += part;
        }
    }
    void send(message kind, std::size_t size, bool more, std::byte const* bytes) {
        auto& made = answers_.begin();
        made.kind = static_cast<std::uint16_t>(kind);
        made.more = more;
        made.size = static_cast<std::uint32_t>(size);
        made.id = id_;
        made.until = took_;
        if (bytes) std::memcpy(made.bytes(), bytes, size);
        answers_.end(made);
        if (answers_.publish()) wake(answers_.unpark(), answers_.positions().parked);
    }
    void wake(std::uint32_t how, std::atomic<std::uint32_t> const& word) noexcept {
        if (how == 1) futex_wake(word, 1, futex_reach::shared);
        else if (how == 2) ::eventfd_write(bell_.get(), 1);
    }
    void wait_for_room(std::size_t bytes) {
        auto const there = [&] {
            auto const space = answers_.room(bytes);
            return space.any && space.bytes >= bytes;
        };
        auto& starved = answers_.positions().starved;
        while (!there()) {
            if (answers_.broken()) ::_exit(71);
            starved.store(1, std::memory_order_seq_cst);
            if (!there()) (void)futex_wait(starved, 1, never, futex_reach::shared);
            starved.store(0, std::memory_order_relaxed);    // ours again
        }
    }

    [[noreturn]] void quit() {
        for (auto& each : programs_) each.forget();
        std::fflush(nullptr);
        ::_exit(0);
    }

    static constexpr std::size_t known_programs = 4;

    channel channel_;
    std::unique_ptr<arena> arena_;    // found by its number where a handle names it
    fd bell_;
    channel_page& page_;
    record_reader requests_;
    record_writer answers_;
    worker_order order_;
    worker_waiter waiter_;
    lookout lookout_;
    known_program programs_[known_programs];
    std::vector<std::byte> gathered_, big_;
    outcome<void> lost_;    // why what came in parts is not there
    std::uint64_t id_ = 0;
    std::int64_t took_ = 0;
    timer_t clock_{};
    bool has_clock_ = false;
};

/// Makes a fresh clone of the fork server a worker. Never returns.
[[noreturn]] inline void become_worker(worker_order const& order, std::vector<fd> files) noexcept {
    in_worker() = true;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != order.program) ::_exit(70);    // it died before it was heard of
    if (files.size() <= worker_files::output) ::_exit(74);    // the server had no descriptors left for them
    ::setpgid(0, 0);
    ::prctl(PR_SET_NAME, "muster-worker");
    sigset_t none;    // handlers were put back by the server
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);

    if (int const nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC); nothing >= 0) {
        ::dup2(nothing, 0);
        ::close(nothing);
    }
    for (int const standard : {1, 2}) ::dup2(files[worker_files::output].get(), standard);
    files[worker_files::output].reset();
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    auto const threads = std::to_string(order.threads);
    ::setenv("MUSTER_MAX_WORKERS", threads.c_str(), 1);
    ::setenv("OMP_NUM_THREADS", threads.c_str(), 0);
    try {
        static worker_main* me = new worker_main(order, std::move(files));    // for good: _exit runs no destructors
        me->run();
    } catch (...) {
        ::_exit(73);    // no memory for its channel
    }
}

}  // namespace muster::detail
