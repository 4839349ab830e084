// Signs, verifies and inspects tokens, many at once: one a line, from files or standard input.
//
//   jwt_batch verify --key keys.jwks --issuer https://idp.example --audience gateway tokens.txt
//   jwt_batch sign --key private.pem claims.jsonl        claims, a JSON object a line, are signed as they are written
//   jwt_batch inspect tokens.txt                         what tokens say, whoever made them: nothing is verified
//
// The algorithm is the key's, never the token's. Keys are files: JWK, JWKS or PEM; secrets of HMAC are files too, for a command line is
// seen by everybody on the machine.
//
// Ends 0 when all are good, 1 when some were refused, 2 for a wrong command line, key or file, 130 after Ctrl-C: what is complete by
// then is written.
// ctest: verify --key examples/data/tokens/keys.jwks --issuer https://idp.example --audience gateway --judged examples/data/tokens/judged.txt --json examples/data/tokens/tokens.txt
// ctest: verify --secret examples/data/tokens/secret --audience gateway --jobs 2 examples/data/tokens/hmac_tokens.txt
// ctest: sign --key examples/data/tokens/ed25519.pem examples/data/tokens/claims.jsonl
// ctest: inspect --json examples/data/tokens/hmac_tokens.txt

#include <chrono>           // seconds
#include <cstdint>          // uint64_t
#include <cstdio>           // stdout
#include <exception>        // exception
#include <fstream>          // files
#include <iostream>         // standard input
#include <iterator>         // istreambuf_iterator
#include <map>              // counts
#include <optional>         // an algorithm that is not said
#include <string>           // answers
#include <string_view>      // lines
#include <vector>           // lines

#include <CLI/CLI.hpp>      // the command line

#include "command_line.hpp"

#include <muster/muster.hpp>
#include <muster/observe/interrupts.hpp>
#include <muster/observe/progress.hpp>
#include <muster/observe/tally.hpp>
#include <muster/observe/terminal.hpp>
#include <muster/os/atomic_file.hpp>
#include <muster/workloads/jwt/decode_unverified.hpp>
#include <muster/workloads/jwt/jwk.hpp>
#include <muster/workloads/jwt/jwks.hpp>
#include <muster/workloads/jwt/jws.hpp>
#include <muster/workloads/jwt/verifier.hpp>

using namespace muster;

namespace {

constexpr int some_refused = 1;

struct arguments {
    std::string command;
    std::vector<std::string> files;
    std::vector<std::string> keys, issuers, audiences, required{"exp"};
    std::string secret, algorithm, key_id, type, output, judged, jobs = "auto";
    bool any_audience = false, json = false, quiet = false;
    std::int64_t leeway = 0;
    std::optional<std::int64_t> at;
};

arguments read(int argc, char** argv) {
    arguments said;
    CLI::App app{"Tokens by the batch. Ends 0 when all are good, 1 when some were refused, 2 for a wrong command line, key or file."};
    app.require_subcommand(1);
    auto* const sign = app.add_subcommand("sign", "signs claims, a JSON object a line; writes a token a line, an empty one where none was made");
    auto* const verify = app.add_subcommand("verify", "judges tokens; writes a line of JSON for each");
    auto* const inspect = app.add_subcommand("inspect", "shows what tokens say; nothing is verified");
    for (auto* const each : {sign, verify, inspect}) {
        each->add_option("files", said.files, "one a line; none, or -: standard input; empty lines and those with # in front are passed over");
        each->add_option("-j,--jobs", said.jobs, "auto, or how many at once");
        each->add_option("-o,--output", said.output, "a file for the answers, which is there when it is whole; else standard output");
        each->add_flag("--json", said.json, "the report as JSON on standard output, in place of the answers");
        each->add_flag("-q,--quiet", said.quiet, "no progress, no report");
    }
    for (auto* const each : {sign, verify}) {
        each->add_option("--key", said.keys, "a file: JWK, JWKS or PEM; several make one set")->allow_extra_args(false);
        each->add_option("--secret", said.secret, "a file whose bytes, the last line end too, are the secret of an HMAC");
        each->add_option("--key-algorithm", said.algorithm, "the algorithm of keys that do not say one: RSA in PEM, a secret (else HS256)");
    }
    sign->add_option("--key-id", said.key_id, "which key of several signs; of a key in PEM, and of a secret, the kid that it gets");
    sign->add_option("--type", said.type, "typ of the header; else JWT");
    verify->add_option("--issuer", said.issuers, "iss is this, or one of several")->allow_extra_args(false);
    verify->add_option("--audience", said.audiences, "aud is or holds this, or one of several")->allow_extra_args(false);
    verify->add_flag("--any-audience", said.any_audience, "tokens for whomever they are");
    verify->add_option("--leeway", said.leeway, "seconds that clocks may be apart: 0 to 60");
    verify->add_option("--type", said.type, "typ, as at+jwt; else JWT, or none");
    verify->add_option("--require", said.required, "claims that have to be there; else exp")->allow_extra_args(false);
    verify->add_option("--at", said.at, "judged as of this time, in seconds since 1970; else now");
    verify->add_option("--judged", said.judged, "a file: how each token is to be judged, a line each, \"good\" or the name of a fault; ends 0 when all are");
    parse(app, argc, argv);
    said.command = app.get_subcommands().front()->get_name();
    if (said.command != "inspect" && said.keys.empty() && said.secret.empty()) refuse("give --key or --secret; see --help");
    if (said.leeway < 0 || said.leeway > 60) refuse("--leeway takes 0 to 60 seconds");
    return said;
}

std::string text_of(std::string const& path) {
    std::ifstream file;
    if (path != "-") {
        file.open(path, std::ios::binary);
        if (!file) refuse("cannot read " + json_text(path));
    }
    auto& in = path == "-" ? std::cin : file;
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (in.bad()) refuse("cannot read " + json_text(path) + " to its end");
    return text;
}

// A key's text, wiped when it was read.
struct secret_text {
    explicit secret_text(std::string const& path) : text(text_of(path)) {}
    secret_text(secret_text const&) = delete;
    ~secret_text() { OPENSSL_cleanse(text.data(), text.size()); }
    std::string text;
};

bool is_set(std::string_view text) {
    auto const at = text.find("\"keys\"");
    return at != text.npos && text.find_first_not_of(" \t\r\n", at + 6) == text.find(':', at + 6);
}

std::vector<jwt::key> keys_of(arguments const& said) {
    std::optional<jwt::algorithm> unsaid;
    if (!said.algorithm.empty()) {
        unsaid = jwt::algorithm_of(said.algorithm);
        if (!unsaid) refuse("--key-algorithm " + json_text(said.algorithm) + " is none that is known here");
    }
    std::vector<jwt::key> all;
    auto const add = [&](std::string const& path, outcome<jwt::key> made) {
        if (!made) refuse(json_text(path) + ": " + to_string(made.error()));
        all.push_back(std::move(*made));
    };
    auto const from_pem = [&](std::string_view text) -> outcome<jwt::key> {
        jwt::key_options const named{.id = said.key_id};
        if (unsaid) return jwt::key::from_pem(*unsaid, text, named);
        auto found = jwt::key::from_pem(jwt::algorithm::eddsa, text, named);
        if (!found)    // a key of another kind says so; one that is broken is broken for all of them
            if (auto other = jwt::key::from_pem(jwt::algorithm::es256, text, named)) return other;
        if (!found && jwt::key::from_pem(jwt::algorithm::rs256, text, named))
            return failure{cause::invalid_input, "an RSA key in PEM does not say its algorithm: --key-algorithm RS256 or PS256, ..."};
        return found;
    };
    for (auto const& path : said.keys) {
        secret_text const of{path};
        if (auto const start = of.text.find_first_not_of(" \t\r\n"); start == of.text.npos || of.text[start] != '{') {
            add(path, from_pem(of.text));
        } else if (is_set(of.text)) {
            auto const several = jwt::parse_jwks(of.text, {.when_unsaid = unsaid});
            if (!several) refuse(json_text(path) + ": " + to_string(several.error()));
            all.insert(all.end(), several->keys().begin(), several->keys().end());
        } else {
            add(path, jwt::parse_jwk(of.text, {.when_unsaid = unsaid}));
        }
    }
    if (!said.secret.empty()) {
        secret_text const of{said.secret};
        add(said.secret, jwt::key::hmac(unsaid.value_or(jwt::algorithm::hs256), of.text, {.id = said.key_id}));
    }
    return all;
}

jwt::key signing_key(arguments const& said) {
    std::optional<jwt::key> found;
    for (auto& each : keys_of(said)) {
        if (!each.can_sign() || (!said.key_id.empty() && each.id() != said.key_id)) continue;
        if (found) refuse("several keys could sign: --key-id says which");
        found = std::move(each);
    }
    if (!found) refuse("no key that can sign" + (said.key_id.empty() ? "" : " has the kid " + json_text(said.key_id)));
    return *found;
}

jwt::verifier make_verifier(arguments const& said) {
    jwt::verifier_options asked{.issuers = said.issuers,
                                .audiences = said.audiences,
                                .any_audience = said.any_audience,
                                .type = said.type,
                                .leeway = std::chrono::seconds{said.leeway},
                                .required = said.required};
    if (said.at) asked.clock = [at = std::chrono::sys_seconds{std::chrono::seconds{*said.at}}] { return at; };
    auto all = keys_of(said);
    if (all.size() == 1 && all[0].can_verify()) return jwt::verifier{std::move(all[0]), std::move(asked)};
    auto set = jwt::key_set::of(std::move(all));
    if (!set) refuse("the keys make no set: " + to_string(set.error()));
    return jwt::verifier{std::move(*set), std::move(asked)};
}

struct line {
    std::string_view text;
    std::string_view file;
    std::size_t number;
};

struct inputs {
    explicit inputs(std::vector<std::string> files) : names(std::move(files)) {
        if (names.empty()) names.emplace_back("-");
        texts.reserve(names.size());
        for (auto const& name : names) {
            std::string_view left = texts.emplace_back(text_of(name));
            for (std::size_t number = 1; !left.empty(); ++number) {
                auto const end = std::min(left.find('\n'), left.size());
                auto text = left.substr(0, end);
                left.remove_prefix(std::min(end + 1, left.size()));
                if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
                if (!text.empty() && text.front() != '#') lines.push_back({text, name, number});
            }
        }
    }
    inputs(inputs const&) = delete;

    std::vector<std::string> names, texts;
    std::vector<line> lines;
};

// "expired", or what else a failure is called; nothing for what did not run.
std::string fault_of(failure const& why) {
    if (why.is(cause::cancelled)) return {};
    if (why.code().category() == jwt::fault_category()) return std::string{name_of(static_cast<jwt::fault>(why.code().value()))};
    return why.code().message();
}

// JSON on one line: a line end that it holds is white space.
std::string on_one_line(std::string_view json) {
    std::string out{json};
    for (char& c : out)
        if (c == '\n' || c == '\r') c = ' ';
    return out;
}

std::string row_of(line const& at, std::string_view members) {
    return "{\"file\":" + json_text(at.file) + ",\"line\":" + std::to_string(at.number) + ',' + std::string{members} + "}\n";
}
std::string row_of(line const& at, failure const& why) {
    auto const sentence = why.code().message() + (why.text().empty() ? "" : ": ") + why.text();
    return row_of(at, "\"good\":false,\"fault\":" + json_text(fault_of(why)) + ",\"why\":" + json_text(sentence));
}
// What each command writes for a line; nothing for what did not run, but that lines of claims and of tokens stay side by side.
std::string answer(line const&, outcome<std::string> const& token) { return (token ? *token : "") + '\n'; }
std::string answer(line const& at, outcome<jwt::claims> const& said) {
    if (said) return row_of(at, "\"good\":true,\"claims\":" + on_one_line(said->payload()));
    return said.error().is(cause::cancelled) ? "" : row_of(at, said.error());
}
std::string answer(line const& at, outcome<jwt::unverified> const& found) {
    if (found) return row_of(at, "\"verified\":false,\"header\":" + on_one_line(found->header) + ",\"claims\":" + on_one_line(found->said.payload()));
    return found.error().is(cause::cancelled) ? "" : row_of(at, found.error());
}

struct sums {
    std::uint64_t good = 0, refused = 0, not_done = 0;
    std::map<std::string, std::uint64_t> faults;
};

template <class T>
sums count(std::vector<outcome<T>> const& answers) {
    sums out;
    for (auto const& each : answers) {
        if (each) {
            ++out.good;
        } else if (auto const fault = fault_of(each.error()); fault.empty()) {
            ++out.not_done;
        } else {
            ++out.refused;
            ++out.faults[fault];
        }
    }
    return out;
}

// How many were judged in another way than the list says.
template <class T>
std::size_t differing(std::string const& list, std::vector<line> const& lines, std::vector<outcome<T>> const& answers) {
    inputs const wanted{{list}};
    if (wanted.lines.size() != lines.size())
        refuse(json_text(list) + " judges " + std::to_string(wanted.lines.size()) + " tokens, and there are " + std::to_string(lines.size()));
    std::size_t differ = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (!answers[i] && answers[i].error().is(cause::cancelled)) continue;
        auto const got = answers[i] ? "good" : fault_of(answers[i].error());
        if (got == wanted.lines[i].text) continue;
        ++differ;
        std::fprintf(stderr, "jwt_batch: %s, line %zu: %s, and should be %s\n", std::string{lines[i].file}.c_str(), lines[i].number, got.c_str(),
                     std::string{wanted.lines[i].text}.c_str());
    }
    return differ;
}

void say_report(arguments const& said, sums const& counts, run_report const& run) {
    auto const seconds = std::chrono::duration<double>(run.wall).count();
    auto const rate = seconds > 0 ? static_cast<double>(run.finished) / seconds : 0.0;
    if (said.json) {
        std::string text;
        json_writer json{text, 2};
        json.object([&] {
            json.member("command", said.command).member("verified", said.command == "verify");
            json.member("tokens", run.items).member(said.command == "inspect" ? "read" : "good", counts.good).member("refused", counts.refused).member("not_done", counts.not_done);
            json.member("faults", [&] {
                json.object([&] {
                    for (auto const& [fault, times] : counts.faults) json.member(fault, times);
                });
            });
            json.member("seconds", run.wall).member("tokens_per_second", rate).member("speedup", run.speedup()).member("workers", run.workers);
            json.member("run", run);
        });
        std::puts(text.c_str());
    } else if (!said.quiet) {
        for (auto const& [fault, times] : counts.faults) std::fprintf(stderr, "%8llu  %s\n", static_cast<unsigned long long>(times), fault.c_str());
        std::fprintf(stderr, "%s; %.0f a second\n", to_string(run).c_str(), rate);
    }
    if (said.command == "inspect" && !said.quiet) std::fprintf(stderr, "Nothing was verified: anybody may have written these tokens.\n");
}

template <class Task>
int run(arguments const& said, Task const& task) {
    auto const workers = width_of("--jobs", said.jobs);
    inputs const in{said.files};

    terminal screen;
    settings const switches{{.complain = screen}};
    interrupts signals{{.say = screen}};
    progress bar{screen, {.title = said.command, .total = in.lines.size(), .quiet = said.quiet || said.json, .stop = signals.token()}};
    tally calls;

    thread_pool pool{workers.fixed().value_or(0)};
    context const until_stopped{signals.token()};
    auto const on_text = [&](line const& each) { return task(each.text); };
    auto const answers = map(in.lines, on{pool, workers, switches} | observe{bar} | observe{calls} | on_text, until_stopped);
    bar.finish();

    if (!said.json || !said.output.empty()) {
        std::string text;
        for (std::size_t i = 0; i < answers.size(); ++i) text += answer(in.lines[i], answers[i]);
        if (said.output.empty()) {
            std::fwrite(text.data(), 1, text.size(), stdout);
        } else if (auto const written = atomic_file::replace(said.output, text, {.mode = 0600}); !written) {    // tokens are for nobody else
            std::fprintf(stderr, "jwt_batch: %s\n", to_string(written.error()).c_str());
            return usage;
        }
    }
    auto const counts = count(answers);
    say_report(said, counts, calls.report());
    auto const differ = said.judged.empty() ? counts.refused : differing(said.judged, in.lines, answers);
    if (signals.interrupted()) return signals.exit_code();
    return differ == 0 ? 0 : some_refused;
}

int run(arguments const& said) {
    if (said.command == "inspect") return run(said, jwt::decode_unverified);
    if (said.command == "verify") return run(said, make_verifier(said));
    auto const key = signing_key(said);
    jwt::header_options const header{.type = said.type.empty() ? "JWT" : said.type};
    return run(said, [&](std::string_view text) -> outcome<std::string> {
        if (auto const claims = jwt::claims::parse(text); !claims) return claims.error();
        return jwt::sign(key, text, header);
    });
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(read(argc, argv));
    } catch (std::exception const& broken) {
        std::fprintf(stderr, "jwt_batch: %s\n", broken.what());
        return usage;
    }
}
