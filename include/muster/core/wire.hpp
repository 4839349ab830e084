#pragma once

// How values become bytes and come back, for work that another process or machine does. Above 400 lines because writing, reading,
// asking and fingerprinting are one list of kinds each: side by side they cannot drift apart.
//
// Numbers are written as they lie in memory, so both sides are of one build, or compare `wire_fingerprint`. A count is one byte below
// 255, else that byte and 8 more. Whatever it is, a value takes at least one byte, so that the bytes which are left bound every count.
// The bytes may be hostile: lengths, flags, indices, orders and depths are checked before anything is made from them. They may change
// while they are read, as another process shares them: each is copied out once and looked at in the copy.

#include <algorithm>        // min, max
#include <array>            // std::array
#include <atomic>           // atomic_signal_fence
#include <bit>              // endian
#include <chrono>           // duration, time_point
#include <concepts>         // same_as
#include <cstddef>          // byte
#include <cstdint>          // uint64_t
#include <cstring>          // memcpy
#include <deque>            // deque
#include <iterator>         // prev
#include <limits>           // digits of long double
#include <list>             // list
#include <map>              // map
#include <optional>         // optional
#include <set>              // set
#include <span>             // span of bytes
#include <string>           // string
#include <string_view>      // what is wrong
#include <system_error>     // categories of failures
#include <tuple>            // tuple
#include <type_traits>      // is_arithmetic
#include <unordered_map>    // unordered_map
#include <unordered_set>    // unordered_set
#include <utility>          // pair, index_sequence
#include <variant>          // variant
#include <vector>           // vector

#include <muster/core/detail/aggregate.hpp>       // member_count, with_members
#include <muster/core/failure.hpp>                // cause, failure
#include <muster/core/invoke_task.hpp>            // guarded
#include <muster/core/outcome.hpp>                // bad_outcome, outcome
#include <muster/core/travelling_category.hpp>    // travelling_category

namespace muster {

class wire_writer;
class wire_reader;

/// How a type of your own travels, where it is no aggregate of transportable members: specialise it with
/// `static void write(wire_writer&, T const&)`, `static T read(wire_reader&)`, and, where the layout may change, with
/// `static constexpr std::uint64_t fingerprint`. A type may instead have the members `auto to_wire() const`, which returns something
/// transportable, and `static T from_wire(that)`.
template <class T>
struct wire;

namespace detail {
struct wire_rules;
template <class T>
extern bool const can_travel;
}  // namespace detail

/// Writes into room that the caller gives, never beyond it; goes on counting when it is full.
///
/// Throws     bad_outcome with cause::invalid_input for a variant that lost its value, and below 256 levels of nesting.
/// Cost       a comparison and a copy for each value; one of each for a whole string or vector of numbers.
class wire_writer {
public:
    wire_writer(std::byte* at, std::size_t room) noexcept : at_(at), room_(room) {}

    /// Always counts; copies only where all of what came so far fits.
    void put(void const* bytes, std::size_t n) noexcept {
        if (size_ <= room_ && n <= room_ - size_ && n != 0) std::memcpy(at_ + size_, bytes, n);
        size_ += n;
    }
    template <class T>
    void put(T const& value);

    /// The bytes that all of it needs.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool fits() const noexcept { return size_ <= room_; }

private:
    friend struct detail::wire_rules;

    std::byte* at_;
    std::size_t room_;
    std::size_t size_ = 0;
    unsigned depth_ = 0;
};

/// Reads what a `wire_writer` wrote, from bytes that may be hostile, cut off, or changed by another process meanwhile.
///
/// Throws     bad_outcome with cause::invalid_input: what is wrong, and at which byte; whatever allocating throws.
/// Lifetime   refers to the bytes; what it returns does not.
/// Cost       as writing; memory in proportion to the bytes read.
class wire_reader {
public:
    wire_reader(std::byte const* at, std::size_t n) noexcept : at_(at), size_(n) {}
    explicit wire_reader(std::span<std::byte const> bytes) noexcept : wire_reader(bytes.data(), bytes.size()) {}

    template <class T>
    [[nodiscard]] T get();
    void get(void* to, std::size_t n) {
        if (n > left()) refuse("it ends too early");
        if (n != 0) std::memcpy(to, at_ + position_, n);
        passed(n);
    }

    [[nodiscard]] std::size_t left() const noexcept { return size_ - position_; }
    /// For readers of types of your own: these bytes are no such value.
    [[noreturn, gnu::cold, gnu::noinline]] void refuse(std::string_view what) const {
        throw bad_outcome{failure{cause::invalid_input, "muster: these bytes are not what was expected: " + std::string{what} +
                                                            ", at byte " + std::to_string(position_) + " of " +
                                                            std::to_string(size_)}};
    }

private:
    friend struct detail::wire_rules;

    void passed(std::size_t n) noexcept {
        position_ += n;
        // The compiler must not look at the bytes again later, in place of the copy: by then another process may have changed them.
        std::atomic_signal_fence(std::memory_order_acq_rel);
    }

    std::byte const* at_;
    std::size_t size_;
    std::size_t position_ = 0;
    unsigned depth_ = 0;
};

/// A value that can go to another process: numbers, enums whose underlying type is fixed, the owning types of std with stateless
/// allocators, hashes and comparisons, durations, failures, outcomes, aggregates of up to 32 such members (no bases, C arrays or
/// bit-fields), and types with a `wire<T>` or with `to_wire` and `from_wire`.
///
/// Never a pointer, a reference, a view, a closure or a union; nor a class merely because it is trivially copyable.
template <class T>
concept transportable = detail::can_travel<T>;

/// The bytes of a value.
template <class T>
[[nodiscard]] std::vector<std::byte> encoded(T const& value);

/// The value of such bytes, all of them. An `outcome<T>` decodes to itself.
///
/// Fails      cause::invalid_input when they are something else; out_of_memory; threw for what a type's own reader throws.
template <class T>
[[nodiscard]] typename detail::normalised<T>::type decoded(std::span<std::byte const> bytes);

// Implementation

namespace detail {

enum class wire_kind : std::uint8_t {
    none,           // does not travel
    user,           // wire<T>
    converted,      // to_wire and from_wire
    number,         // as it lies in memory
    long_double,    // without its padding
    boolean,
    enumeration,
    sequence,       // vector, deque, list, basic_string
    bits,           // vector<bool>
    array,
    product,        // pair, tuple
    optional,
    variant,
    ordered,        // set, map
    unordered,
    duration,
    time_point,
    failure,
    outcome,
    aggregate,
};

template <wire_kind Is, class... Parts>
struct shaped {
    static constexpr wire_kind is = Is;
    using parts = type_list<Parts...>;
};
template <class T>
concept stateless = std::is_empty_v<T> && std::is_default_constructible_v<T>;

// What is known by its template.
template <class T>
struct shape_of : shaped<wire_kind::none> {};
template <class C, class Traits, stateless A>
struct shape_of<std::basic_string<C, Traits, A>> : shaped<wire_kind::sequence, C> {};
template <class E, stateless A>
struct shape_of<std::vector<E, A>> : shaped<wire_kind::sequence, E> {};
template <stateless A>
struct shape_of<std::vector<bool, A>> : shaped<wire_kind::bits> {};
template <class E, stateless A>
struct shape_of<std::deque<E, A>> : shaped<wire_kind::sequence, E> {};
template <class E, stateless A>
struct shape_of<std::list<E, A>> : shaped<wire_kind::sequence, E> {};
template <class E, std::size_t N>
struct shape_of<std::array<E, N>> : shaped<wire_kind::array, E> {};
template <class A, class B>
struct shape_of<std::pair<A, B>> : shaped<wire_kind::product, A, B> {};
template <class... Ts>
struct shape_of<std::tuple<Ts...>> : shaped<wire_kind::product, Ts...> {};
template <class E>
struct shape_of<std::optional<E>> : shaped<wire_kind::optional, E> {};
template <class... Ts>
struct shape_of<std::variant<Ts...>> : shaped<wire_kind::variant, Ts...> {};
template <class K, stateless C, stateless A>
struct shape_of<std::set<K, C, A>> : shaped<wire_kind::ordered, K> {};
template <class K, class V, stateless C, stateless A>
struct shape_of<std::map<K, V, C, A>> : shaped<wire_kind::ordered, K, V> {};
template <class K, stateless H, stateless E, stateless A>
struct shape_of<std::unordered_set<K, H, E, A>> : shaped<wire_kind::unordered, K> {};
template <class K, class V, stateless H, stateless E, stateless A>
struct shape_of<std::unordered_map<K, V, H, E, A>> : shaped<wire_kind::unordered, K, V> {};
template <class Rep, class Period>
struct shape_of<std::chrono::duration<Rep, Period>> : shaped<wire_kind::duration, Rep> {};
template <class Clock, class Duration>
struct shape_of<std::chrono::time_point<Clock, Duration>> : shaped<wire_kind::time_point, Duration> {};
template <>
struct shape_of<failure> : shaped<wire_kind::failure> {};
template <class T>
struct shape_of<outcome<T>> : shaped<wire_kind::outcome, T> {};
template <>
struct shape_of<outcome<void>> : shaped<wire_kind::outcome> {};

template <class T>
concept has_wire = requires(wire_writer& to, wire_reader& from, T const& value) {
    wire<T>::write(to, value);
    { wire<T>::read(from) } -> std::same_as<T>;
};
template <class T>
concept has_to_wire = std::is_class_v<T> && requires(T const& value) {
    { T::from_wire(value.to_wire()) } -> std::same_as<T>;
    requires !std::same_as<std::remove_cvref_t<decltype(value.to_wire())>, T>;
};
// Braces take a number where the underlying type is fixed; then every number of that type is a value of the enum.
template <class T>
concept fixed_enum = std::is_enum_v<T> && requires { T{0}; };

template <class T>
consteval wire_kind find_kind() {
    if constexpr (!std::same_as<T, std::remove_cv_t<T>> || !std::is_object_v<T> || !std::is_move_constructible_v<T>) return wire_kind::none;
    else if constexpr (std::same_as<T, bool>) return wire_kind::boolean;
    else if constexpr (std::same_as<T, long double>) return wire_kind::long_double;
    else if constexpr (std::is_arithmetic_v<T>) return wire_kind::number;
    else if constexpr (shape_of<T>::is != wire_kind::none) return shape_of<T>::is;
    else if constexpr (has_wire<T>) return wire_kind::user;
    else if constexpr (has_to_wire<T>) return wire_kind::converted;
    else if constexpr (fixed_enum<T>) return wire_kind::enumeration;
    else return member_count<T> != not_taken_apart ? wire_kind::aggregate : wire_kind::none;
}
template <class T>
inline constexpr wire_kind kind_of = find_kind<T>();

// What a value is made of.
template <class T>
consteval auto find_parts() {
    if constexpr (kind_of<T> == wire_kind::aggregate) return []<class... M>(type_list<M...>) {
        return type_list<std::remove_const_t<M>...>{};
    }(typename member_types<T>::type{});
    else if constexpr (kind_of<T> == wire_kind::converted) return type_list<std::remove_cvref_t<decltype(std::declval<T const&>().to_wire())>>{};
    else return typename shape_of<T>::parts{};
}
template <class T>
using parts_of = decltype(find_parts<T>());

// A type may contain itself, as a tree does: through `Inside`, the types around it that can be so, this ends.
template <class T, class... Inside>
consteval bool travels() {
    constexpr auto all = []<class... Around, class... Parts>(type_list<Around...>, type_list<Parts...>) {
        return (travels<Parts, Around...>() && ...);
    };
    if constexpr ((std::same_as<T, Inside> || ...) || kind_of<T> == wire_kind::user) return true;
    else if constexpr (kind_of<T> == wire_kind::none) return false;
    else if constexpr (kind_of<T> == wire_kind::aggregate || kind_of<T> == wire_kind::converted)
        return all(type_list<T, Inside...>{}, parts_of<T>{});
    else return all(type_list<Inside...>{}, parts_of<T>{});
}
template <class T>
inline constexpr bool can_travel = travels<T>();

// Whether the bytes of the object are what is written: whole vectors of such are one copy.
template <class T>
consteval bool find_plain() {
    if constexpr (kind_of<T> == wire_kind::number) return true;
    else if constexpr (kind_of<T> == wire_kind::enumeration) return !std::same_as<std::underlying_type_t<T>, bool>;
    else if constexpr (kind_of<T> == wire_kind::array || kind_of<T> == wire_kind::aggregate) {
        if constexpr (!std::is_trivially_copyable_v<T> || !std::is_trivially_copy_assignable_v<T> || !std::is_default_constructible_v<T>)
            return false;
        else if constexpr (kind_of<T> == wire_kind::array)
            return std::tuple_size_v<T> != 0 && find_plain<typename T::value_type>();
        else
            return []<class... M>(type_list<M...>) {
                return (find_plain<M>() && ...) && (sizeof(M) + ... + 0) == sizeof(T);    // no padding, which would be leaked
            }(parts_of<T>{});
    } else return false;
}
template <class T>
inline constexpr bool is_plain = find_plain<T>();

inline constexpr unsigned deepest = 256;
inline constexpr std::size_t long_double_bytes =
    std::numeric_limits<long double>::digits == 64 ? 10 : sizeof(long double);    // of x87 the rest is padding

struct wire_rules {
    template <class T>
    static void write(wire_writer& to, T const& value);
    template <class T>
    static T read(wire_reader& from);

private:
    // One level further down, until the end of the scope.
    struct level {
        explicit level(unsigned& depth) noexcept : depth_(depth) { ++depth_; }
        level(level const&) = delete;
        level& operator=(level const&) = delete;
        ~level() { --depth_; }
        unsigned& depth_;
    };
    [[noreturn]] static void unwritable(char const* why) { throw bad_outcome{failure{cause::invalid_input, why}}; }
    static void write_level(unsigned depth) {
        if (depth > deepest) unwritable("muster: this value is nested deeper than 256 levels, so nobody would read it");
    }
    static void read_level(wire_reader& from) {
        if (from.depth_ > deepest) from.refuse("it is nested deeper than 256 levels");
    }

    static void write_count(wire_writer& to, std::uint64_t n) {
        auto const small = static_cast<std::uint8_t>(std::min<std::uint64_t>(n, 255));
        to.put(&small, 1);
        if (small == 255) to.put(&n, sizeof n);
    }
    static std::uint64_t read_number(wire_reader& from) {
        std::uint8_t small = 0;
        from.get(&small, 1);
        if (small != 255) return small;
        std::uint64_t n = 0;
        from.get(&n, sizeof n);
        if (n < 255) from.refuse("a count is longer than it needs to be");
        return n;
    }
    // How many things, of which each takes at least that many bytes.
    static std::size_t read_count(wire_reader& from, std::size_t each) {
        auto const n = read_number(from);
        if (n > from.left() / each) from.refuse("a count of " + std::to_string(n) + " is more than the bytes left can hold");
        return static_cast<std::size_t>(n);
    }
    static void read_nothing(wire_reader& from) {
        std::uint8_t nothing = 0;
        from.get(&nothing, 1);
        if (nothing != 0) from.refuse("something is where nothing should be");
    }
    // Room that may be made before the elements are seen: about what was sent.
    template <class E>
    static std::size_t affordable(wire_reader const& from, std::size_t n) {
        return std::min(n, std::max<std::size_t>(from.left() / sizeof(E), 8));
    }

    template <class T>
    static T read_sequence(wire_reader& from);
    template <class T>
    static T read_bits(wire_reader& from);
    template <class T>
    static T read_array(wire_reader& from);
    template <class T, std::size_t... I>
    static T read_variant(wire_reader& from, std::index_sequence<I...>);
    template <class T, std::size_t I>
    static T read_alternative(wire_reader& from) {
        return T{std::in_place_index<I>, from.get<std::variant_alternative_t<I, T>>()};
    }
    template <class T>
    static T read_ordered(wire_reader& from);
    template <class T>
    static T read_unordered(wire_reader& from);
    static void write_failure(wire_writer& to, failure const& what);
    static failure read_failure(wire_reader& from);
};

template <class T>
void wire_rules::write(wire_writer& to, T const& value) {
    constexpr auto is = kind_of<T>;
    if constexpr (is == wire_kind::number || is_plain<T>) {
        to.put(&value, sizeof value);
    } else if constexpr (is == wire_kind::boolean) {
        auto const flag = static_cast<std::uint8_t>(value ? 1 : 0);
        to.put(&flag, 1);
    } else if constexpr (is == wire_kind::long_double) {
        to.put(&value, long_double_bytes);
    } else if constexpr (is == wire_kind::enumeration) {
        to.put(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (is == wire_kind::user) {
        level const deeper{to.depth_};
        write_level(to.depth_);
        auto const before = to.size();
        wire<T>::write(to, value);
        if (to.size() == before) to.put(std::uint8_t{0});    // no value takes no bytes
    } else if constexpr (is == wire_kind::converted) {
        level const deeper{to.depth_};
        write_level(to.depth_);
        to.put(value.to_wire());
    } else if constexpr (is == wire_kind::sequence) {
        using element = typename T::value_type;
        write_count(to, value.size());
        if constexpr (is_plain<element> && requires { value.data(); }) to.put(value.data(), value.size() * sizeof(element));
        else for (auto const& each : value) to.put(each);
    } else if constexpr (is == wire_kind::bits) {
        write_count(to, value.size());
        for (std::size_t i = 0; i < value.size(); i += 8) {
            unsigned packed = 0;
            for (std::size_t bit = 0; bit < 8 && i + bit < value.size(); ++bit) packed |= (value[i + bit] ? 1U : 0U) << bit;
            to.put(static_cast<std::uint8_t>(packed));
        }
    } else if constexpr (is == wire_kind::array) {
        if (value.empty()) to.put(std::uint8_t{0});
        for (auto const& each : value) to.put(each);
    } else if constexpr (is == wire_kind::product) {
        if constexpr (std::tuple_size_v<T> == 0) to.put(std::uint8_t{0});
        else std::apply([&](auto const&... each) { (to.put(each), ...); }, value);
    } else if constexpr (is == wire_kind::optional) {
        to.put(value.has_value());
        if (value) to.put(*value);
    } else if constexpr (is == wire_kind::variant) {
        if (value.valueless_by_exception()) unwritable("muster: a variant that lost its value to an exception does not travel");
        write_count(to, value.index());
        std::visit([&](auto const& held) { to.put(held); }, value);
    } else if constexpr (is == wire_kind::ordered || is == wire_kind::unordered) {
        write_count(to, value.size());
        for (auto const& each : value) {
            if constexpr (requires { typename T::mapped_type; }) {
                to.put(each.first);
                to.put(each.second);
            } else {
                to.put(each);
            }
        }
    } else if constexpr (is == wire_kind::duration) {
        to.put(value.count());
    } else if constexpr (is == wire_kind::time_point) {
        to.put(value.time_since_epoch());
    } else if constexpr (is == wire_kind::failure) {
        write_failure(to, value);
    } else if constexpr (is == wire_kind::outcome) {
        to.put(value.has_value());
        if (!value) write_failure(to, value.error());
        else if constexpr (!std::is_void_v<typename T::value_type>) to.put(*value);
    } else if constexpr (is == wire_kind::aggregate) {
        level const deeper{to.depth_};
        write_level(to.depth_);
        if constexpr (member_count<T> == 0) to.put(std::uint8_t{0});
        else with_members<member_count<T>>(value, [&](auto const&... each) { (to.put(each), ...); });
    }
}

template <class T>
T wire_rules::read(wire_reader& from) {
    constexpr auto is = kind_of<T>;
    if constexpr (is == wire_kind::number || is_plain<T>) {
        T value{};
        from.get(&value, sizeof value);
        return value;
    } else if constexpr (is == wire_kind::boolean) {
        std::uint8_t flag = 0;
        from.get(&flag, 1);
        if (flag > 1) from.refuse("a flag is neither 0 nor 1");
        return flag == 1;
    } else if constexpr (is == wire_kind::long_double) {
        T value = 0;
        from.get(&value, long_double_bytes);
        return value;
    } else if constexpr (is == wire_kind::enumeration) {
        return static_cast<T>(from.get<std::underlying_type_t<T>>());
    } else if constexpr (is == wire_kind::user) {
        level const deeper{from.depth_};
        read_level(from);
        auto const before = from.left();
        T value = wire<T>::read(from);
        if (from.left() == before) read_nothing(from);
        return value;
    } else if constexpr (is == wire_kind::converted) {
        level const deeper{from.depth_};
        read_level(from);
        return T::from_wire(from.get<std::remove_cvref_t<decltype(std::declval<T const&>().to_wire())>>());
    } else if constexpr (is == wire_kind::sequence) {
        return read_sequence<T>(from);
    } else if constexpr (is == wire_kind::bits) {
        return read_bits<T>(from);
    } else if constexpr (is == wire_kind::array) {
        return read_array<T>(from);
    } else if constexpr (is == wire_kind::product) {
        if constexpr (std::tuple_size_v<T> == 0) read_nothing(from);
        return [&]<class... Parts>(type_list<Parts...>) { return T{from.get<Parts>()...}; }(parts_of<T>{});
    } else if constexpr (is == wire_kind::optional) {
        if (!from.get<bool>()) return T{};
        return T{std::in_place, from.get<typename T::value_type>()};
    } else if constexpr (is == wire_kind::variant) {
        return read_variant<T>(from, std::make_index_sequence<std::variant_size_v<T>>{});
    } else if constexpr (is == wire_kind::ordered) {
        return read_ordered<T>(from);
    } else if constexpr (is == wire_kind::unordered) {
        return read_unordered<T>(from);
    } else if constexpr (is == wire_kind::duration) {
        return T{from.get<typename T::rep>()};
    } else if constexpr (is == wire_kind::time_point) {
        return T{from.get<typename T::duration>()};
    } else if constexpr (is == wire_kind::failure) {
        return read_failure(from);
    } else if constexpr (is == wire_kind::outcome) {
        if (!from.get<bool>()) return read_failure(from);
        T value;
        if constexpr (!std::is_void_v<typename T::value_type>) value.emplace(from.get<typename T::value_type>());
        return value;
    } else {
        level const deeper{from.depth_};
        read_level(from);
        if constexpr (member_count<T> == 0) read_nothing(from);
        return [&]<class... Parts>(type_list<Parts...>) { return T{from.get<Parts>()...}; }(parts_of<T>{});    // braces: in this order
    }
}

template <class T>
T wire_rules::read_sequence(wire_reader& from) {
    using element = typename T::value_type;
    auto const n = read_count(from, is_plain<element> ? sizeof(element) : 1);
    if constexpr (std::same_as<element, char> && requires { T(static_cast<char const*>(nullptr), n); }) {    // no room to clear first
        T value(reinterpret_cast<char const*>(from.at_ + from.position_), n);
        from.passed(n);
        return value;
    } else if constexpr (is_plain<element> && requires(T& value) { value.data(); }) {
        T value(n, element{});
        from.get(value.data(), n * sizeof(element));
        return value;
    } else {
        T value;
        if constexpr (requires { value.reserve(n); }) value.reserve(affordable<element>(from, n));
        for (std::size_t i = 0; i < n; ++i) value.push_back(from.get<element>());
        return value;
    }
}

template <class T>
T wire_rules::read_bits(wire_reader& from) {
    auto const n = read_number(from);
    if (n / 8 > from.left()) from.refuse("a count of " + std::to_string(n) + " bits is more than the bytes left can hold");
    T value(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < value.size(); i += 8) {
        unsigned const packed = from.get<std::uint8_t>();
        auto const here = std::min<std::size_t>(8, value.size() - i);
        if (packed >> here != 0) from.refuse("bits are set behind the last one");
        for (std::size_t bit = 0; bit < here; ++bit) value[i + bit] = (packed >> bit & 1U) != 0;
    }
    return value;
}

template <class T>
T wire_rules::read_array(wire_reader& from) {
    using element = typename T::value_type;
    constexpr auto n = std::tuple_size_v<T>;
    if constexpr (n == 0) {
        read_nothing(from);
        return T{};
    } else if constexpr (std::is_default_constructible_v<T> && std::is_move_assignable_v<element>) {
        T value{};
        for (auto& each : value) each = from.get<element>();
        return value;
    } else {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return T{{(static_cast<void>(I), from.get<element>())...}};
        }(std::make_index_sequence<n>{});
    }
}

template <class T, std::size_t... I>
T wire_rules::read_variant(wire_reader& from, std::index_sequence<I...>) {
    static constexpr std::array<T (*)(wire_reader&), sizeof...(I)> readers{&wire_rules::read_alternative<T, I>...};
    auto const index = read_number(from);
    if (index >= readers.size()) from.refuse("a variant has no alternative " + std::to_string(index));
    return readers[static_cast<std::size_t>(index)](from);
}

template <class T>
T wire_rules::read_ordered(wire_reader& from) {
    T value;
    auto const comes_before = value.key_comp();
    for (auto n = read_count(from, 1); n != 0; --n) {
        auto key = from.get<typename T::key_type>();
        auto const refuse_disorder = [&](typename T::key_type const& last) {
            if (!comes_before(last, key)) from.refuse("a key is there twice, or not in its order");
        };
        if constexpr (requires { typename T::mapped_type; }) {
            if (!value.empty()) refuse_disorder(std::prev(value.end())->first);
            value.emplace_hint(value.end(), std::move(key), from.get<typename T::mapped_type>());
        } else {
            if (!value.empty()) refuse_disorder(*std::prev(value.end()));
            value.emplace_hint(value.end(), std::move(key));
        }
    }
    return value;
}

template <class T>
T wire_rules::read_unordered(wire_reader& from) {
    T value;
    auto const n = read_count(from, 1);
    value.reserve(affordable<typename T::value_type>(from, n));
    for (std::size_t i = 0; i < n; ++i) {
        auto key = from.get<typename T::key_type>();
        bool fresh = false;
        if constexpr (requires { typename T::mapped_type; })
            fresh = value.emplace(std::move(key), from.get<typename T::mapped_type>()).second;
        else
            fresh = value.emplace(std::move(key)).second;
        if (!fresh) from.refuse("a key is there twice");
    }
    return value;
}

enum class code_kind : std::uint8_t { cause, generic, system, named };

inline constexpr int last_cause = static_cast<int>(cause::forbidden);
constexpr bool is_cause(int number) { return number > 0 && number <= last_cause; }
static_assert(name_of(static_cast<cause>(last_cause + 1)) == name_of(cause{}), "last_cause is behind the causes");

inline void wire_rules::write_failure(wire_writer& to, failure const& what) {
    auto const code = what.code();
    if (code.category() == cause_category() && is_cause(code.value())) {
        to.put(code_kind::cause);
        to.put(static_cast<cause>(code.value()));
        to.put(what.text());
    } else if (code.category() == std::generic_category() || code.category() == std::system_category()) {
        to.put(code.category() == std::generic_category() ? code_kind::generic : code_kind::system);
        to.put(code.value());
        to.put(what.text());
    } else {
        // A category is an object of this process: what it amounts to travels, and what it says; its name for who has it, too.
        auto amounts_to = cause::threw;
        for (int number = last_cause; number > 0; --number)
            if (what.is(static_cast<cause>(number))) amounts_to = static_cast<cause>(number);
        std::string const name = code.category().name();
        if (travelling_category::named(name) == &code.category()) {
            to.put(code_kind::named);
            to.put(name);
            to.put(code.value());
            to.put(code.message());
            to.put(amounts_to);
            to.put(what.text());
        } else {
            to.put(code_kind::cause);
            to.put(amounts_to);
            to.put(name + ": " + code.message() + ": " + what.text());
        }
    }

    auto const& path = what.path();
    std::size_t depth = 0;    // where in the path the index is
    while (depth < path.size() && path[depth] != what.index()) ++depth;
    // Zero attempts may have been said, or nothing was: what was said is not overwritten.
    auto said = what.attempts() != 0;
    if (!said) said = failure{what}.stamp({}, {}, 1).attempts() == 0;

    write_count(to, what.stage().size());
    to.put(what.stage().data(), what.stage().size());
    write_count(to, path.size());
    to.put(path.data(), path.size() * sizeof path[0]);
    write_count(to, depth);
    to.put(said);
    to.put(what.attempts());
    to.put(what.retry_after());
    to.put(what.exit_code());
    to.put(what.signal());
}

inline failure wire_rules::read_failure(wire_reader& from) {
    auto const number_of = from.get<code_kind>();
    std::error_code code;
    std::string name;    // of a category that is not known here, and what it says
    auto const read_cause = [&] {
        auto const which = from.get<cause>();
        if (!is_cause(static_cast<int>(which))) from.refuse("there is no cause " + std::to_string(static_cast<int>(which)));
        return which;
    };
    if (number_of == code_kind::cause) {
        code = read_cause();
    } else if (number_of == code_kind::named) {
        name = from.get<std::string>();
        auto const value = from.get<int>();
        auto const message = from.get<std::string>();
        code = read_cause();
        if (auto const* known = travelling_category::named(name)) {
            code = {value, *known};
            name.clear();
        } else {
            name += ": " + message + ": ";
        }
    } else if (number_of == code_kind::generic || number_of == code_kind::system) {
        auto const& category = number_of == code_kind::generic ? std::generic_category() : std::system_category();
        code = {from.get<int>(), category};
    } else {
        from.refuse("a failure is of an unknown category");
    }
    failure what{code, name + from.get<std::string>()};

    auto const stage = from.get<std::string>();
    auto const path = from.get<std::vector<std::size_t>>();
    auto const depth = read_number(from);
    if (depth > path.size() || (depth == path.size() && depth != 0)) from.refuse("a failure is of no item in its path");
    auto const said = from.get<bool>();
    auto const attempts = from.get<unsigned>();
    if (!said && (attempts != 0 || !stage.empty())) from.refuse("a failure was stamped, and was not");
    if (said) what.stamp(stage, path, attempts);
    else what.leave(path);
    if (depth != 0 || !said) what.leave({path.begin(), path.begin() + (path.empty() ? 0 : static_cast<std::ptrdiff_t>(depth) + 1)});

    if (auto const wait = from.get<std::optional<std::chrono::nanoseconds>>()) what.retry_after(*wait);
    if (auto const exit_code = from.get<std::optional<int>>()) what.exit_code(*exit_code);
    if (auto const signal = from.get<std::optional<int>>()) what.signal(*signal);
    return what;
}

// Fingerprints

constexpr std::uint64_t mix_hash(std::uint64_t hash, std::uint64_t with) {
    hash = (hash ^ with) * 0x9e3779b97f4a7c15U;    // 2^64 over the golden ratio, as in splitmix64
    return hash ^ (hash >> 29);
}

template <class T>
constexpr std::uint64_t name_hash() {
    std::uint64_t hash = 0;
    for (char const c : std::string_view{__PRETTY_FUNCTION__}) hash = mix_hash(hash, static_cast<unsigned char>(c));
    return hash;
}

template <class T, class... Inside>
constexpr std::uint64_t layout_hash() {
    if constexpr ((std::same_as<T, Inside> || ...)) {    // one of the types around this one
        std::uint64_t outwards = 0;
        static_cast<void>(((++outwards, std::same_as<T, Inside>) || ...));
        return mix_hash(255, outwards);
    } else {
        auto hash = mix_hash(1, static_cast<std::uint64_t>(kind_of<T>));
        auto const add_all = [&hash]<class... Around, class... Parts>(type_list<Around...>, type_list<Parts...>) {
            hash = mix_hash(hash, sizeof...(Parts));
            ((hash = mix_hash(hash, layout_hash<Parts, Around...>())), ...);
        };
        if constexpr (kind_of<T> == wire_kind::user) {
            if constexpr (requires { wire<T>::fingerprint; }) return mix_hash(hash, wire<T>::fingerprint);
            else return mix_hash(hash, name_hash<T>());
        } else if constexpr (kind_of<T> == wire_kind::number || kind_of<T> == wire_kind::long_double) {
            hash = mix_hash(hash, sizeof(T));
            hash = mix_hash(hash, std::is_signed_v<T>);
            hash = mix_hash(hash, std::is_floating_point_v<T>);
            return mix_hash(hash, static_cast<std::uint64_t>(std::numeric_limits<T>::digits));
        } else if constexpr (kind_of<T> == wire_kind::enumeration) {
            return mix_hash(hash, layout_hash<std::underlying_type_t<T>>());
        } else if constexpr (kind_of<T> == wire_kind::failure) {
            return mix_hash(hash, sizeof(std::size_t));
        } else if constexpr (kind_of<T> == wire_kind::aggregate || kind_of<T> == wire_kind::converted) {
            add_all(type_list<T, Inside...>{}, parts_of<T>{});
            return hash;
        } else {
            if constexpr (kind_of<T> == wire_kind::array) hash = mix_hash(hash, std::tuple_size_v<T>);
            if constexpr (kind_of<T> == wire_kind::duration) {
                hash = mix_hash(hash, static_cast<std::uint64_t>(T::period::num));
                hash = mix_hash(hash, static_cast<std::uint64_t>(T::period::den));
            }
            add_all(type_list<Inside...>{}, parts_of<T>{});
            return hash;
        }
    }
}

}  // namespace detail

/// A number that differs where the bytes of a T mean something else: kinds, sizes and signs of all that is in it, byte order. For a
/// type with a `wire<T>` its `fingerprint`, or a hash of the type's name.
template <transportable T>
inline constexpr std::uint64_t wire_fingerprint =
    detail::mix_hash(std::endian::native == std::endian::little ? 1 : 2, detail::layout_hash<T>());

template <class T>
void wire_writer::put(T const& value) {
    static_assert(detail::can_travel<T>,
                  "muster: T cannot travel to another process: give it what owns its data (std::string for string_view, std::vector for "
                  "span and pointers), make it an aggregate of such, or specialise muster::wire<T>");
    if constexpr (detail::can_travel<T>) detail::wire_rules::write(*this, value);
}

template <class T>
T wire_reader::get() {
    static_assert(detail::can_travel<T>,
                  "muster: T cannot travel to another process: give it what owns its data (std::string for string_view, std::vector for "
                  "span and pointers), make it an aggregate of such, or specialise muster::wire<T>");
    if constexpr (detail::can_travel<T>) return detail::wire_rules::read<T>(*this);
    else refuse("it does not travel");
}

template <class T>
std::vector<std::byte> encoded(T const& value) {
    std::vector<std::byte> bytes;
    for (;;) {    // once to count, once to write
        wire_writer to{bytes.data(), bytes.size()};
        to.put(value);
        if (to.size() == bytes.size()) return bytes;
        bytes.resize(to.size());
    }
}

template <class T>
typename detail::normalised<T>::type decoded(std::span<std::byte const> bytes) {
    using result = typename detail::normalised<T>::type;
    return guarded<result>([&]() -> result {
        wire_reader from{bytes};
        auto value = from.get<T>();
        if (from.left() != 0) from.refuse(std::to_string(from.left()) + " bytes are left over");
        return value;
    });
}

}  // namespace muster
