#include <mutex>            // unique_lock
#include <shared_mutex>     // shared_mutex
#include <string>           // keys
#include <unordered_map>    // entries

#include "problem.hpp"

// What one process writes that has no cache: it shares nothing with others, and forgets nothing.

namespace bench::cache {

namespace {

std::optional<rival> make(problem const& of) {
    struct locked_map {
        std::unordered_map<std::string, std::string> entries;
        std::shared_mutex mutex;
    };
    auto const filled = std::make_shared<locked_map>();
    fill(of, [&](std::string const& key, std::string const& value) { filled->entries.emplace(key, value); });
    return rival{.name = "map_and_mutex",
                 .connect = [filled] {
                     return client{.get = [filled](std::string const& key, std::string& value) {
                                       std::shared_lock lock(filled->mutex);
                                       auto const found = filled->entries.find(key);
                                       if (found == filled->entries.end()) return false;
                                       value = found->second;
                                       return true;
                                   },
                                   .set = [filled](std::string const& key, std::string const& value) {
                                       std::unique_lock lock(filled->mutex);
                                       filled->entries.insert_or_assign(key, value);
                                   }};
                 },
                 .threads = true};
}

entered<store> const it{{"map_and_mutex", make}};

}  // namespace

}  // namespace bench::cache
