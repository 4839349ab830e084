#include <muster/cache/file_cache.hpp>

#include "catch.hpp"
#include "forked.hpp"
#include "killed_child.hpp"
#include "temporary_folder.hpp"
#include "told.hpp"

#include <array>       // children
#include <atomic>      // what they tell
#include <charconv>    // from_chars
#include <csignal>     // kill
#include <cstdlib>     // getenv
#include <random>      // whom, and when
#include <set>         // files with two names
#include <string>      // values

#include <sys/prctl.h>       // PR_SET_PDEATHSIG
#include <sys/resource.h>    // setrlimit
#include <sys/stat.h>        // lstat
#include <sys/wait.h>        // waitpid

#include <muster/os/shared_memory.hpp>    // shared_memory

// Processes that put, get, erase and compute in one folder, and are killed at any instruction: who looks finds nothing that was not
// stored as a whole under that key, and always an end; and the folder keeps its bound, whatever the dead have left in it.

using namespace muster;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t keys = 300, children = 6;
constexpr std::size_t most_text = 1'500;
constexpr std::uint64_t bound = 120'000, largest = most_text + 150;    // of a file
constexpr std::uint64_t block = 4'096;

struct notes : complaints {
    std::array<std::atomic<std::uint64_t>, children> turns;
    std::atomic<std::uint64_t> hits{0}, stored{0}, computed{0}, evicted{0};
};

std::string text_of(std::uint32_t key, std::uint64_t version) {
    auto text = std::to_string(key) + ' ' + std::to_string(version) + ' ';
    text += std::string((key * 37 + version * 101) % most_text, static_cast<char>('a' + version % 26));
    return text + ' ' + std::to_string(sum_of(text));
}
bool is_of(std::uint32_t key, std::string const& text) {
    auto const begin = std::to_string(key) + ' ';
    if (!text.starts_with(begin)) return false;
    std::uint64_t version = 0;
    (void)std::from_chars(text.data() + begin.size(), text.data() + text.size(), version);
    return text == text_of(key, version);
}

/// What is in the folder, counted by the test itself: by files, not by names, of which one may have two while it is looked at.
struct on_disk {
    std::uint64_t bytes = 0, blocks = 0;    // blocks in bytes, folders too
    std::size_t entries = 0, unfinished = 0;
};
on_disk measure(std::string const& folder) {
    on_disk all;
    std::set<ino_t> seen;
    for (auto const& each : std::filesystem::recursive_directory_iterator{folder}) {
        struct stat about {};
        if (::lstat(each.path().c_str(), &about) != 0 || !seen.insert(about.st_ino).second) continue;
        all.blocks += static_cast<std::uint64_t>(about.st_blocks) * 512;
        if (!S_ISREG(about.st_mode) || each.path().filename() == "shared") continue;
        all.bytes += static_cast<std::uint64_t>(about.st_size);
        ++(each.path().extension() == ".entry" ? all.entries : all.unfinished);
    }
    return all;
}

file_cache_options small() { return {.bytes = bound}; }

void look(file_cache& all, notes& told, std::uint32_t key) {
    auto const found = all.get(std::to_string(key));
    if (!found) return;
    ++told.hits;
    if (!is_of(key, *found)) told.complain("key " + std::to_string(key) + ": torn or foreign: " + found->substr(0, 100));
}
void turn(file_cache& all, notes& told, std::mt19937& chance) {
    auto const key = static_cast<std::uint32_t>(chance() % keys);
    auto const name = std::to_string(key);
    auto const made = text_of(key, chance() % 1'000);
    switch (chance() % 8) {
        case 0: (void)all.erase(name); break;
        case 1:
        case 2: {
            context cx;
            auto const got = all.get_or_compute(name, cx, [&](context&) -> outcome<std::string> { return ++told.computed, made; });
            if (!got || !is_of(key, *got)) told.complain("key " + name + ": computed, and got something else");
            break;
        }
        case 3:
        case 4: look(all, told, key); break;
        default:
            if (auto const out = all.put(name, made); !out) told.complain("put: " + out.error().text());
            else ++told.stored;
    }
}

[[noreturn]] void live(std::string const& folder, notes& told, std::uint32_t who, unsigned seed) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);    // with the test, however that ends
    std::mt19937 chance{seed};
    try {
        file_cache all{folder, small()};
        for (std::uint64_t evicted = 0;; ++told.turns[who]) {
            turn(all, told, chance);
            auto const now = all.stats();
            told.evicted += now.evicted - evicted;
            evicted = now.evicted;
            if (now.damaged != 0) told.complain("a damaged entry");
        }
    } catch (std::exception const& thrown) {
        told.complain(std::string{"thrown: "} + thrown.what());
    }
    ::_exit(1);
}

/// Some that live at the same time, and can all be made to stand still.
class crowd {
public:
    crowd(std::string const& folder, notes& told, std::mt19937& chance) : folder_(folder), told_(told), chance_(chance) {
        for (std::uint32_t who = 0; who < children; ++who) start(who);
    }
    crowd(crowd const&) = delete;
    ~crowd() {
        for (auto const each : living_) end(each);
    }

    void replace(std::uint32_t who) {
        end(living_[who]);
        start(who);
    }
    on_disk measured() {
        for (auto const each : living_) ::kill(each, SIGSTOP);
        for (auto const each : living_) ::waitpid(each, nullptr, WUNTRACED);
        auto const all = measure(folder_);
        for (auto const each : living_) ::kill(each, SIGCONT);
        return all;
    }
    /// A new turn from each; how many had none within a minute.
    int hung() {
        std::array<std::uint64_t, children> before;
        for (std::size_t i = 0; i < children; ++i) before[i] = told_.turns[i];
        auto const since = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < children; ++i)
            while (told_.turns[i] == before[i] && told_.wrong == 0) {
                ::usleep(100);
                if (std::chrono::steady_clock::now() - since > 60s) return 1;
            }
        return 0;
    }

private:
    void start(std::uint32_t who) {
        auto const number = chance_();
        living_[who] = ::fork();
        if (living_[who] == 0) live(folder_, told_, who, static_cast<unsigned>(number));
    }
    static void end(pid_t each) {
        ::kill(each, SIGKILL);
        ::waitpid(each, nullptr, 0);
    }

    std::string folder_;
    notes& told_;
    std::mt19937& chance_;
    std::array<pid_t, children> living_{};
};

struct fixture {
    temporary_folder const in;
    std::string const folder = in / "cache";
    unsigned const seed = [] {
        auto const* const said = std::getenv("MUSTER_TEST_SEED");
        return said ? static_cast<unsigned>(std::strtoul(said, nullptr, 10)) : std::random_device{}();
    }();
    std::mt19937 chance{seed};
    shared_memory const memory{sizeof(notes)};
    notes& told = *reinterpret_cast<notes*>(memory.data());
};

}  // namespace

TEST_CASE("file_cache: whoever is killed at any moment, it never lies, nobody waits, and the bound holds", "[cache][file_cache][forks][kills][soak]") {
    auto const kills = soak() ? 2'000 : 200;
    constexpr int between = 10;    // kills between two looks
    fixture at;
    INFO("MUSTER_TEST_SEED=" << at.seed);
    std::uint64_t most = 0, most_blocks = 0;
    std::size_t most_unfinished = 0;
    int hung = 0;
    {
        file_cache here{at.folder, small()};
        crowd all{at.folder, at.told, at.chance};
        for (int killed = 0; killed < kills && at.told.wrong == 0 && hung == 0;) {
            auto const part = static_cast<double>(at.chance() % 1'000) / 1'000;
            ::usleep(static_cast<useconds_t>(part * part * 3'000));
            all.replace(static_cast<std::uint32_t>(at.chance() % children));
            for (int i = 0; i < 5; ++i) look(here, at.told, static_cast<std::uint32_t>(at.chance() % keys));
            if (++killed % between != 0) continue;
            auto const now = all.measured();
            most = std::max(most, now.bytes);
            most_blocks = std::max(most_blocks, now.blocks);
            CHECK(now.blocks <= now.bytes + block * (now.entries + now.unfinished + 1) + block * 257);    // what is shared, and the folders
            most_unfinished = std::max(most_unfinished, now.unfinished);
            if (killed % 100 == 0) hung = all.hung();
        }
        CHECK(here.stats().damaged == 0);
    }
    CHECK(hung == 0);
    CHECK(at.told.wrong == 0);
    CHECK(std::string{at.told.what.data()} == "");
    CHECK(most > bound / 2);
    CHECK(most <= bound + (children + between) * largest);    // one entry for each that was putting, or had been when it was killed
    CHECK(at.told.hits > 100);
    CHECK(at.told.evicted > 100);
    if (soak())
        WARN(kills << " kills, " << at.told.stored << " puts, " << at.told.computed << " computed, " << at.told.hits << " hits, " << at.told.evicted
                   << " evicted; at the most " << most << " bytes for a bound of " << bound << ", " << most_blocks << " in blocks, "
                   << most_unfinished << " unfinished files");

    // The next one that needs room takes what they left.
    file_cache next{at.folder, small()};
    std::string const whole(1'000, 'x');
    for (int i = 0; i < 200; ++i) {
        REQUIRE(next.put("after " + std::to_string(i), whole));
        REQUIRE(next.get("after " + std::to_string(i)) == whole);
    }
    auto const left = measure(at.folder);
    CHECK(left.unfinished == 0);
    CHECK(left.bytes <= bound);
    CHECK(left.bytes == next.usage().bytes);
    CHECK(left.entries == next.usage().entries);
}

TEST_CASE("file_cache: many processes that write at once exceed the bound by an entry each at the most", "[cache][file_cache][forks][soak]") {
    fixture at;
    INFO("MUSTER_TEST_SEED=" << at.seed);
    std::uint64_t most = 0;
    {
        crowd all{at.folder, at.told, at.chance};
        while (at.told.evicted < 100 && at.told.wrong == 0) ::usleep(100);
        for (int i = 0; i < (soak() ? 1'000 : 20); ++i) {
            ::usleep(static_cast<useconds_t>(at.chance() % 3'000));
            most = std::max(most, all.measured().bytes);
        }
    }
    CHECK(at.told.wrong == 0);
    CHECK(std::string{at.told.what.data()} == "");
    CHECK(most > bound / 2);
    CHECK(most <= bound + children * largest);
    if (soak()) WARN("at the most " << most << " bytes for a bound of " << bound);
}

TEST_CASE("file_cache: what writers leave that die in the middle counts, and goes when it is full", "[cache][file_cache][forks]") {
    temporary_folder const in;
    auto const folder = in / "cache";
    constexpr std::uint64_t bytes = 200'000;
    std::string const huge(50'000, 'x');
    std::size_t most = 0;
    for (int i = 0; i < 40; ++i) {
        auto const end = in_child([&] {
            rlimit const no_core{0, 0}, part{10'000, 10'000};
            ::setrlimit(RLIMIT_CORE, &no_core);
            ::signal(SIGXFSZ, SIG_DFL);
            file_cache mine{folder, {.bytes = bytes}};
            ::setrlimit(RLIMIT_FSIZE, &part);    // the kernel ends it in the middle of the file
            return mine.put(std::to_string(i), huge) ? 1 : 2;
        });
        REQUIRE(end == dies_of(SIGXFSZ));
        auto const left = measure(folder);
        REQUIRE(left.bytes <= bytes);
        most = std::max(most, left.unfinished);
    }
    CHECK(most <= bytes / huge.size());    // each is counted with what it was going to be

    file_cache next{folder, {.bytes = bytes}};
    for (int i = 0; i < 5; ++i) CHECK(next.put(std::to_string(i), huge));
    CHECK(measure(folder).unfinished == 0);
    CHECK(next.usage().bytes <= bytes);
    CHECK(next.get("4") == huge);
}
