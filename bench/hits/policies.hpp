#pragma once

#include <cstddef>          // size_t
#include <cstdint>          // uint64_t
#include <deque>            // queues
#include <list>             // an order
#include <unordered_map>    // places
#include <vector>           // entries

// The policies of books and papers, over all entries at once: a look that misses stores.

namespace bench::hits {

class lru {
public:
    explicit lru(std::size_t capacity) : capacity_(capacity) {}
    bool look(std::uint64_t key) {
        if (auto const found = at_.find(key); found != at_.end()) {
            order_.splice(order_.end(), order_, found->second);
            return true;
        }
        if (at_.size() == capacity_) {
            at_.erase(order_.front());
            order_.pop_front();
        }
        at_[key] = order_.insert(order_.end(), key);
        return false;
    }

private:
    std::size_t capacity_;
    std::list<std::uint64_t> order_;    // the next to go first
    std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> at_;
};

/// CLOCK: F. J. Corbató, A Paging Experiment with the Multics System, 1968; with two bits for each entry.
class clock_2_bits {
public:
    explicit clock_2_bits(std::size_t capacity) : entries_(capacity) {}
    bool look(std::uint64_t key) {
        if (auto const found = at_.find(key); found != at_.end()) {
            auto& used = entries_[found->second].used;
            used = used < 3 ? used + 1 : 3;
            return true;
        }
        if (at_.size() == entries_.size()) {
            for (; entries_[hand_].used != 0; hand_ = (hand_ + 1) % entries_.size()) --entries_[hand_].used;
            at_.erase(entries_[hand_].key);
        } else {
            hand_ = at_.size();
        }
        entries_[hand_] = {key, 0};
        at_[key] = hand_;
        hand_ = (hand_ + 1) % entries_.size();
        return false;
    }

private:
    struct entry {
        std::uint64_t key = 0;
        int used = 0;
    };
    std::vector<entry> entries_;
    std::size_t hand_ = 0;
    std::unordered_map<std::uint64_t, std::size_t> at_;
};

/// SIEVE: Y. Zhang et al., SIEVE is Simpler than LRU, NSDI 2024.
class sieve {
public:
    explicit sieve(std::size_t capacity) : capacity_(capacity), hand_(order_.end()) {}
    bool look(std::uint64_t key) {
        if (auto const found = at_.find(key); found != at_.end()) {
            found->second->used = true;
            return true;
        }
        if (at_.size() == capacity_) evict();
        order_.push_back({key, false});
        at_[key] = std::prev(order_.end());
        return false;
    }

private:
    struct entry {
        std::uint64_t key;
        bool used;
    };
    void evict() {
        if (hand_ == order_.end()) hand_ = order_.begin();
        while (hand_->used) {
            hand_->used = false;
            if (++hand_ == order_.end()) hand_ = order_.begin();
        }
        at_.erase(hand_->key);
        hand_ = order_.erase(hand_);
    }
    std::size_t capacity_;
    std::list<entry> order_;    // the oldest first
    std::list<entry>::iterator hand_;
    std::unordered_map<std::uint64_t, std::list<entry>::iterator> at_;
};

/// S3-FIFO: J. Yang et al., FIFO Queues are All You Need for Cache Eviction, SOSP 2023.
class s3_fifo {
public:
    explicit s3_fifo(std::size_t capacity) : capacity_(capacity), small_most_(capacity / 10 > 0 ? capacity / 10 : 1) {}
    bool look(std::uint64_t key) {
        if (auto const found = used_.find(key); found != used_.end()) {
            found->second = found->second < 3 ? found->second + 1 : 3;
            return true;
        }
        while (used_.size() >= capacity_) evict();
        if (was_here(key)) main_.push_back(key);
        else small_.push_back(key);
        used_[key] = 0;
        return false;
    }

private:
    bool was_here(std::uint64_t key) {
        auto const found = ghosts_.find(key);
        return found != ghosts_.end() && ghost_number_ - found->second <= capacity_ - small_most_;
    }
    void evict() {
        if (small_.size() >= small_most_ || main_.empty()) {
            while (!small_.empty()) {
                auto const key = small_.front();
                small_.pop_front();
                auto const found = used_.find(key);
                if (found->second > 1) {
                    found->second = 0;
                    main_.push_back(key);
                    continue;
                }
                used_.erase(found);
                ghosts_[key] = ++ghost_number_;
                if (ghosts_.size() > 4 * capacity_) std::erase_if(ghosts_, [this](auto const& each) { return ghost_number_ - each.second > capacity_; });
                return;
            }
        }
        while (!main_.empty()) {
            auto const key = main_.front();
            main_.pop_front();
            auto const found = used_.find(key);
            if (found->second > 0) {
                --found->second;
                main_.push_back(key);
                continue;
            }
            used_.erase(found);
            return;
        }
    }
    std::size_t capacity_, small_most_;
    std::deque<std::uint64_t> small_, main_;
    std::unordered_map<std::uint64_t, int> used_;
    std::unordered_map<std::uint64_t, std::uint64_t> ghosts_;
    std::uint64_t ghost_number_ = 0;
};

}  // namespace bench::hits
