#pragma once

#include <atomic>          // the list
#include <string_view>     // by name
#include <system_error>    // error_category

namespace muster {

/// Lets the error codes of a category travel: in another process of the same program, as behind `isolate` or in a shared cache, they are what
/// they were. Those of other categories arrive as the cause that they amount to, with their name and message in the text.
///
///     inline travelling_category const quota_errors{quota_category()};    // beside the category, in its header
///
/// Shape      a category is known by its `name()`; of two with one name the one that was said first.
/// Threads    any number.
/// Lifetime   static, of this and of the category: it is never taken back.
class travelling_category {
public:
    explicit travelling_category(std::error_category const& is) noexcept : is_(is), next_(first().load()) {
        while (!first().compare_exchange_weak(next_, this)) {}
    }
    travelling_category(travelling_category const&) = delete;
    travelling_category& operator=(travelling_category const&) = delete;
    ~travelling_category() = default;

    /// Null: no such one has been said.
    [[nodiscard]] static std::error_category const* named(std::string_view name) noexcept {
        std::error_category const* found = nullptr;
        for (auto const* each = first().load(); each; each = each->next_)
            if (each->is_.name() == name) found = &each->is_;
        return found;
    }

private:
    static std::atomic<travelling_category const*>& first() noexcept {
        static constinit std::atomic<travelling_category const*> it{nullptr};
        return it;
    }

    std::error_category const& is_;
    travelling_category const* next_;
};

}  // namespace muster
