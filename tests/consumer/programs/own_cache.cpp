// A cache that was written outside the library: it holds one entry.
#include <mutex>
#include <optional>
#include <string>

#include <muster/muster.hpp>

class last_one {
public:
    using key_type = int;
    using value_type = std::string;

    std::optional<std::string> get(int key) {
        std::lock_guard lock(mutex_);
        return key_ == key ? value_ : std::nullopt;
    }
    template <class Compute>
    muster::outcome<std::string> get_or_compute(int key, muster::context& cx, Compute const& compute) {
        if (auto known = get(key)) return *known;
        muster::outcome<std::string> made = compute(cx);
        std::lock_guard lock(mutex_);
        if (made) key_ = key, value_ = *made;
        return made;
    }

private:
    std::mutex mutex_;
    int key_ = 0;
    std::optional<std::string> value_;
};
static_assert(muster::cache<last_one>);

int main() {
    last_one memory;
    int computed = 0;
    auto const stage = muster::cached{memory} | [&computed](int key) {
        ++computed;
        return std::to_string(key);
    };
    auto const first = stage(1), second = stage(1), third = stage(2);
    return first.value() == "1" && second.value() == "1" && third.value() == "2" && computed == 2 ? 0 : 1;
}
