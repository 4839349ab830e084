#include "problem.hpp"

// Every algorithm, signing and verifying apart, by everybody who does it.

namespace bench::tokens {

namespace {

using muster::jwt::algorithm;

// So many tokens take each some 20 ms, of the quick ones.
struct amount {
    algorithm by;
    std::size_t to_sign, to_verify;
};
constexpr amount all[]{{algorithm::hs256, 16'384, 16'384}, {algorithm::eddsa, 1'024, 1'024}, {algorithm::es256, 768, 512},
                       {algorithm::rs256, 96, 1'024}, {algorithm::ps256, 96, 1'024}};

void measure_algorithm(report const& to, amount const& asked) {
    auto const problem = make_problem(asked.by, to.size<std::size_t>(asked.to_sign, 16), to.size<std::size_t>(asked.to_verify, 64));
    std::vector<contender> contenders;
    for (auto const& each : rivals<rival>()) {
        auto const made = each.make(problem);
        if (made.sign) contenders.push_back({"sign_" + each.name, made.sign});
        if (made.verify) contenders.push_back({"verify_" + each.name, made.verify});
    }
    auto const rounds = in_quiet_rounds(contenders, to.size(31, 1), 45);

    for (auto const& name : rounds.names()) {
        auto const count = name.starts_with("sign") ? problem.drafts.size() : problem.views.size();
        std::vector<double> rates;
        for (auto const took : rounds.of(name)) rates.push_back(static_cast<double>(count) / took / 1e3);
        to.figure(problem.name + '_' + name, rates, "k/s");
    }
    for (std::string const what : {"sign_", "verify_"}) {
        auto const prefix = problem.name + '_' + what;
        // speeds: seconds are divided the other way round
        for (std::string const rival : {"libsodium", "openssl", "libjwt", "pyjwt"})
            rounds.ratio(to, prefix + "against_" + rival, what + rival, what + "muster");
        rounds.ratio(to, prefix + "2_wide_speedup", what + "muster_1_wide", what + "muster_2_wide");
        rounds.ratio(to, prefix + "by_64_2_wide_speedup", what + "muster_by_64_1_wide", what + "muster_by_64_2_wide");
        rounds.ratio(to, prefix + "by_64_against_one_by_one", what + "muster", what + "muster_by_64_1_wide");
        rounds.ratio(to, prefix + "2_wide_against_2_bare_threads", what + "muster_2_bare_threads", what + "muster_2_wide");
        rounds.ratio(to, prefix + "2_bare_threads_speedup", what + "muster", what + "muster_2_bare_threads");
    }
}

// Which key to choose. Ed25519 verifies by the table of its key here, as every key does that is used a lot.
void compare_rsa_with_ed25519(report const& to) {
    auto const signs = to.size<std::size_t>(96, 8), verifies = to.size<std::size_t>(1'024, 16);
    auto const rsa = make_problem(algorithm::rs256, signs, verifies), ed25519 = make_problem(algorithm::eddsa, signs, verifies);
    std::vector<contender> contenders;
    for (auto const& each : rivals<rival>())
        if (each.name == "muster")
            for (auto const* problem : {&rsa, &ed25519}) {
                auto const made = each.make(*problem);
                contenders.push_back({"sign_" + problem->name, made.sign});
                contenders.push_back({"verify_" + problem->name, made.verify});
            }
    auto const rounds = in_quiet_rounds(contenders, to.size(31, 1), 20);
    rounds.ratio(to, "sign_ed25519_against_rsa_2048", "sign_rs256", "sign_eddsa");
    rounds.ratio(to, "verify_ed25519_against_rsa_2048", "verify_rs256", "verify_eddsa");
}

entered<part> const it{{"algorithms", [](report const& to) {
                            for (auto const& each : all) measure_algorithm(to, each);
                            compare_rsa_with_ed25519(to);
                        }}};

}  // namespace

}  // namespace bench::tokens
