#include <cstdlib>    // abort

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/unordered_map.hpp>

#include "problem.hpp"

// A map and a mutex in shared memory. Whoever dies with the mutex blocks all others for ever.

namespace bench::cache {

namespace {

namespace ipc = boost::interprocess;
using manager = ipc::managed_shared_memory::segment_manager;
using text = ipc::basic_string<char, std::char_traits<char>, ipc::allocator<char, manager>>;
struct hash_of_text {
    std::size_t operator()(text const& of) const { return std::hash<std::string_view>{}({of.data(), of.size()}); }
    std::size_t operator()(std::string const& of) const { return std::hash<std::string_view>{}(of); }
};
struct same_text {
    bool operator()(text const& a, text const& b) const { return a == b; }
    bool operator()(std::string const& a, text const& b) const { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0; }
};
using entries = boost::unordered_map<text, text, hash_of_text, same_text, ipc::allocator<std::pair<text const, text>, manager>>;

struct shared_entries {
    shared_entries(std::string name, std::size_t bytes)
        : name_(std::move(name)), memory(ipc::create_only, name_.c_str(), bytes), mutex(memory.construct<ipc::interprocess_mutex>(ipc::unique_instance)()),
          all(memory.construct<entries>(ipc::unique_instance)(2'000'000, hash_of_text{}, same_text{}, memory.get_segment_manager())) {}
    shared_entries(shared_entries const&) = delete;
    ~shared_entries() { ipc::shared_memory_object::remove(name_.c_str()); }

    text of(std::string const& what) { return {what.data(), what.size(), ipc::allocator<char, manager>{memory.get_segment_manager()}}; }
    bool get(std::string const& key, std::string& value) {
        ipc::scoped_lock lock(*mutex);
        auto const found = all->find(key, hash_of_text{}, same_text{});
        if (found == all->end()) return false;
        value.assign(found->second.data(), found->second.size());
        return true;
    }
    void set(std::string const& key, std::string const& value) {
        ipc::scoped_lock lock(*mutex);
        auto const found = all->find(key, hash_of_text{}, same_text{});
        if (found != all->end()) found->second.assign(value.data(), value.size());
        else all->emplace(of(key), of(value));
    }

private:
    std::string name_;

public:
    ipc::managed_shared_memory memory;
    ipc::interprocess_mutex* mutex;
    entries* all;
};

std::optional<rival> make(problem const& of) {
    auto const filled = std::make_shared<shared_entries>("muster-bench-boost-" + std::to_string(getpid()), of.keys * (of.value_size + 300) + (std::size_t{64} << 20));
    fill(of, [&](std::string const& key, std::string const& value) { filled->set(key, value); });
    return rival{.name = "boost_interprocess",
                 .connect = [filled] {    // mapped before the processes are forked
                     return client{.get = [filled](std::string const& key, std::string& value) { return filled->get(key, value); },
                                   .set = [filled](std::string const& key, std::string const& value) { filled->set(key, value); }};
                 },
                 .keeps = filled};
}

entered<store> const it{{"boost_interprocess", make}};

}  // namespace

}  // namespace bench::cache
