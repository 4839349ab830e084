#pragma once

// What can be known about the members of an aggregate before the language tells: how many there are, of which types, and references to
// them. Most lines are one structured binding for each number of members, up to 32, twice: for the types and for the references.

#include <cstddef>        // size_t
#include <cstdlib>        // abort
#include <tuple>          // tuple_size
#include <type_traits>    // is_aggregate
#include <utility>        // index_sequence

namespace muster::detail {

template <class... Ts>
struct type_list {};

inline constexpr std::size_t most_members = 32;
inline constexpr std::size_t not_taken_apart = ~std::size_t{0};

/// How many members an aggregate has. `not_taken_apart`: no aggregate, or one with more than 32 members, a base, a C array, an
/// anonymous union, a bit-field, or with a protocol of its own for structured bindings.
template <class T>
inline constexpr std::size_t member_count = not_taken_apart;

/// The types of the members as they were declared, references too: `type_list<...>`. Only where `member_count` is a number.
template <class T>
struct member_types;

/// `call(member...)`, with references.
template <std::size_t N, class T, class Call>
constexpr decltype(auto) with_members(T& value, Call const& call);

// Implementation

// Converts to whatever a member is. The conversion is const, so that a constructor which takes anything, as that of std::optional,
// is the better match and nothing is ambiguous.
struct any_value {
    template <class T>
    operator T() const { std::abort(); }    // never called; a constructor that is looked into wants to see a body
};
template <class T>
struct any_base_of {
    template <class B>
        requires(std::is_base_of_v<B, T> && !std::is_same_v<B, T>)
    operator B() const;
};
struct any_union {
    template <class U>
        requires std::is_union_v<U>
    operator U() const;
};

template <std::size_t>
using any_value_at = any_value;

// Whether braces with these in them make a T. Commas between packs that may be empty are why there are four.
template <class T, class... Inits>
concept made_from = requires { T{Inits{}...}; };
template <class T, class... Before>
concept takes_one_more = requires { T{Before{}..., {}}; };

template <class T, class Before, class After>
struct at_position;
template <class T, std::size_t... Before, std::size_t... After>
struct at_position<T, std::index_sequence<Before...>, std::index_sequence<After...>> {
    // `{}` stands for exactly one member here: not for an array, which takes more than one of the others without braces.
    static constexpr bool empty_braces = requires { T{any_value_at<Before>{}..., {}, any_value_at<After>{}...}; };
    static constexpr bool holds_union = made_from<T, any_value_at<Before>..., any_union, any_value_at<After>...>;
};

// {k others} and `After` more: what an array of k looks like when what is left of it is filled exactly.
template <class T, class Before, class Inside, class After>
inline constexpr bool is_nested = false;
template <class T, std::size_t... Before, std::size_t... Inside, std::size_t... After>
inline constexpr bool is_nested<T, std::index_sequence<Before...>, std::index_sequence<Inside...>, std::index_sequence<After...>> =
    requires { T{any_value_at<Before>{}..., {any_value_at<Inside>{}...}, any_value_at<After>{}...}; };

template <class T, std::size_t At, std::size_t N, std::size_t K = 2>
consteval bool is_array_at() {
    if constexpr (At + K > N) {
        return false;
    } else {
        using before = std::make_index_sequence<At>;
        using inside = std::make_index_sequence<K>;
        if constexpr (is_nested<T, before, inside, std::make_index_sequence<N - At - K>> &&
                      !is_nested<T, before, inside, std::make_index_sequence<N - At - K + 1>>)
            return true;
        else
            return is_array_at<T, At, N, K + 1>();
    }
}

template <class T, std::size_t N, std::size_t At = 0>
consteval bool all_positions_plain() {
    if constexpr (At == N) {
        return true;
    } else {
        using position = at_position<T, std::make_index_sequence<At>, std::make_index_sequence<N - At - 1>>;
        if constexpr (position::holds_union || is_array_at<T, At, position::empty_braces ? 0 : N>()) return false;
        else return all_positions_plain<T, N, At + 1>();
    }
}

template <class T, std::size_t... I>
consteval bool takes_values(std::index_sequence<I...>) {
    return made_from<T, any_value_at<I>...>;
}
template <class T, std::size_t... I>
consteval bool takes_more(std::index_sequence<I...>) {
    return takes_one_more<T, any_value_at<I>...>;
}
template <class T, std::size_t First, std::size_t... I>
consteval bool has_base(std::index_sequence<First, I...>) {
    return made_from<T, any_base_of<T>, any_value_at<I>...>;
}

// The most values that braces take. Fewer do as well, down to the last member that cannot do without.
template <class T, std::size_t N = 0, bool Before = false>
consteval std::size_t most_taken() {
    constexpr bool here = takes_values<T>(std::make_index_sequence<N>{});
    if constexpr (Before && !here) return N - 1;
    else if constexpr (N > most_members) return not_taken_apart;
    else return most_taken<T, N + 1, here>();
}

template <class T>
consteval std::size_t count_members() {
    if constexpr (requires { sizeof(std::tuple_size<T>); }) {
        return not_taken_apart;
    } else {
        constexpr std::size_t n = most_taken<T>();
        if constexpr (n == 0 || n == not_taken_apart) {
            // `{}` for a first member that nothing converts to
            if constexpr (n == 0 && takes_more<T>(std::index_sequence<>{})) return not_taken_apart;
            else return n;
        } else if constexpr (takes_more<T>(std::make_index_sequence<n>{}) || has_base<T>(std::make_index_sequence<n>{}) ||
                             !all_positions_plain<T, n>()) {
            return not_taken_apart;
        } else {
            return n;
        }
    }
}

template <std::size_t N, class T>
constexpr auto declare_members(T& value) {
    if constexpr (N == 0) return type_list<>{};
    if constexpr (N == 1) {
        auto& [a] = value;
        return type_list<decltype(a)>{};
    } else if constexpr (N == 2) {
        auto& [a, b] = value;
        return type_list<decltype(a), decltype(b)>{};
    } else if constexpr (N == 3) {
        auto& [a, b, c] = value;
        return type_list<decltype(a), decltype(b), decltype(c)>{};
    } else if constexpr (N == 4) {
        auto& [a, b, c, d] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d)>{};
    } else if constexpr (N == 5) {
        auto& [a, b, c, d, e] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e)>{};
    } else if constexpr (N == 6) {
        auto& [a, b, c, d, e, f] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f)>{};
    } else if constexpr (N == 7) {
        auto& [a, b, c, d, e, f, g] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g)>{};
    } else if constexpr (N == 8) {
        auto& [a, b, c, d, e, f, g, h] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g),
            decltype(h)>{};
    } else if constexpr (N == 9) {
        auto& [a, b, c, d, e, f, g, h, i] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i)>{};
    } else if constexpr (N == 10) {
        auto& [a, b, c, d, e, f, g, h, i, j] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j)>{};
    } else if constexpr (N == 11) {
        auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k)>{};
    } else if constexpr (N == 12) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l)>{};
    } else if constexpr (N == 13) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m)>{};
    } else if constexpr (N == 14) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n)>{};
    } else if constexpr (N == 15) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o)>{};
    } else if constexpr (N == 16) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p)>{};
    } else if constexpr (N == 17) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p),
            decltype(q)>{};
    } else if constexpr (N == 18) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r)>{};
    } else if constexpr (N == 19) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s)>{};
    } else if constexpr (N == 20) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t)>{};
    } else if constexpr (N == 21) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u)>{};
    } else if constexpr (N == 22) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v)>{};
    } else if constexpr (N == 23) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w)>{};
    } else if constexpr (N == 24) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w), decltype(x)>{};
    } else if constexpr (N == 25) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w), decltype(x), decltype(y)>{};
    } else if constexpr (N == 26) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w), decltype(x), decltype(y),
            decltype(z)>{};
    } else if constexpr (N == 27) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w), decltype(x), decltype(y), decltype(z),
            decltype(A)>{};
    } else if constexpr (N == 28) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w), decltype(x), decltype(y), decltype(z),
            decltype(A), decltype(B)>{};
    } else if constexpr (N == 29) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w), decltype(x), decltype(y), decltype(z),
            decltype(A), decltype(B), decltype(C)>{};
    } else if constexpr (N == 30) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w), decltype(x), decltype(y), decltype(z),
            decltype(A), decltype(B), decltype(C), decltype(D)>{};
    } else if constexpr (N == 31) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w), decltype(x), decltype(y), decltype(z),
            decltype(A), decltype(B), decltype(C), decltype(D), decltype(E)>{};
    } else if constexpr (N == 32) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F] = value;
        return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
            decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o), decltype(p), decltype(q),
            decltype(r), decltype(s), decltype(t), decltype(u), decltype(v), decltype(w), decltype(x), decltype(y), decltype(z),
            decltype(A), decltype(B), decltype(C), decltype(D), decltype(E), decltype(F)>{};
    }
}

template <std::size_t N, class T, class Call>
constexpr decltype(auto) with_members(T& value, Call const& call) {
    if constexpr (N == 0) return call();
    if constexpr (N == 1) {
        auto& [a] = value;
        return call(a);
    } else if constexpr (N == 2) {
        auto& [a, b] = value;
        return call(a, b);
    } else if constexpr (N == 3) {
        auto& [a, b, c] = value;
        return call(a, b, c);
    } else if constexpr (N == 4) {
        auto& [a, b, c, d] = value;
        return call(a, b, c, d);
    } else if constexpr (N == 5) {
        auto& [a, b, c, d, e] = value;
        return call(a, b, c, d, e);
    } else if constexpr (N == 6) {
        auto& [a, b, c, d, e, f] = value;
        return call(a, b, c, d, e, f);
    } else if constexpr (N == 7) {
        auto& [a, b, c, d, e, f, g] = value;
        return call(a, b, c, d, e, f, g);
    } else if constexpr (N == 8) {
        auto& [a, b, c, d, e, f, g, h] = value;
        return call(a, b, c, d, e, f, g, h);
    } else if constexpr (N == 9) {
        auto& [a, b, c, d, e, f, g, h, i] = value;
        return call(a, b, c, d, e, f, g, h, i);
    } else if constexpr (N == 10) {
        auto& [a, b, c, d, e, f, g, h, i, j] = value;
        return call(a, b, c, d, e, f, g, h, i, j);
    } else if constexpr (N == 11) {
        auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k);
    } else if constexpr (N == 12) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l);
    } else if constexpr (N == 13) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m);
    } else if constexpr (N == 14) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
    } else if constexpr (N == 15) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
    } else if constexpr (N == 16) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
    } else if constexpr (N == 17) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
    } else if constexpr (N == 18) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
    } else if constexpr (N == 19) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s);
    } else if constexpr (N == 20) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
    } else if constexpr (N == 21) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u);
    } else if constexpr (N == 22) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v);
    } else if constexpr (N == 23) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w);
    } else if constexpr (N == 24) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x);
    } else if constexpr (N == 25) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y);
    } else if constexpr (N == 26) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z);
    } else if constexpr (N == 27) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A);
    } else if constexpr (N == 28) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B);
    } else if constexpr (N == 29) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C);
    } else if constexpr (N == 30) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D);
    } else if constexpr (N == 31) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E);
    } else if constexpr (N == 32) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F] = value;
        return call(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F);
    }
}

// Room for an object that is not made. A constant expression may refer to its members, but not read them.
template <class T>
union never_made {
    char nothing;
    T value;
    constexpr never_made() : nothing{} {}
    constexpr ~never_made() {}
};
// A reference to const binds to a copy of a bit-field, for which it is read.
struct refer {
    constexpr bool operator()(auto const&...) const { return true; }
};
template <class T, std::size_t N>
consteval bool refer_to_members() {
    never_made<T> const at;
    return with_members<N>(at.value, refer{});
}
template <class T>
consteval bool refer_to_nothing() {
    [[maybe_unused]] never_made<T> const at;
    return true;
}

// Clang 14 makes no such room for a class that constant expressions cannot make; there a bit-field beside one goes unseen, and travels.
template <class T>
concept has_room = std::bool_constant<refer_to_nothing<T>()>::value;
template <class T, std::size_t N>
concept without_bit_fields = !has_room<T> || std::bool_constant<refer_to_members<T, N>()>::value;

template <class T>
    requires std::is_aggregate_v<T> && std::is_class_v<T> && (count_members<T>() != not_taken_apart) &&
             without_bit_fields<T, count_members<T>()>
inline constexpr std::size_t member_count<T> = count_members<T>();

template <class T>
struct member_types {
    using type = decltype(declare_members<member_count<T>>(std::declval<T&>()));
};

}  // namespace muster::detail
