#include <charconv>    // from_chars

#include "problem.hpp"
#include "server.hpp"

// By a unix socket, nothing written to a disk: one get for each call, and 64 in a pipeline.

namespace bench::cache {

namespace {

std::string command(std::initializer_list<std::string_view> words) {
    auto text = '*' + std::to_string(words.size()) + "\r\n";
    for (auto const word : words) text.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
    return text;
}
bool take(connection& from, std::string& value) {
    auto const line = from.line();
    if (line.empty() || line[0] != '$') std::abort();
    if (line == "$-1") return false;
    std::size_t size = 0;
    std::from_chars(line.data() + 1, line.data() + line.size(), size);
    value = from.bytes(size + 2).substr(0, size);
    return true;
}

std::optional<rival> make(problem const& of) {
    auto const path = "/tmp/muster-bench-redis-" + std::to_string(getpid());
    auto const running = std::make_shared<server>(std::vector<std::string>{"redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"}, path);
    if (!running->runs()) {
        std::fprintf(stderr, "  without redis, which was not found (Debian: apt-get install redis-server)\n");
        return std::nullopt;
    }
    {
        connection to{path};
        std::size_t open = 0;
        fill(of, [&](std::string const& key, std::string const& value) {
            to.send(command({"SET", key, value}));
            for (++open; open == 100; open = 0)
                for (int i = 0; i < 100; ++i)
                    if (to.line() != "+OK") std::abort();
        });
    }
    return rival{.name = "redis",
                 .connect = [running] {
                     auto const to = std::make_shared<connection>(running->socket());
                     if (!to->there()) std::abort();
                     return client{.get = [to](std::string const& key, std::string& value) {
                                       to->send(command({"GET", key}));
                                       return take(*to, value);
                                   },
                                   .set = [to](std::string const& key, std::string const& value) {
                                       to->send(command({"SET", key, value}));
                                       if (to->line() != "+OK") std::abort();
                                   },
                                   .get_many = [to](std::vector<std::string> const& keys, std::size_t first, std::size_t count, std::size_t value_size) {
                                       std::string ask, value;
                                       for (std::size_t i = first; i < first + count; ++i) ask += command({"GET", keys[i]});
                                       to->send(ask);
                                       for (std::size_t i = 0; i < count; ++i)
                                           if (take(*to, value) && value.size() != value_size) std::abort();
                                   }};
                 },
                 .slower = 20,
                 .keeps = running};
}

entered<store> const it{{"redis", make}};

}  // namespace

}  // namespace bench::cache
