// What reads bytes from other processes, under whatever bytes a fuzzer thinks of:
//
//     clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/wire.cpp -o wire_fuzz && ./wire_fuzz tests/fuzz/corpus/wire
//
// The first byte chooses a type. What is accepted is written again: it must be what was read, byte for byte, where a value has one way
// to be written, and in any case something that is accepted again and is then the same.
#include <cstdio>
#include <cstdlib>

#include <muster/core/wire.hpp>

namespace {

using namespace muster;
using std::string;
using std::vector;

enum class colour : std::uint8_t { red };
enum class answer : bool { no, yes };
struct point { float x, y; };
struct padded { char tag; std::int64_t number; };
struct nothing {};
struct node { int value; vector<node> children; };
struct chain_link { vector<chain_link> next; };
struct ticket {
    explicit ticket(int n) : number(n) {}
    int to_wire() const { return number; }
    static ticket from_wire(int n) { return ticket{n}; }
    int number;
};
struct booking {
    string const name;
    ticket seat;
    std::optional<ticket> extra;
};
struct fraction { int over, under; };

}  // namespace

template <>
struct muster::wire<fraction> {
    static void write(wire_writer& to, fraction const& value) { to.put(value.over), to.put(value.under); }
    static fraction read(wire_reader& from) {
        auto const over = from.get<int>();
        auto const under = from.get<int>();
        if (under == 0) from.refuse("a fraction over zero");
        return {over, under};
    }
};

namespace {

void require(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "wire: %s\n", what);
    std::abort();
}

enum class writes { one_way, several_ways };

template <class T, writes Ways = writes::one_way>
void check(std::span<std::byte const> bytes) {
    using held = std::tuple<T>;    // also what decodes to something else alone, as a failure
    auto const value = decoded<held>(bytes);
    if (!value) return require(value.error().code() == cause::invalid_input, "fails otherwise than by refusing");
    auto const again = encoded(*value);
    if (Ways == writes::one_way) require(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()), "was written otherwise");
    auto const twice = decoded<held>(again);
    require(twice.has_value(), "does not read what it wrote");
    if constexpr (std::equality_comparable<T> && Ways == writes::several_ways) require(*twice == *value, "came back as another value");
    else require(encoded(*twice) == again, "does not write what it read");
}

using check_type = void (*)(std::span<std::byte const>);
constexpr check_type checks[] = {
    check<int>, check<bool>, check<long double>, check<colour>, check<answer>, check<string>, check<std::u16string>, check<vector<int>>,
    check<vector<string>>, check<vector<bool>>, check<vector<answer>>, check<vector<point>>, check<vector<padded>>, check<vector<nothing>>,
    check<std::array<string, 3>>, check<std::tuple<std::pair<int, string>, std::tuple<>, char>>, check<std::optional<std::optional<bool>>>,
    check<std::variant<std::monostate, int, string, vector<int>>>, check<std::map<string, vector<char>>>,
    check<std::map<double, std::set<short>>>, check<std::deque<std::list<char>>>,
    check<std::chrono::nanoseconds>, check<node>, check<chain_link>, check<booking>, check<vector<fraction>>,
    check<outcome<int>, writes::several_ways>, check<outcome<vector<outcome<string>>>, writes::several_ways>,
    check<outcome<void>, writes::several_ways>, check<failure, writes::several_ways>,
    check<std::unordered_map<string, int>, writes::several_ways>, check<std::unordered_set<int>, writes::several_ways>,
    check<std::tuple<vector<node>, std::map<int, std::optional<booking>>, std::variant<node, vector<bool>>>>,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    checks[data[0] % std::size(checks)](std::as_bytes(std::span{data + 1, size - 1}));
    return 0;
}
