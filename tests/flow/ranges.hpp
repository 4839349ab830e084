// Ranges that are no container: each lacks something that a vector has.
#pragma once

#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

namespace muster::testing {

/// The characters of a text that ends with a 0: random access, and nobody knows how many before they are counted.
struct counted_by_walking {
    struct end_of_text {
        friend bool operator==(char const* at, end_of_text) { return *at == '\0'; }
    };
    char const* text;
    [[nodiscard]] char const* begin() const { return text; }
    [[nodiscard]] static end_of_text end() { return {}; }
};

/// The words "0" to "n - 1", each made when it is reached: can be read once, and its iterator cannot be copied. Reading may throw.
class read_once {
public:
    class iterator {
    public:
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;

        explicit iterator(read_once& from) : from_(&from) { from.word_ = "0"; }
        iterator(iterator&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
        iterator& operator=(iterator&& other) noexcept { return from_ = std::exchange(other.from_, nullptr), *this; }

        std::string& operator*() const { return from_->word_; }
        iterator& operator++() {
            from_->word_ = std::to_string(++from_->at_);
            if (from_->at_ == from_->torn_at_) throw std::runtime_error{"torn at " + from_->word_};
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return from_->at_ == from_->words_; }

    private:
        read_once* from_;
    };

    explicit read_once(std::size_t words, std::size_t torn_at = static_cast<std::size_t>(-1)) : words_(words), torn_at_(torn_at) {}
    [[nodiscard]] iterator begin() { return iterator{*this}; }
    [[nodiscard]] static std::default_sentinel_t end() { return {}; }

private:
    std::size_t words_;
    std::size_t torn_at_;
    std::size_t at_ = 0;
    std::string word_;
};

/// The numbers from 0, read once: to go on to number `at` throws.
struct torn_numbers {
    int at;
    struct iterator {
        using iterator_concept = std::input_iterator_tag;
        using value_type = int;
        using difference_type = std::ptrdiff_t;
        int torn_at = 0, now = 0;
        int operator*() const { return now; }
        iterator& operator++() {
            if (++now == torn_at) throw std::runtime_error{"torn at " + std::to_string(now)};
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return false; }
    };
    [[nodiscard]] iterator begin() const { return {at}; }
    [[nodiscard]] static std::default_sentinel_t end() { return {}; }
};

}  // namespace muster::testing
