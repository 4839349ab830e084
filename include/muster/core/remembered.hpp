#pragma once

#include <muster/core/outcome.hpp>    // outcome
#include <muster/core/waiter.hpp>     // instant, never

namespace muster {

/// An answer, or a failure that is worth remembering, and its times: what a cache holds for `cached` with options.
///
///     memory_cache<std::string, remembered<page>> pages;
///     shm_cache<std::string, remembered<page>> pages{"pages"};    // where page travels
///
/// Shape      an aggregate; it travels where V does.
/// Default    did not run, and over: nobody is given it.
/// Units      instants of the context's time source; processes of one machine share the default one.
template <class V>
struct remembered {
    outcome<V> answer{failure{}};
    instant made{};           ///< when it was there
    instant renew_from{};     ///< who asks from then on gets a newer one made; later while somebody is at it, and after a failure
    instant fresh_until{};    ///< until then it is as good as new
    instant given_until{};    ///< until then it may be given, while somebody makes a newer one; the fresh time included

    [[nodiscard]] bool fresh(instant now) const noexcept { return now < fresh_until; }
    [[nodiscard]] bool over(instant now) const noexcept { return now >= given_until && given_until != never; }

    friend bool operator==(remembered const&, remembered const&) = default;
};

namespace detail {
template <class T>
inline constexpr bool is_remembered = false;
template <class V>
inline constexpr bool is_remembered<remembered<V>> = true;

template <class T>
struct remembered_in { using type = T; };
template <class V>
struct remembered_in<remembered<V>> { using type = V; };
}  // namespace detail

}  // namespace muster
