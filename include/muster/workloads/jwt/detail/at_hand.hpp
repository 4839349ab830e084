#pragma once

#include <map>            // by name
#include <memory>         // weak_ptr
#include <mutex>          // mutex
#include <stdexcept>      // invalid_argument
#include <string>         // names
#include <string_view>    // what it is
#include <utility>        // move

#include <muster/core/failure.hpp>    // cause
#include <muster/core/json.hpp>       // json_text
#include <muster/core/outcome.hpp>    // bad_outcome

namespace muster::jwt::detail {

// What a process has under a name, so that a task travels as that name alone and finds its keys where it arrives: keys never do.
template <class T>
class at_hand {
public:
    // Throws std::invalid_argument where somebody has the name.
    static void put(std::string const& name, std::shared_ptr<T const> const& what, std::string_view kind) {
        if (name.empty()) return;
        std::lock_guard lock(mutex());
        auto& place = all()[name];
        if (!place.expired())
            throw std::invalid_argument{"muster: this process has a " + std::string{kind} + " named " + json_text(name) + " already"};
        place = what;
    }
    // Null where nobody has it.
    static std::shared_ptr<T const> get(std::string const& name) {
        std::lock_guard lock(mutex());
        auto const found = all().find(name);
        return found == all().end() ? nullptr : found->second.lock();
    }
    static failure missing(std::string const& name, std::string_view kind) {
        return {cause::unavailable, "muster: this process has no " + std::string{kind} + " named " + json_text(name) +
                                        "; make one in the warm_up of the pool, and keep it"};
    }
    // The name of what travels.
    static std::string const& of(std::string const& name, std::string_view kind) {
        if (name.empty())
            throw bad_outcome{failure{cause::invalid_input, "muster: a " + std::string{kind} + " goes to another process by its name, so that "
                                                            "its keys do not: write {.name = ...}, and make one of that name in the warm_up "
                                                            "of the pool"}};
        return name;
    }

private:
    static std::mutex& mutex() {
        static std::mutex one;
        return one;
    }
    static std::map<std::string, std::weak_ptr<T const>>& all() {
        static std::map<std::string, std::weak_ptr<T const>> names;
        return names;
    }
};

}  // namespace muster::jwt::detail
