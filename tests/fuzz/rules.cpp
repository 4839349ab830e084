// The reader of rules, and the one of the top of collected files, under whatever bytes a fuzzer thinks of:
//
//     clang++-14 -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/rules.cpp -lyaml-cpp -o rules_fuzz
//     mkdir found && ./rules_fuzz -dict=tests/fuzz/rules.dict found tests/fuzz/corpus/rules
//
// Rules that are taken have a name of their own, a regex and a place in the text; written again they are read as the same rules.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include <muster/workloads/search/rules_file.hpp>

namespace {

using namespace muster::searching;

void require(bool holds, char const* what) {
    if (holds) return;
    std::fprintf(stderr, "rules: %s\n", what);
    std::abort();
}

// A text in quotes, as JSON has it but for the one control character that stands there unescaped.
std::string quoted(std::string_view text) {
    auto out = muster::json_text(text);
    for (std::size_t at = 0; (at = out.find('\x7f', at)) != out.npos;) out.replace(at, 1, "\\u007f");
    return out;
}

std::string_view word(bool which) { return which ? "true" : "false"; }

template <class T, class Names>
std::string_view first_name(T which, Names const& of) {
    for (auto const& each : of)
        if (each.is == which) return each.name;
    return "?";
}

std::string written(rule const& of) {
    auto out = quoted(of.name) + ":\n  regex: " + quoted(of.regex) + "\n  comment: " + quoted(of.comment);
    auto const flag = [&](std::string_view name, bool is) { (out += "\n  ").append(name).append(": ").append(word(is)); };
    flag("ignore_case", of.ignore_case);
    flag("only_matching", of.only_matching);
    flag("records", of.records);
    if (of.records) flag("merge_fields", of.merge_fields);
    flag("unique", of.unique);
    flag("full_scan", of.full_scan);
    flag("show_missing", of.show_missing);
    if (!of.record_delimiter.empty()) out += "\n  record_delimiter: " + quoted(of.record_delimiter);
    out += "\n  max_results: " + std::to_string(of.max_results) + "\n  fields: [";
    for (auto const& each : of.fields) out += quoted(each) + ',';
    out += "]\n  systems:";
    if (of.systems.empty()) out += " []";
    for (auto const& each : of.systems) {
        (out += "\n  - attr: ").append(first_name(each.attribute, detail::attributes));
        (out += "\n    comp: ").append(first_name(each.by, detail::comparisons)).append("\n    value: ");
        if (each.by != comparison::among) {
            out += quoted(each.values.at(0));
            continue;
        }
        out += '[';
        for (auto const& value : each.values) out += quoted(value) + ',';
        out += ']';
    }
    return out + "\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const input{reinterpret_cast<char const*>(data), size};
    (void)system_of(input);
    auto const read = parse_rules(input, "f");
    require(read.places.size() == read.rules.size(), "a place for each rule");
    require(read.flaws.size() <= 1'000 && (read.more_flaws == 0 || read.flaws.size() == 1'000), "more flaws than asked for");
    for (auto const& flaw : read.flaws) {
        require(!flaw.text.empty() && flaw.text.size() < 1'000, "a flaw says something, and not too much");
        require(flaw.at.line <= size + 1 && flaw.at.column <= size + 1, "a flaw is in the text");
    }
    std::set<std::string_view> names;
    std::string again;
    for (auto const& each : read.rules) {
        require(!each.name.empty() && names.insert(each.name).second, "a name of its own");
        require(!each.regex.empty(), "a regex");
        require(each.records || (each.record_delimiter.empty() && !each.merge_fields), "what is for records");
        again += written(each);
    }
    if (again.size() > 1'000'000) return 0;    // its quotes and commas may be more than there may be
    auto const same = parse_rules(again);
    if (same.rules == read.rules && same.flawless()) return 0;
    for (auto const& flaw : same.flaws) std::fprintf(stderr, "%s\n", to_string(flaw).c_str());
    std::fprintf(stderr, "%s", again.c_str());
    require(false, "written again, others");
    return 0;
}
