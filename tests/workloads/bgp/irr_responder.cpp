#include <muster/workloads/bgp/irr_responder.hpp>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "loopback_client.hpp"

using namespace muster::bgp;
using namespace std::chrono_literals;

namespace {

struct client : loopback_client {
    using loopback_client::loopback_client;
    explicit client(irr_responder const& server) : loopback_client(server.port()) {}
};

irr_data small() {
    irr_data data;
    data.add(13335, {"1.1.1.0/24", "1.0.0.0/24"}, {"2606:4700::/32"});
    data.add(15169, {"8.8.8.0/24"});
    data.add(39998, {});
    data.add_set("AS-TEST", {"AS13335", "AS-SUB"});
    data.add_set("AS-SUB", {"AS15169", "AS-TEST"});
    data.add_set("RS-TEST", {"192.0.2.0/24^25-28", "198.51.100.0/24"});
    return data;
}

std::size_t threads_of_this_process() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;)
        if (word == "Threads:") {
            std::size_t count = 0;
            status >> count;
            return count;
        }
    return 0;
}

}  // namespace

TEST_CASE("irr_responder: answers each query of the protocol as IRRd does", "[bgp][irr_responder]") {
    irr_responder server{small()};
    struct line {
        std::string_view query, answer;
    };
    for (auto const& [query, answer] : std::vector<line>{
             {"!!\n!nbgpq4 1.9\n", "C\n"},
             {"!t30\n", "C\n"},
             {"!t0\n", "F Invalid value for timeout\n"},
             {"!s-lc\n", "A21\nRIPE,RADB,ARIN,APNIC\nC\n"},
             {"!sRIPE,RADB\n", "C\n"},
             {"!sNOPE\n", "F One or more selected sources are unavailable.\n"},
             {"!sRIPE,\n", "F One or more selected sources are unavailable.\n"},
             {"!a\n", "F Missing required set name for A query\n"},
             {"!gas13335\n", "A22\n1.1.1.0/24 1.0.0.0/24\nC\n"},
             {"!gAS13335\r\n", "A22\n1.1.1.0/24 1.0.0.0/24\nC\n"},
             {"!6as13335\n", "A15\n2606:4700::/32\nC\n"},
             {"!6as15169\n", "C\n"},
             {"!gas39998\n", "C\n"},
             {"!gas39999\n", "D\n"},
             {"!gas4294980631\n", "D\n"},
             {"!gas\n", "D\n"},
             {"!g\n", "D\n"},
             {"!a4AS-TEST\n", "A33\n1.1.1.0/24 1.0.0.0/24 8.8.8.0/24\nC\n"},
             {"!a6as-test\n", "A15\n2606:4700::/32\nC\n"},
             {"!a4AS-NOPE\n", "D\n"},
             {"!iAS-TEST\n", "A15\nAS13335 AS-SUB\nC\n"},
             {"!iAS-SUB\n", "A16\nAS15169 AS-TEST\nC\n"},
             {"!iAS-TEST,1\n", "A16\nAS13335 AS15169\nC\n"},
             {"!iRS-TEST,1\n", "A35\n192.0.2.0/24^25-28 198.51.100.0/24\nC\n"},
             {"!iAS-NOPE,1\n", "D\n"},
             {"!v\n", "A34\nIRRd -- muster embedded responder\nC\n"},
             {"!zzz\n", "F Unrecognized command\n"},
             {"hello\n", "F Unrecognized command\n"}}) {
        CAPTURE(query);
        client one{server};
        CHECK(one.ask(query, answer) == answer);
        one.say("!q\n");
        CHECK(one.hear_all().empty());    // nothing beyond the answer, then closed
    }
}

TEST_CASE("irr_responder: pipelined queries are answered in order, in one piece or byte by byte",
          "[bgp][irr_responder]") {
    irr_responder server{small()};
    std::string const queries = "!!\n!gas13335\n!gas39999\n!gas15169\n!q\n",
        answers = "A22\n1.1.1.0/24 1.0.0.0/24\nC\nD\nA11\n8.8.8.0/24\nC\n";
    client whole{server};
    whole.say(queries);
    CHECK(whole.hear_all() == answers);
    client slow{server};
    for (char const c : queries) slow.say(std::string_view{&c, 1});
    CHECK(slow.hear_all() == answers);
    client half_closed{server};
    half_closed.say("!gas15169\n");
    half_closed.say_no_more();
    CHECK(half_closed.hear_all() == "A11\n8.8.8.0/24\nC\n");
}

TEST_CASE("irr_responder: latency counts from each query, for pipelined ones and many connections at once",
          "[bgp][irr_responder]") {
    irr_responder server{small(), {.latency = 200ms}};
    auto const threads = threads_of_this_process();
    auto const start = std::chrono::steady_clock::now();
    std::vector<std::unique_ptr<client>> many;
    for (int i = 0; i < 50; ++i) many.push_back(std::make_unique<client>(server));
    for (auto& each : many) each->say("!gas15169\n!gas39999\n!gas15169\n");
    for (auto& each : many) CHECK(each->hear(36) == "A11\n8.8.8.0/24\nC\nD\nA11\n8.8.8.0/24\nC\n");
    auto const took = std::chrono::steady_clock::now() - start;
    CHECK(took >= 200ms);
    CHECK(took < 5s);                                  // one after another: 30 s
    CHECK(threads_of_this_process() == threads);       // timers, not threads
    CHECK(server.stats().peak_connections == 50);
    CHECK(server.stats().data_queries == 150);
}

TEST_CASE("irr_responder: each fault is what it says, for its object alone", "[bgp][irr_responder]") {
    irr_responder server{small()};
    struct line {
        irr_fault how;
        std::string_view answer;
    };
    for (auto const& [how, answer] : std::vector<line>{
             {irr_fault::server_error, "F Internal error: the registry is not available\n"},
             {irr_fault::several_keys, "E\n"},
             {irr_fault::no_data, "C\n"},
             {irr_fault::unknown, "D\n"},
             {irr_fault::wrong_letter, "X what is this\n"},
             {irr_fault::bad_prefix, "A35\n300.1.2.0/24 1.1.1.0/24 1.0.0.0/24\nC\n"},
             {irr_fault::bad_length, "A21\n1.1.1.0/24 1.0.0.0/24\nC\n"},
             {irr_fault::half_answer, "A22\n1.1.1.0/24"},
             {irr_fault::close_early, "A22\n1.1.1.0/24"},
             {irr_fault::silent, ""}}) {
        CAPTURE(name_of(how));
        server.misbehave("AS13335", how);
        client one{server};
        CHECK(one.ask("!gas13335\n", answer) == answer);
        if (how == irr_fault::close_early) {
            CHECK(one.hear_all().empty());
        } else if (how == irr_fault::silent || how == irr_fault::half_answer) {
            one.say("!gas15169\n");                    // and nothing after it, yet the connection stays
            CHECK(!one.something_within(50ms));
        }
        client other{server};
        CHECK(other.ask("!gas15169\n", "A11\n8.8.8.0/24\nC\n") == "A11\n8.8.8.0/24\nC\n");
    }
    server.behave();
    client healed{server};
    CHECK(healed.ask("!gas13335\n", "A22\n1.1.1.0/24 1.0.0.0/24\nC\n") == "A22\n1.1.1.0/24 1.0.0.0/24\nC\n");
}

TEST_CASE("irr_responder: a delayed silence swallows what was asked behind it", "[bgp][irr_responder]") {
    irr_responder server{small(), {.latency = 20ms}};
    server.misbehave("AS13335", irr_fault::silent);
    client one{server};
    one.say("!gas15169\n!gas13335\n!gas15169\n");
    CHECK(one.hear(17) == "A11\n8.8.8.0/24\nC\n");
    one.say("!gas15169\n");
    CHECK(!one.something_within(100ms));
}

TEST_CASE("irr_responder: can refuse connections, leave them in the queue, and serve again on the same port",
          "[bgp][irr_responder]") {
    irr_responder server{small()};
    server.listen(irr_responder::listening::refusing);
    CHECK(!client{server}.connected());
    server.listen(irr_responder::listening::not_accepting);
    client waiting{server};
    CHECK(waiting.connected());
    waiting.say("!gas39999\n");
    CHECK(!waiting.something_within(50ms));
    server.listen(irr_responder::listening::serving);
    CHECK(waiting.hear(2) == "D\n");
}

TEST_CASE("irr_responder: hostile clients cost a bounded amount and nobody else anything", "[bgp][irr_responder]") {
    irr_responder server{small(), {.most_connections = 4, .most_line = 64, .idle = 200ms}};
    auto const fine = [&server] {
        client good{server};
        return good.ask("!gas39999\n", "D\n") == "D\n";
    };
    SECTION("a line without an end") {
        client endless{server};
        endless.say(std::string(100, 'x'));
        CHECK(endless.hear_all().empty());              // closed
        CHECK(fine());
    }
    SECTION("an overlong line with an end") {
        client endless{server};
        endless.say(std::string(100, 'x') + '\n');
        CHECK(endless.hear_all().empty());
    }
    SECTION("more connections than allowed") {
        std::vector<std::unique_ptr<client>> all;
        for (int i = 0; i < 4; ++i) {
            all.push_back(std::make_unique<client>(server));
            CHECK(all.back()->ask("!gas39999\n", "D\n") == "D\n");
        }
        client fifth{server};
        CHECK(fifth.hear_all().empty());
        CHECK(server.stats().refused == 1);
        CHECK(server.stats().connections == 4);
        all.clear();
    }
    SECTION("a connection that never asks, or asks a byte at a time without end") {
        client idle{server};
        CHECK(idle.hear_all().empty());                 // closed after a while
        client dripping{server};
        while (dripping.say("x") && !dripping.something_within(20ms)) {}
        CHECK(dripping.hear_all().empty());
        CHECK(fine());
    }
    SECTION("binary noise, NUL and all") {
        client noisy{server};
        std::string noise;
        for (int i = 0; i < 60; ++i) noise += static_cast<char>(i * 37 + 128);
        noisy.say(noise + std::string{"\0!q\n", 4});
        noisy.say_no_more();
        noisy.hear_all();
        CHECK(fine());
    }
}

TEST_CASE("irr_responder: a client that asks without end and takes nothing is held back", "[bgp][irr_responder]") {
    irr_data data;
    std::vector<std::string> prefixes(2000, "192.0.2.0/24");
    data.add(1, prefixes);
    irr_responder server{std::move(data)};
    client greedy{server};
    std::string asked;
    for (int i = 0; i < 2000; ++i) asked += "!gas1\n";
    CHECK(greedy.say(asked));                           // 50 MB of answers
    client other{server};
    CHECK(other.ask("!gas2\n", "D\n") == "D\n");
    std::size_t const one = std::to_string(13 * 2000).size() + 2 + 13 * 2000 + 2;
    CHECK(greedy.hear(2000 * one).size() == 2000 * one);    // and gets them all when it does
}

TEST_CASE("irr_responder: ends with connections open and answers waiting, and leaves no thread",
          "[bgp][irr_responder]") {
    auto const before = threads_of_this_process();
    for (int round = 0; round < 20; ++round) {
        irr_responder server{small(), {.latency = 1h}};
        client one{server}, two{server};
        one.say("!gas13335\n");
        two.say("!gas13");
    }
    CHECK(threads_of_this_process() == before);
}

TEST_CASE("irr_responder: a port that is taken is said at once", "[bgp][irr_responder]") {
    irr_responder server{small()};
    CHECK_THROWS_AS((irr_responder{small(), {.port = server.port()}}), std::system_error);
}
