#include <muster/core/transportable_callable.hpp>

#include "catch.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace muster;

namespace {

int twice(int item) { return 2 * item; }
int minus(int item, int less) noexcept { return item - less; }

struct adder {    // a class with a wire<T>
    explicit adder(int n) : more(n) {}
    int operator()(int item) const { return item + more; }
    int more;
};
struct times {    // an aggregate
    int by;
    int operator()(int item) const { return item * by; }
};
struct halves {
    int operator()(int item) const { return item / 2; }
};
struct named {
    explicit named(std::string n) : name(std::move(n)) {}
    std::string operator()(int item) const { return name + std::to_string(item); }
    std::string to_wire() const { return name; }
    static named from_wire(std::string n) { return named{std::move(n)}; }
    std::string name;
};
struct holds_pointer {
    int* at;
    int operator()(int item) const { return item + *at; }
};
struct made_by_friends {
    int operator()(int item) const { return item; }
    made_by_friends() = delete;
};

auto const plain = [](int item) { return item + 1; };
[[maybe_unused]] auto const captures = [n = 1](int item) { return item + n; };
[[maybe_unused]] auto const refers = [&f = twice](int item) { return f(item); };

template <class F>
inline constexpr bool travels = transportable_callable<std::remove_cvref_t<F>>;

// Functions go by their number in a list.
void (*const known[])() = {reinterpret_cast<void (*)()>(&twice), reinterpret_cast<void (*)()>(&minus)};
void put_number(wire_writer& to, void (*function)()) {
    for (unsigned char i = 0; i < 2; ++i)
        if (known[i] == function) to.put(i);
}
void (*get_number(wire_reader& from))() {
    auto const number = from.get<unsigned char>();
    if (number >= 2) from.refuse("there is no such function");
    return known[number];
}

template <class F>
std::vector<std::byte> sent(F const& callable) {
    std::vector<std::byte> bytes(1'000);
    wire_writer to{bytes.data(), bytes.size()};
    put_callable(to, callable, put_number);
    bytes.resize(to.size());
    return bytes;
}
template <class F>
F arrived(F const& callable) {
    auto const bytes = sent(callable);
    wire_reader from{bytes};
    auto got = get_callable<F>(from, get_number);
    CHECK(from.left() == 0);
    return got;
}

}  // namespace

template <>
struct muster::wire<adder> {
    static void write(wire_writer& to, adder const& value) { to.put(value.more); }
    static adder read(wire_reader& from) { return adder{from.get<int>()}; }
};

static_assert(travels<decltype(plain)> && travels<halves> && travels<std::plus<>>);
static_assert(travels<int (*)(int)> && travels<decltype(&minus)>);
static_assert(travels<decltype(with{1, plain})> && travels<decltype(with{std::string{}, &minus})> && travels<decltype(with{&twice})>);
static_assert(travels<adder> && travels<named> && travels<times>);

static_assert(!travels<decltype(captures)> && !travels<decltype(refers)> && !travels<holds_pointer> && !travels<made_by_friends>);
static_assert(!travels<std::function<int(int)>> && !travels<std::reference_wrapper<int(int)>> && !travels<std::unique_ptr<int>>);
static_assert(!travels<int std::pair<int, int>::*> && !travels<std::string (named::*)(int) const> && !travels<int> && !travels<void*>);
static_assert(!travels<decltype(with{1, captures})> && !travels<decltype(with{1, std::function<int(int)>{}})>);
static_assert(!travels<decltype(with{"text", plain})> && !travels<decltype(with{std::string_view{}, plain})>);
static_assert(!travels<decltype(with{&twice, plain})>);    // a function as a value
static_assert(!travels<decltype(with{1, with{2, plain}})>);

TEST_CASE("transportable_callable: what holds nothing is written as nothing", "[core][wire]") {
    CHECK(sent(plain).empty());
    CHECK(arrived(plain)(1) == 2);
    CHECK(arrived(halves{})(8) == 4);
}

TEST_CASE("transportable_callable: an address goes through the caller's hooks", "[core][wire]") {
    CHECK(sent(&minus) == std::vector{std::byte{1}});
    CHECK(arrived(&twice)(4) == 8);
    CHECK(arrived(&minus) == &minus);
    std::byte const unknown[] = {std::byte{9}};
    wire_reader from{unknown};
    CHECK_THROWS_AS((get_callable<decltype(&twice)>(from, get_number)), bad_outcome);
}

TEST_CASE("transportable_callable: a null function is not written", "[core][wire]") {
    int (*null)(int) = nullptr;
    CHECK_THROWS_AS(sent(null), bad_outcome);
}

TEST_CASE("transportable_callable: values travel before their function, in their order", "[core][wire]") {
    auto const task = with{1, std::string{"b"}, [](int item, int n, std::string const& s) { return std::to_string(item + n) + s; }};
    CHECK(arrived(task)(2) == "3b");
    CHECK(sent(task).size() == sizeof(int) + 2);
    auto const less = with{3, &minus};
    CHECK(arrived(less)(5) == 2);
    CHECK(sent(less).back() == std::byte{1});
}

TEST_CASE("transportable_callable: a class that is a transportable value is written as one", "[core][wire]") {
    CHECK(arrived(adder{4})(1) == 5);
    CHECK(arrived(named{"n"})(1) == "n1");
    CHECK(arrived(times{3})(2) == 6);
}

TEST_CASE("transportable_callable: bytes that end too early are refused", "[core][wire]") {
    auto const task = with{std::string{"ab"}, 7, &minus};
    auto const whole = sent(task);
    for (std::size_t n = 0; n < whole.size(); ++n) {
        wire_reader from{whole.data(), n};
        CHECK_THROWS_AS((get_callable<std::remove_cvref_t<decltype(task)>>(from, get_number)), bad_outcome);
    }
}
