#include <charconv>    // from_chars

#include "problem.hpp"
#include "server.hpp"

// By a unix socket, in its text protocol: one get for each call, and 64 in one.

namespace bench::cache {

namespace {

// "VALUE key flags bytes", the bytes, and in the end "END".
bool take(connection& from, std::string& value) {
    auto const line = from.line();
    if (line == "END") return false;
    std::size_t size = 0;
    auto const at = line.rfind(' ');
    std::from_chars(line.data() + at + 1, line.data() + line.size(), size);
    value = from.bytes(size + 2).substr(0, size);
    return true;
}

std::optional<rival> make(problem const& of) {
    auto const path = "/tmp/muster-bench-memcached-" + std::to_string(getpid());
    auto const running = std::make_shared<server>(std::vector<std::string>{"memcached", "-u", "root", "-s", path, "-m", "4096", "-t", "2"}, path);
    if (!running->runs()) {
        std::fprintf(stderr, "  without memcached, which was not found (Debian: apt-get install memcached)\n");
        return std::nullopt;
    }
    auto const set = [](connection& to, std::string const& key, std::string const& value) {
        to.send("set " + key + " 0 0 " + std::to_string(value.size()) + "\r\n" + value + "\r\n");
    };
    {
        connection to{path};
        std::size_t open = 0;
        fill(of, [&](std::string const& key, std::string const& value) {
            set(to, key, value);
            for (++open; open == 100; open = 0)
                for (int i = 0; i < 100; ++i)
                    if (to.line() != "STORED") std::abort();
        });
    }
    return rival{.name = "memcached",
                 .connect = [running, set] {
                     auto const to = std::make_shared<connection>(running->socket());
                     if (!to->there()) std::abort();
                     return client{.get = [to](std::string const& key, std::string& value) {
                                       to->send("get " + key + "\r\n");
                                       return take(*to, value) && to->line() == "END";
                                   },
                                   .set = [to, set](std::string const& key, std::string const& value) {
                                       set(*to, key, value);
                                       if (to->line() != "STORED") std::abort();
                                   },
                                   .get_many = [to](std::vector<std::string> const& keys, std::size_t first, std::size_t count, std::size_t value_size) {
                                       std::string ask = "get", value;
                                       for (std::size_t i = first; i < first + count; ++i) ask += ' ' + keys[i];
                                       to->send(ask + "\r\n");
                                       std::size_t found = 0;
                                       for (; take(*to, value); ++found)
                                           if (value.size() != value_size) std::abort();
                                       if (found == 0) std::abort();
                                   }};
                 },
                 .slower = 20,
                 .keeps = running};
}

entered<store> const it{{"memcached", make}};

}  // namespace

}  // namespace bench::cache
