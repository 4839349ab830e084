#pragma once

#include <atomic>         // start and end
#include <cmath>          // pow
#include <cstddef>        // size_t
#include <cstdint>        // uint64_t
#include <cstdlib>        // abort
#include <cstring>        // memcmp
#include <functional>     // function
#include <memory>         // shared_ptr
#include <new>            // placement new
#include <optional>       // a rival that is not there
#include <random>         // keys
#include <string>         // keys
#include <vector>         // calls

#include <sys/mman.h>        // mmap
#include <sys/prctl.h>       // PR_SET_PDEATHSIG
#include <sys/wait.h>        // waitpid
#include <csignal>           // SIGKILL
#include <unistd.h>          // fork

#include <entered.hpp>    // entered
#include <measure.hpp>    // report

// A cache that several processes share, against whatever else they could share: a million keys of 16 to 40 bytes, all of them stored,
// asked for by a Zipf distribution of exponent 0.99; 95 gets and 5 sets of a hundred, or gets alone.

namespace bench::cache {

/// Draws numbers below n, the smaller the more often.
///
/// Source     W. Hörmann, G. Derflinger, Rejection-Inversion to Generate Variates from Monotone Discrete Distributions, 1996,
///            would need no table; a table of 8 MB is simpler, and is made once.
class zipf {
public:
    explicit zipf(std::size_t n, double exponent = 0.99) : sums_(n) {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) sums_[i] = sum += 1 / std::pow(static_cast<double>(i + 1), exponent);
    }
    template <class Random>
    std::size_t operator()(Random& random) const {
        auto const at = std::uniform_real_distribution<>{0, sums_.back()}(random);
        return static_cast<std::size_t>(std::lower_bound(sums_.begin(), sums_.end(), at) - sums_.begin());
    }

private:
    std::vector<double> sums_;
};

/// A key's text, and the first bytes of its value: 16 to 40 of them.
inline std::string key_of(std::uint64_t number) {
    auto text = std::to_string(number) + ':';
    text.append(16 + number * 2'654'435'761 % 25 - text.size(), 'k');
    return text;
}
inline void make_value(std::string const& key, std::size_t size, std::string& into) {
    into = key;
    into.resize(size, 'v');
}
inline bool is_value(std::string const& key, std::size_t size, std::string const& value) {
    return value.size() == size && std::memcmp(value.data(), key.data(), key.size()) == 0;
}

struct problem {
    std::size_t keys, value_size;
};

/// What somebody asks for, in order; the keys lie in that order, as those of requests that just came in do.
struct calls {
    std::vector<std::string> keys;
    std::vector<bool> is_set;

    calls(problem const& of, zipf const& chances, std::size_t count, unsigned sets_of_100, unsigned seed) : is_set(count) {
        std::mt19937_64 random{seed};
        keys.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            keys.push_back(key_of(chances(random) * 7'919 % of.keys));
            is_set[i] = random() % 100 < sets_of_100;
        }
    }
};

/// One process's, or thread's, way into a store.
struct client {
    std::function<bool(std::string const& key, std::string& value)> get;
    std::function<void(std::string const& key, std::string const& value)> set;
    std::function<void(std::vector<std::string> const& keys, std::size_t first, std::size_t count, std::size_t value_size)> get_many = {};    // checks them
};

/// A store that is filled, and how to be one of its clients.
struct rival {
    std::string name;
    std::function<client()> connect;
    bool threads = false;              // its clients are threads of one process
    std::size_t slower = 1;            // so many times fewer calls are measured
    std::shared_ptr<void> keeps = {};  // what ends with it
};

/// Each file enters its own.
struct store {
    std::string name;
    std::optional<rival> (*make)(problem const& of);    // none where its server cannot be started
};

template <class Set>
void fill(problem const& of, Set const& set) {
    std::vector<std::uint32_t> order(of.keys);
    for (std::size_t i = 0; i < of.keys; ++i) order[i] = static_cast<std::uint32_t>(i);
    std::shuffle(order.begin(), order.end(), std::mt19937{1});
    std::string value;
    for (auto const number : order) {
        auto const key = key_of(number);
        make_value(key, of.value_size, value);
        set(key, value);
    }
}

void compare_stores(report const& to);

}  // namespace bench::cache
