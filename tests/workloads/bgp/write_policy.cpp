#include <muster/workloads/bgp/write_policy.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <muster/cache/file_cache.hpp>
#include <muster/core/pipeline.hpp>
#include <muster/policy/cached.hpp>
#include <muster/process/command_runner.hpp>
#include <muster/workloads/bgp/cache_key.hpp>
#include <muster/workloads/bgp/for_request.hpp>
#include <muster/workloads/bgp/generate_policies.hpp>
#include <muster/workloads/bgp/irr_responder.hpp>
#include <muster/workloads/bgp/policy_cache.hpp>
#include <muster/workloads/bgp/run_bgpq4.hpp>

#include "catch.hpp"
#include "folder.hpp"
#include "killed_child.hpp"
#include "program.hpp"

using namespace muster::bgp;
using muster::cause;
using file = written_policy::file;

namespace {

router_policy made(std::string_view object, std::string text, std::size_t entries) {
    return {.asked = {.object = irr_object::parse(object).value()}, .list = {.text = std::move(text),
            .entries = entries}};
}
std::string content(std::string const& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}
void put(std::string const& path, std::string_view text) { std::ofstream{path, std::ios::binary} << text; }

}  // namespace

TEST_CASE("write_policy: writes the text, leaves an equal one alone, replaces another", "[bgp][write_policy]") {
    test::folder folder;
    write_policy const write{folder.path(), {.format = output_format::junos}};
    auto const first = write(made("AS13335", "one\n", 1)).value();
    CHECK(first.what == file::written);
    CHECK(first.path == folder / "AS13335-v4.junos");
    CHECK(content(first.path) == "one\n");
    CHECK(write(made("AS13335", "one\n", 1))->what == file::unchanged);
    CHECK(write(made("AS13335", "two\n", 1))->what == file::written);
    CHECK(content(first.path) == "two\n");
    CHECK(folder.files() == 1);    // no temporary left
}

TEST_CASE("write_policy: an empty answer never takes the place of a file, and makes none", "[bgp][write_policy]") {
    test::folder folder;
    write_policy const write{folder.path(), {.format = output_format::bird}};
    CHECK(write(made("AS13335", "", 0))->what == file::none);
    CHECK(folder.files() == 0);
    put(folder / "AS13335-v4.bird", "good\n");
    CHECK(write(made("AS13335", "", 0))->what == file::kept);
    CHECK(content(folder / "AS13335-v4.bird") == "good\n");
}

TEST_CASE("write_policy: names of files come from an allow-list and differ where requests differ",
          "[bgp][write_policy]") {
    write_policy const write{"/out", {.format = output_format::json}};
    CHECK(write.path_of({.object = irr_object::parse("AS1:AS-X").value(),
                         .family = address_family::ipv6}) == "/out/AS1+AS-X-v6.json");
    write_policy const paths{"/out", {.format = output_format::ios, .kind = list_kind::path_from}};
    CHECK(paths.path_of({.object = irr_object::parse("AS1").value()}) == "/out/AS1-path-from.ios");
}

TEST_CASE("write_policy: a folder that is not there is a failure, and the run goes on", "[bgp][write_policy]") {
    test::folder folder;
    write_policy const write{folder / "nowhere", {}};
    auto const failed = write(made("AS13335", "x\n", 1));
    REQUIRE(!failed);
    CHECK(failed.error().is(cause::unavailable));
}

TEST_CASE("write_policy: a writer killed at any moment leaves every policy file and every cache entry whole or absent",
          "[bgp][write_policy][forks][soak][bgpq4]") {
    if (test::run({"bgpq4", "-v"}).exit_code == 127) SKIP("no bgpq4");
    std::vector<std::string> many;    // a text of many blocks: there is a middle to be torn at
    for (int i = 0; i < 4'000; ++i)
        many.push_back("10." + std::to_string(i / 100) + '.' + std::to_string(i % 100 * 2) + ".0/24");
    irr_data data = irr_data::bundled();
    data.add(7, many);
    irr_responder server{std::move(data)};
    policy_options const options{.server = server.address(), .format = output_format::junos};
    cache_key const key{"1.9"};
    test::folder folder;
    auto const out = folder / "out", remembered = folder / "cache";
    std::filesystem::create_directories(out);
    write_policy const write{out, options};

    // Two lists take turns in each file, told apart by their names.
    std::map<std::string, std::vector<std::string>> whole;                // by file
    std::map<std::string, std::string> whole_entries;                     // by key
    std::vector<std::vector<request>> rounds(2);
    for (std::size_t which = 0; which < 2; ++which)
        for (auto const* object : {"AS7", "AS13335", "AS-EXAMPLE-NESTED"}) {
            rounds[which].push_back({.object = irr_object::parse(object).value(),
                                     .name = policy_name::parse(which == 0 ? "ONE" : "ANOTHER").value()});
            auto const& asked = rounds[which].back();
            auto const planned = plan{options}(asked).value();
            std::vector<std::string> words{"bgpq4"};
            words.insert(words.end(), planned.run.args.begin(), planned.run.args.end());
            auto const text = test::run(words).out;
            REQUIRE(!text.empty());
            whole[write.path_of(asked)].push_back(text);
            whole_entries[key(planned)] = text;
        }

    std::mt19937 random{4};
    std::uniform_int_distribution<long> moment{200'000, 40'000'000};
    int survived = 0, torn = 0, damaged = 0, entries = 0;
    std::vector<int> seen(2, 0);
    int const kills = soak() ? 1'000 : 60;
    for (int i = 0; i < kills; ++i) {
        struct writer {
            muster::file_cache files;
            policy_cache<muster::file_cache> answers{files};
            muster::command_runner runner{};
            explicit writer(std::string const& in) : files(in) {}
        };
        std::optional<writer> mine;
        auto turn = static_cast<std::size_t>(i);
        survived += !run_until_killed(moment(random), [&] {
            if (!mine) mine.emplace(remembered);
            mine->files.clear();                                          // so that entries are written, too
            auto const asking = muster::cached{mine->answers, key} | muster::pipeline{run_bgpq4{mine->runner}, judge};
            auto const flow = muster::pipeline{plan{options}, for_request{asking}, write};
            return generate_policies(rounds[turn++ % 2], flow, {.workers = 2}).all_done();
        });
        for (auto const& each : std::filesystem::directory_iterator{out}) {
            auto const found = whole.find(each.path().string());
            if (found == whole.end()) continue;                           // a temporary file, which nobody reads
            auto const text = content(each.path().string());
            bool const one = text == found->second[0], another = text == found->second[1];
            torn += !one && !another;
            seen[0] += one;
            seen[1] += another;
        }
        muster::file_cache files{remembered};
        policy_cache answers{files};
        for (auto const& [of, text] : whole_entries)
            if (auto const list = answers.get(of)) {
                ++entries;
                torn += list->text != text;
            }
        damaged += static_cast<int>(files.stats().damaged);
    }
    CHECK(survived == 0);
    CHECK(torn == 0);
    CHECK(damaged == 0);
    CHECK(seen[0] > 0);
    CHECK(seen[1] > 0);
    CHECK(entries > 0);
    muster::atomic_file::sweep(out, std::chrono::seconds{0});             // what the killed ones left half written
    for (auto const& each : std::filesystem::directory_iterator{out}) CHECK(whole.contains(each.path().string()));
}
