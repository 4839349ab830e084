#include <muster/core/wire.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <random>

using namespace muster;
using namespace std::chrono_literals;
using std::string;
using std::vector;

namespace {

// Types as programs have them

enum class colour : std::uint8_t { red, green = 200 };
enum sized : int { small_one = -5 };
enum loose { not_fixed };
enum class answer : bool { no, yes };
enum class old_style : short {};

struct point {
    float x = 0, y = 0;
    bool operator==(point const&) const = default;
};
struct padded {
    char tag;
    std::int64_t number;
    bool operator==(padded const&) const = default;
};
struct nothing {
    bool operator==(nothing const&) const = default;
};
struct node {
    int value = 0;
    vector<node> children;
    bool operator==(node const&) const = default;
};
struct chain_link {    // nests once for each byte
    vector<chain_link> next;
    bool operator==(chain_link const&) const = default;
};
struct ticket {    // without a default constructor, and const
    explicit ticket(int n) : number(n) {}
    int number;
    static ticket from_wire(int n) { return ticket{n}; }
    int to_wire() const { return number; }
    bool operator==(ticket const&) const = default;
};
struct booking {
    string const name;
    ticket seat;
    std::optional<ticket> extra;
    bool operator==(booking const&) const = default;
};
struct everything {
    int a;
    string b;
    std::map<string, vector<point>> c;
    std::optional<node> d;
    std::variant<std::monostate, int, string> e;
    std::tuple<int, bool, char> f;
    std::array<string, 2> g;
    vector<bool> h;
    std::chrono::milliseconds i;
    outcome<int> j;
    colour k;
    nothing l;
    bool operator==(everything const&) const = default;
};
struct thirty_two {
    char a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E;
    string F;
    bool operator==(thirty_two const&) const = default;
};
struct scale {    // an aggregate that is called
    int by;
    int operator()(int item) const { return item * by; }
    bool operator==(scale const&) const = default;
};

struct fraction {    // a class with an invariant
    fraction(int over, int under) : over_(over), under_(under) {}
    bool operator==(fraction const&) const = default;
    int over_, under_;
};
struct silent {    // writes nothing
    silent() = default;
    explicit silent(int) {}
    bool operator==(silent const&) const { return true; }
};
struct tree {    // recursive through its own wire<T>
    explicit tree(vector<tree> b) : branches(std::move(b)) {}
    vector<tree> branches;
    bool operator==(tree const&) const = default;
};
struct grows {    // recursive through to_wire
    explicit grows(vector<grows> b) : branches(std::move(b)) {}
    vector<grows> branches;
    vector<grows> const& to_wire() const { return branches; }
    static grows from_wire(vector<grows> b) { return grows{std::move(b)}; }
    bool operator==(grows const&) const = default;
};

// Types that must stay

struct with_pointer { int* at; };
struct with_reference { int& at; };
struct with_const_reference { int const& at; };
struct with_view { int n; std::string_view text; };
struct with_array { int n; int numbers[2]; };
struct with_array_of_one { int numbers[1]; };
struct with_base : point { int n; };
struct with_empty_base : nothing { int n; };
struct with_bits { int n; int bit : 3; };
struct with_anonymous_union { int n; union { int i; float f; }; };
union either { int i; float f; };
struct thirty_three { char a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G; };
class hidden {
public:
    int seen() const { return n; }

private:
    int n = 0;
};
struct by_name {
    bool ascending;
    bool operator()(int a, int b) const { return ascending ? a < b : b < a; }
};
struct backwards {
    bool operator()(int a, int b) const { return b < a; }
};
struct pair_like { int a, b; };
struct throws_when_made {
    throws_when_made() = default;
    throws_when_made(throws_when_made const&) { throw 1; }
    throws_when_made& operator=(throws_when_made const&) = default;
    int to_wire() const { return 1; }
    static throws_when_made from_wire(int) { return {}; }
};
struct immovable {
    immovable() = default;
    immovable(immovable&&) = delete;
    int to_wire() const { return 1; }
    static immovable from_wire(int) { return {}; }
};

}  // namespace

template <>
struct std::tuple_size<pair_like> : std::integral_constant<std::size_t, 1> {};

template <>
struct muster::wire<fraction> {
    static constexpr std::uint64_t fingerprint = 7;
    static void write(wire_writer& to, fraction const& value) {
        to.put(value.over_);
        to.put(value.under_);
    }
    static fraction read(wire_reader& from) {
        auto const over = from.get<int>();
        auto const under = from.get<int>();
        if (under == 0) from.refuse("a fraction over zero");
        return {over, under};
    }
};
template <>
struct muster::wire<silent> {
    static void write(wire_writer&, silent const&) {}
    static silent read(wire_reader&) { return {}; }
};
template <>
struct muster::wire<tree> {
    static void write(wire_writer& to, tree const& value) { to.put(value.branches); }
    static tree read(wire_reader& from) { return tree{from.get<vector<tree>>()}; }
};

// What travels

static_assert(transportable<int> && transportable<bool> && transportable<double> && transportable<long double> && transportable<wchar_t>);
static_assert(transportable<std::byte> && transportable<colour> && transportable<sized> && transportable<answer> && transportable<old_style>);
static_assert(transportable<string> && transportable<std::u16string> && transportable<vector<string>> && transportable<vector<bool>>);
static_assert(transportable<std::deque<int>> && transportable<std::list<string>> && transportable<std::array<string, 3>>);
static_assert(transportable<std::map<int, string>> && transportable<std::unordered_map<string, vector<int>>>);
static_assert(transportable<std::set<int, backwards>> && transportable<std::unordered_set<int>>);
static_assert(transportable<std::pair<int, string>> && transportable<std::tuple<>> && transportable<std::tuple<int, string>>);
static_assert(transportable<std::optional<int>> && transportable<std::variant<int, string>> && transportable<std::monostate>);
static_assert(transportable<std::chrono::nanoseconds> && transportable<std::chrono::system_clock::time_point>);
static_assert(transportable<failure> && transportable<outcome<int>> && transportable<outcome<void>> && transportable<outcome<string>>);
static_assert(transportable<point> && transportable<padded> && transportable<nothing> && transportable<node> && transportable<everything>);
static_assert(transportable<booking> && transportable<ticket> && transportable<thirty_two> && transportable<scale>);
static_assert(transportable<fraction> && transportable<silent> && transportable<tree> && transportable<grows>);

// What does not

static_assert(!transportable<void> && !transportable<int&> && !transportable<int const&> && !transportable<int&&>);
static_assert(!transportable<int*> && !transportable<char const*> && !transportable<void*> && !transportable<std::nullptr_t>);
static_assert(!transportable<int (*)(int)> && !transportable<int(int)> && !transportable<int point::*> && !transportable<int (point::*)()>);
static_assert(!transportable<std::string_view> && !transportable<std::span<int>> && !transportable<std::span<int, 3>>);
static_assert(!transportable<std::reference_wrapper<int>> && !transportable<std::unique_ptr<int>> && !transportable<std::shared_ptr<int>>);
static_assert(!transportable<std::function<void()>> && !transportable<std::mutex> && !transportable<std::error_code>);
static_assert(!transportable<std::initializer_list<int>> && !transportable<vector<int>::iterator> && !transportable<std::exception_ptr>);
static_assert(!transportable<loose> && !transportable<either> && !transportable<int[3]> && !transportable<int const>);
static_assert(!transportable<with_pointer> && !transportable<with_reference> && !transportable<with_const_reference>);
static_assert(!transportable<with_view> && !transportable<with_array> && !transportable<with_array_of_one>);
static_assert(!transportable<with_base> && !transportable<with_empty_base> && !transportable<with_bits>);
static_assert(!transportable<with_anonymous_union> && !transportable<thirty_three> && !transportable<hidden>);
static_assert(!transportable<pair_like>);    // binds by a protocol of its own
static_assert(!transportable<immovable>);
static_assert(!transportable<vector<int*>> && !transportable<std::optional<std::string_view>> && !transportable<std::tuple<int&>>);
static_assert(!transportable<std::variant<int, int*>> && !transportable<std::map<int, int*>> && !transportable<outcome<int*>>);
static_assert(!transportable<std::pmr::string> && !transportable<std::pmr::vector<int>>);    // whose memory is somebody's
static_assert(!transportable<std::map<int, int, by_name>> && !transportable<std::map<int, int, std::function<bool(int, int)>>>);
static_assert(!transportable<std::chrono::duration<int*>>);

namespace {

int global = 0;
[[maybe_unused]] auto const captures_nothing = [] {};
[[maybe_unused]] auto const captures_a_reference = [&at = global] { return at; };
[[maybe_unused]] auto const captures_a_value = [n = 1] { return n; };
template <class F>
struct holds { F f; };
static_assert(!transportable<decltype(captures_nothing)> && !transportable<std::remove_const_t<decltype(captures_nothing)>>);
static_assert(!transportable<std::remove_const_t<decltype(captures_a_reference)>>);
static_assert(!transportable<std::remove_const_t<decltype(captures_a_value)>>);
static_assert(!transportable<holds<std::remove_const_t<decltype(captures_nothing)>>>);

// Fingerprints

struct other_point { float x, y; };
struct points_apart { double x, y; };
static_assert(wire_fingerprint<point> == wire_fingerprint<other_point>);
static_assert(wire_fingerprint<point> != wire_fingerprint<points_apart>);
static_assert(wire_fingerprint<int> != wire_fingerprint<unsigned> && wire_fingerprint<int> != wire_fingerprint<float>);
static_assert(wire_fingerprint<int> != wire_fingerprint<std::int64_t> && wire_fingerprint<int> != wire_fingerprint<bool>);
static_assert(wire_fingerprint<std::array<int, 2>> != wire_fingerprint<std::array<int, 3>>);
static_assert(wire_fingerprint<std::tuple<int, char>> != wire_fingerprint<std::tuple<char, int>>);
static_assert(wire_fingerprint<std::tuple<std::tuple<int>, int>> != wire_fingerprint<std::tuple<std::tuple<int, int>>>);
static_assert(wire_fingerprint<std::chrono::seconds> != wire_fingerprint<std::chrono::milliseconds>);
static_assert(wire_fingerprint<node> != wire_fingerprint<chain_link> && wire_fingerprint<node> == wire_fingerprint<node>);
static_assert(wire_fingerprint<fraction> != wire_fingerprint<silent> && wire_fingerprint<silent> != wire_fingerprint<tree>);
static_assert(wire_fingerprint<vector<fraction>> != wire_fingerprint<vector<silent>>);
static_assert(wire_fingerprint<answer> != wire_fingerprint<colour> && wire_fingerprint<colour> != wire_fingerprint<old_style>);

// Helpers

template <class T>
outcome<T> back(T const& value) { return decoded<T>(encoded(value)); }

vector<std::byte> bytes(std::initializer_list<int> numbers) {
    vector<std::byte> made;
    for (int const n : numbers) made.push_back(static_cast<std::byte>(n));
    return made;
}

template <class T>
string refusal(vector<std::byte> const& from) {
    auto const result = decoded<T>(from);
    if (result) return "accepted";
    CHECK(result.error().code() == cause::invalid_input);
    CHECK(result.error().text().starts_with("muster: "));
    return result.error().text();
}

failure stamped_failure() {
    failure what{cause::exited, "exit code 3: no such file"};
    vector<std::size_t> const path{4, 7, 9};
    what.stamp("fetch", path, 3);
    what.exit_code(3).signal(9).retry_after(250ms);
    return what;
}

// Calls f with values of every kind.
template <class F>
void for_each_sample(F const& f) {
    f(int{-7});
    f(std::uint64_t{1} << 63);
    f('c');
    f(true);
    f(2.5);
    f(-1.5L);
    f(colour::green);
    f(small_one);
    f(answer::yes);
    f(std::byte{9});
    f(string{});
    f(string{"short"});
    f(string(300, 'x'));
    f(std::u16string{u"wide"});
    f(vector<int>{});
    f(vector<int>{1, 2, 3});
    f(vector<string>{"a", "", "ccc"});
    f(vector<bool>{true, false, true, true, false, false, false, false, true});
    f(vector<vector<double>>{{1, 2}, {}, {3}});
    f(vector<long double>{1, 2});
    f(vector<std::byte>(20, std::byte{3}));
    f(vector<answer>{answer::no, answer::yes});
    f(vector<point>{{1, 2}, {3, 4}});
    f(vector<padded>{{'a', 1}, {'b', -1}});
    f(vector<nothing>(3));
    f(vector<silent>(3));
    f(vector<std::monostate>(2));
    f(vector<ticket>{ticket{1}, ticket{2}});
    f(std::array<int, 3>{1, 2, 3});
    f(std::array<int, 0>{});
    f(std::array<string, 2>{"a", "b"});
    f(std::array<ticket, 2>{ticket{1}, ticket{2}});
    f(std::array<std::array<short, 2>, 2>{{{1, 2}, {3, 4}}});
    f(std::pair<int, string>{1, "one"});
    f(std::tuple<>{});
    f(std::tuple<int>{1});
    f(std::tuple<char, int, string>{'a', 2, "three"});
    f(std::tuple<std::tuple<int>, std::optional<std::tuple<>>>{std::tuple{1}, std::tuple{}});
    f(std::optional<int>{});
    f(std::optional<string>{"there"});
    f(std::optional<std::optional<int>>{std::optional<int>{}});
    f(std::variant<int, string, int>{std::in_place_index<2>, 4});
    f(std::variant<std::monostate, bool>{});
    f(std::map<int, string>{{1, "one"}, {-2, "two"}});
    f(std::map<string, std::map<string, int>>{{"a", {{"b", 1}}}, {"c", {}}});
    f(std::set<int, backwards>{1, 2, 3});
    f(std::unordered_map<string, int>{{"a", 1}, {"b", 2}});
    f(std::unordered_set<int>{1, 2, 3});
    f(std::deque<int>{1, 2});
    f(std::list<string>{"a", "b"});
    f(std::chrono::nanoseconds{-5});
    f(std::chrono::duration<double, std::ratio<1, 7>>{0.5});
    f(std::chrono::system_clock::time_point{std::chrono::system_clock::duration{77}});
    f(outcome<int>{3});
    f(outcome<int>{stamped_failure()});
    f(outcome<void>{});
    f(outcome<void>{failure{cause::timed_out, "late"}});
    f(outcome<vector<outcome<string>>>{vector<outcome<string>>{string{"a"}, failure{}}});
    f(std::tuple{stamped_failure()});
    f(std::tuple{failure{std::make_error_code(std::errc::no_space_on_device), "disk"}});
    f(point{1, 2});
    f(padded{'x', -1});
    f(nothing{});
    f(node{1, {{2, {}}, {3, {{4, {}}}}}});
    f(booking{"Ada", ticket{4}, ticket{5}});
    f(booking{"Bob", ticket{6}, std::nullopt});
    f(scale{3});
    f(thirty_two{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, "last"});
    f(fraction{1, 2});
    f(silent{});
    f(tree{{tree{{}}, tree{{tree{{}}}}}});
    f(grows{{grows{{}}, grows{{grows{{}}}}}});
    f(everything{1, "b", {{"c", {{1, 2}}}}, node{1, {}}, "e", {1, true, 'x'}, {"g", "G"}, {true, false}, 8ms, failure{cause::rejected, "j"},
                 colour::red, {}});
}

// Values at random, from small ones that are likely to meet a rule's edge.
class random_values {
public:
    explicit random_values(unsigned seed) : random_(seed) {}
    template <class T>
    T make() {
        if constexpr (std::is_same_v<T, bool>) return random_() % 2 == 0;
        else if constexpr (std::is_arithmetic_v<T>) return static_cast<T>(random_() % 3 == 0 ? random_() : random_() % 5);
        else if constexpr (std::is_same_v<T, string>) return string(size(), static_cast<char>('a' + random_() % 3));
        else if constexpr (requires { typename T::mapped_type; }) {
            T made;
            for (auto n = size(); n != 0; --n) made.emplace(make<typename T::key_type>(), make<typename T::mapped_type>());
            return made;
        } else if constexpr (requires { typename T::key_type; }) {
            T made;
            for (auto n = size(); n != 0; --n) made.insert(make<typename T::key_type>());
            return made;
        } else if constexpr (requires(T made) { made.push_back(make<typename T::value_type>()); }) {
            T made;
            for (auto n = size(); n != 0; --n) made.push_back(make<typename T::value_type>());
            return made;
        } else if constexpr (requires(T made) { made.reset(); }) {
            if (random_() % 2 == 0) return T{};
            return make<typename T::value_type>();
        } else if constexpr (std::is_same_v<T, std::variant<int, string, std::monostate>>) {
            switch (random_() % 3) {
                case 0: return make<int>();
                case 1: return make<string>();
                default: return std::monostate{};
            }
        } else if constexpr (std::is_same_v<T, point>) {
            return {make<float>(), make<float>()};
        } else if constexpr (std::is_same_v<T, node>) {
            node made{make<int>(), {}};
            if (++depth_ < 5)
                for (auto n = random_() % 3; n != 0; --n) made.children.push_back(make<node>());
            --depth_;
            return made;
        } else if constexpr (std::is_same_v<T, outcome<string>>) {
            if (random_() % 2 == 0) return make<string>();
            failure what{static_cast<cause>(1 + random_() % 12), make<string>()};
            if (random_() % 2 == 0) what.stamp(make<string>(), vector<std::size_t>(random_() % 3, random_() % 9), make<unsigned>());
            return what;
        } else {
            return []<class... Parts>(random_values& from, std::tuple<Parts...>*) {
                return T{from.make<Parts>()...};
            }(*this, static_cast<T*>(nullptr));
        }
    }

private:
    std::size_t size() { return random_() % 50 == 0 ? 250 + random_() % 10 : random_() % 4; }
    std::mt19937 random_;
    unsigned depth_ = 0;
};

}  // namespace

TEST_CASE("wire: what was written is read again", "[core][wire]") {
    for_each_sample([](auto const& value) {
        using type = std::remove_cvref_t<decltype(value)>;
        auto const sent = encoded(value);
        CHECK(!sent.empty());
        auto const result = decoded<type>(sent);
        using result_type = std::remove_cvref_t<decltype(result)>;
        if constexpr (std::is_same_v<result_type, type>) {
            CHECK(result == value);
        } else {
            REQUIRE((result ? "" : result.error().text()) == "");
            CHECK(bool(*result == value));
        }
    });
}

TEST_CASE("wire: values at random are read again, and are written as they were", "[core][wire][soak]") {
    auto const rounds = std::getenv("MUSTER_SOAK") ? 100'000U : 300U;
    auto const check = [](auto value) {
        auto const sent = encoded(value);
        auto const result = decoded<decltype(value)>(sent);
        if (!result || *result != value || (encoded(*result) != sent)) FAIL("a value came back otherwise");
    };
    for (unsigned seed = 0; seed < rounds; ++seed) {
        random_values random{seed};
        check(random.make<std::tuple<int, string, vector<bool>, std::optional<vector<string>>>>());
        check(random.make<std::map<string, std::variant<int, string, std::monostate>>>());
        check(random.make<vector<std::tuple<std::set<short>, std::deque<bool>, std::list<point>>>>());
        check(random.make<vector<node>>());
        check(random.make<vector<outcome<string>>>());
    }
    SUCCEED();
}

TEST_CASE("wire: bytes that end too early are refused, wherever they end", "[core][wire]") {
    for_each_sample([](auto const& value) {
        using type = std::remove_cvref_t<decltype(value)>;
        auto const sent = encoded(value);
        for (std::size_t n = 0; n < sent.size(); ++n) {
            vector<std::byte> const cut(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(n));    // so that a sanitizer sees the end
            auto const result = decoded<type>(cut);
            if (result || result.error().code() != cause::invalid_input) FAIL("read " << n << " of " << sent.size() << " bytes");
        }
    });
    SUCCEED();
}

TEST_CASE("wire: bytes that were changed are refused, or are another value", "[core][wire]") {
    for_each_sample([](auto const& value) {
        using type = std::remove_cvref_t<decltype(value)>;
        auto sent = encoded(value);
        for (auto& byte : sent) {
            auto const was = byte;
            for (int const flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
                byte = was ^ static_cast<std::byte>(flip);
                auto const result = decoded<type>(sent);
                if (!result && result.error().code() == cause::out_of_memory) FAIL("made more than was sent");
            }
            byte = was;
        }
    });
    SUCCEED();
}

TEST_CASE("wire: bytes behind the value are refused", "[core][wire]") {
    auto sent = encoded(5);
    sent.push_back(std::byte{0});
    CHECK(refusal<int>(sent) == "muster: these bytes are not what was expected: 1 bytes are left over, at byte 4 of 5");
}

TEST_CASE("wire: a refusal says what is wrong, and where", "[core][wire]") {
    CHECK(refusal<std::pair<char, bool>>(bytes({65, 2})) ==
          "muster: these bytes are not what was expected: a flag is neither 0 nor 1, at byte 2 of 2");
    CHECK(refusal<int>(bytes({1, 2, 3})) == "muster: these bytes are not what was expected: it ends too early, at byte 0 of 3");
}

TEST_CASE("wire: a flag is 0 or 1", "[core][wire]") {
    CHECK(decoded<bool>(bytes({1})) == true);
    CHECK(refusal<bool>(bytes({2})) != "accepted");
    CHECK(refusal<bool>(bytes({255})) != "accepted");
    CHECK(refusal<answer>(bytes({2})) != "accepted");
    CHECK(refusal<vector<answer>>(bytes({1, 2})) != "accepted");
    CHECK(refusal<std::optional<int>>(bytes({3, 0, 0, 0, 0})) != "accepted");
    CHECK(refusal<outcome<void>>(bytes({2})) != "accepted");
    CHECK(refusal<vector<bool>>(bytes({2, 4})) != "accepted");    // a third bit of two
}

TEST_CASE("wire: a count that the bytes cannot hold is refused before anything is made", "[core][wire]") {
    auto const huge = bytes({255, 255, 255, 255, 255, 255, 255, 255, 127, 1, 2, 3});
    CHECK(refusal<string>(huge).find("a count of 9223372036854775807 is more than the bytes left can hold") != string::npos);
    CHECK(refusal<vector<int>>(huge) != "accepted");
    CHECK(refusal<vector<string>>(huge) != "accepted");
    CHECK(refusal<vector<bool>>(huge) != "accepted");
    CHECK(refusal<vector<nothing>>(huge) != "accepted");
    CHECK(refusal<vector<silent>>(huge) != "accepted");
    CHECK(refusal<vector<std::array<int, 0>>>(huge) != "accepted");
    CHECK(refusal<vector<std::tuple<>>>(huge) != "accepted");
    CHECK(refusal<std::deque<int>>(huge) != "accepted");
    CHECK(refusal<std::list<std::monostate>>(huge) != "accepted");
    CHECK(refusal<std::map<int, int>>(huge) != "accepted");
    CHECK(refusal<std::unordered_set<int>>(huge) != "accepted");
    auto const all_ones = bytes({255, 255, 255, 255, 255, 255, 255, 255, 255});
    CHECK(refusal<vector<bool>>(all_ones) != "accepted");
    CHECK(refusal<vector<int>>(all_ones) != "accepted");
}

TEST_CASE("wire: a count has one way to be written", "[core][wire]") {
    CHECK(refusal<string>(bytes({255, 1, 0, 0, 0, 0, 0, 0, 0, 65})) != "accepted");
    for (std::size_t const n : {254U, 255U, 256U, 1'000U}) CHECK(back(string(n, 'x')) == string(n, 'x'));
}

TEST_CASE("wire: what is read never reserves much more than was sent", "[core][wire]") {
    // 60 bytes claim 50 elements of 8,000 bytes each; the first is refused already.
    using large = std::optional<std::array<double, 1'000>>;
    vector<std::byte> claims(60, std::byte{7});
    claims[0] = std::byte{50};
    CHECK(refusal<vector<large>>(claims) != "accepted");
    // Elements that are there are read, however large they become.
    CHECK(back(vector<large>(20)) == vector<large>(20));
}

TEST_CASE("wire: keys that are there twice are refused", "[core][wire]") {
    CHECK(decoded<std::set<char>>(bytes({2, 1, 2})) == std::set<char>{1, 2});
    CHECK(refusal<std::set<char>>(bytes({2, 1, 1})) != "accepted");
    CHECK(refusal<std::map<char, char>>(bytes({2, 1, 5, 1, 6})) != "accepted");
    CHECK(refusal<std::unordered_set<char>>(bytes({2, 1, 1})) != "accepted");
    CHECK(refusal<std::unordered_map<char, char>>(bytes({2, 1, 5, 1, 6})) != "accepted");
}

TEST_CASE("wire: keys of ordered containers come in order, as they are written", "[core][wire]") {
    CHECK(refusal<std::set<char>>(bytes({2, 2, 1})) != "accepted");
    CHECK(decoded<std::set<char, backwards>>(bytes({2, 2, 1})) == std::set<char, backwards>{1, 2});
    auto const nan = std::nan("");
    CHECK(refusal<std::set<double>>(encoded(vector<double>{1, nan, 2})) != "accepted");    // has no order at all
}

TEST_CASE("wire: a variant has the alternative that is read", "[core][wire]") {
    CHECK(refusal<std::variant<char, bool>>(bytes({2, 0})) != "accepted");
    CHECK(refusal<std::variant<char, bool>>(bytes({1, 2})) != "accepted");
    CHECK(back(std::variant<int, int>{std::in_place_index<1>, 4}).value().index() == 1);
}

TEST_CASE("wire: a variant that lost its value is not written", "[core][wire]") {
    std::variant<int, throws_when_made> lost;
    throws_when_made const source;
    try {
        lost.emplace<1>(source);
    } catch (int) {
    }
    REQUIRE(lost.valueless_by_exception());
    CHECK_THROWS_AS(encoded(lost), bad_outcome);
}

TEST_CASE("wire: nesting ends at 256 levels, for whoever writes and whoever reads", "[core][wire]") {
    auto const nested = [](unsigned levels) {
        chain_link link;
        for (unsigned n = 1; n < levels; ++n) {
            chain_link outer;
            outer.next.push_back(std::move(link));
            link = std::move(outer);
        }
        return link;
    };
    CHECK(back(nested(256)).value() == nested(256));
    CHECK_THROWS_AS(encoded(nested(257)), bad_outcome);

    vector<std::byte> deep(100'000, std::byte{1});    // each is a vector of one
    deep.push_back(std::byte{0});
    CHECK(refusal<chain_link>(deep).find("deeper than 256 levels") != string::npos);
    CHECK(refusal<tree>(deep).find("deeper than 256 levels") != string::npos);
    CHECK(refusal<grows>(deep).find("deeper than 256 levels") != string::npos);
    CHECK(back(vector<chain_link>(1'000)).value().size() == 1'000);    // wide is not deep
}

TEST_CASE("wire: a writer never writes beyond its room, and goes on counting", "[core][wire]") {
    std::array<std::byte, 8> room{};
    room.fill(std::byte{0xee});
    wire_writer to{room.data(), 5};
    to.put(std::uint32_t{1});
    CHECK(to.fits());
    CHECK(to.size() == 4);
    to.put(std::uint32_t{2});
    CHECK(!to.fits());
    CHECK(to.size() == 8);
    to.put(std::uint8_t{3});    // would fit, but what came before does not
    CHECK(to.size() == 9);
    for (std::size_t i = 4; i < 8; ++i) CHECK(room[i] == std::byte{0xee});

    wire_writer counts{nullptr, 0};
    counts.put(string(1'000, 'x'));
    CHECK(counts.size() == 1'009);
    CHECK(!counts.fits());
    CHECK(wire_writer{nullptr, 0}.fits());
}

TEST_CASE("wire: every size of room is safe for every value", "[core][wire]") {
    for_each_sample([](auto const& value) {
        auto const whole = encoded(value);
        for (std::size_t n = 0; n <= whole.size(); n += 1 + n / 16) {
            vector<std::byte> room(n);
            wire_writer to{room.data(), n};
            to.put(value);
            if (to.size() != whole.size() || to.fits() != (n == whole.size())) FAIL("room of " << n);
        }
    });
    SUCCEED();
}

TEST_CASE("wire: a reader gives raw bytes and says how many are left", "[core][wire]") {
    auto const sent = bytes({1, 2, 3, 4});
    wire_reader from{std::span<std::byte const>{sent}};
    char two[2];
    from.get(two, 2);
    CHECK(two[1] == 2);
    CHECK(from.left() == 2);
    CHECK_THROWS_AS(from.get(two, 3), bad_outcome);
    CHECK(from.left() == 2);
    CHECK(from.get<char>() == 3);
    wire_reader none{nullptr, 0};
    none.get(nullptr, 0);
    CHECK(none.left() == 0);
}

TEST_CASE("wire: the padding of a value is not written", "[core][wire]") {
    CHECK(encoded(padded{'a', 1}).size() == 9);
    CHECK(encoded(1.5L).size() <= sizeof(long double));
    if (std::numeric_limits<long double>::digits == 64) CHECK(encoded(1.5L).size() == 10);
    CHECK(encoded(point{1, 2}).size() == 8);
}

TEST_CASE("wire: a type's own reader refuses with a place, and may throw", "[core][wire]") {
    CHECK(refusal<fraction>(encoded(std::pair{1, 0})).find("a fraction over zero, at byte 8 of 8") != string::npos);
}

TEST_CASE("wire: members are read in the order in which they were written", "[core][wire]") {
    struct ordered { char a, b; string c; char d; };
    auto const result = decoded<ordered>(bytes({1, 2, 1, 65, 3}));
    REQUIRE(result);
    CHECK(result->a == 1);
    CHECK(result->b == 2);
    CHECK(result->c == "A");
    CHECK(result->d == 3);
}

TEST_CASE("wire: an outcome decodes to itself", "[core][wire]") {
    outcome<int> const three = decoded<outcome<int>>(encoded(outcome<int>{3}));
    CHECK(three == 3);
    outcome<int> const late = decoded<outcome<int>>(encoded(outcome<int>{failure{cause::timed_out, "late"}}));
    CHECK(late.error() == failure{cause::timed_out, "late"});
    outcome<void> const done = decoded<outcome<void>>(encoded(outcome<void>{}));
    CHECK(done.has_value());
}

TEST_CASE("wire: a failure comes back with all that it says", "[core][wire]") {
    auto sent = stamped_failure();
    auto const got = std::get<0>(back(std::tuple{sent}).value());
    CHECK(got == sent);
    CHECK(got.stage() == "fetch");
    CHECK(got.path() == vector<std::size_t>{4, 7, 9});
    CHECK(got.index() == 4);
    CHECK(got.attempts() == 3);
    CHECK(got.retry_after() == 250ms);
    CHECK(got.exit_code() == 3);
    CHECK(got.signal() == 9);
    CHECK(to_string(got) == to_string(sent));
}

TEST_CASE("wire: a failure keeps the item that it is of", "[core][wire]") {
    vector<std::size_t> const path{4, 7, 9};
    for (std::size_t depth = 1; depth <= 3; ++depth) {
        auto sent = stamped_failure();
        sent.leave({path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth)});
        CHECK(std::get<0>(back(std::tuple{sent}).value()).index() == path[depth - 1]);
        CHECK(std::get<0>(back(std::tuple{sent}).value()).path().size() == 3);
    }
    failure left{cause::threw, "no stamp"};
    left.leave(path);
    auto got = std::get<0>(back(std::tuple{left}).value());
    CHECK(got.index() == 9);
    CHECK(got.path().size() == 3);
}

TEST_CASE("wire: a failure that nobody stamped is stamped where it arrives, and one that was is not", "[core][wire]") {
    vector<std::size_t> const path{5};
    auto fresh = std::get<0>(back(std::tuple{failure{cause::threw, "x"}}).value());
    fresh.stamp("here", path, 2);
    CHECK(fresh.stage() == "here");
    CHECK(fresh.attempts() == 2);
    CHECK(fresh.index() == 5);

    failure never_ran{cause::cancelled, "did not run"};
    never_ran.stamp("", path, 0);
    auto got = std::get<0>(back(std::tuple{never_ran}).value());
    got.stamp("here", path, 2);
    CHECK(got.attempts() == 0);
    CHECK(std::get<0>(back(std::tuple{failure{}}).value()) == failure{});
}

TEST_CASE("wire: a code of another category arrives as the cause that it amounts to", "[core][wire]") {
    struct category final : std::error_category {
        char const* name() const noexcept override { return "jwt"; }
        string message(int) const override { return "expired"; }
        std::error_condition default_error_condition(int value) const noexcept override {
            return value == 1 ? make_error_code(cause::invalid_input).default_error_condition() : std::error_condition{value, *this};
        }
    };
    static category const ours;
    auto const known = std::get<0>(back(std::tuple{failure{{1, ours}, "token 7"}}).value());
    CHECK(known.code() == cause::invalid_input);
    CHECK(known.text() == "jwt: expired: token 7");
    CHECK(std::get<0>(back(std::tuple{failure{{2, ours}, ""}}).value()).code() == cause::threw);
    CHECK(std::get<0>(back(std::tuple{failure{{258, cause_category()}, ""}}).value()).code() == cause::threw);

    auto const full = std::get<0>(back(std::tuple{failure{std::make_error_code(std::errc::no_space_on_device), "disk"}}).value());
    CHECK(full.code() == std::errc::no_space_on_device);
    auto const system = std::get<0>(back(std::tuple{failure{{2, std::system_category()}, "path"}}).value());
    CHECK(system.code() == std::error_code{2, std::system_category()});
}

TEST_CASE("wire: a failure with a cause that does not exist is refused", "[core][wire]") {
    auto sent = encoded(std::tuple{failure{cause::threw, ""}});
    for (int const number : {0, static_cast<int>(cause::forbidden) + 1, 255}) {
        sent[1] = static_cast<std::byte>(number);
        CHECK(refusal<std::tuple<failure>>(sent).find("there is no cause") != string::npos);
    }
    sent[1] = std::byte{1};
    sent[0] = std::byte{4};
    CHECK(refusal<std::tuple<failure>>(sent).find("unknown category") != string::npos);
}

TEST_CASE("wire: nested failures and what a failure throws stay behind", "[core][wire]") {
    auto sent = failure{cause::threw, "x"}.exception(std::make_exception_ptr(1));
    CHECK(std::get<0>(back(std::tuple{sent}).value()).exception() == nullptr);
}
