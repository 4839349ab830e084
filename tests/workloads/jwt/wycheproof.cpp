// The vectors of Project Wycheproof, read where they lie: MUSTER_WYCHEPROOF_DIR, of the environment or of the build.
#include <muster/workloads/jwt/detail/ed25519_table.hpp>
#include <muster/workloads/jwt/jwk.hpp>
#include <muster/workloads/jwt/jws.hpp>
#include <muster/workloads/jwt/key_set.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "tokens.hpp"

#ifndef MUSTER_WYCHEPROOF_DIR
#define MUSTER_WYCHEPROOF_DIR ""
#endif

using namespace muster::jwt;
using tokens::fault_of;

namespace {

std::optional<nlohmann::json> vectors(std::string const& file) {
    auto const* const asked = std::getenv("MUSTER_WYCHEPROOF_DIR");
    std::ifstream in{std::string{asked ? asked : MUSTER_WYCHEPROOF_DIR} + "/" + file};
    if (!in) return std::nullopt;
    return nlohmann::json::parse(in);
}

std::string bytes_of(std::string const& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

// The algorithm of the header: for keys that do not say theirs.
jwk_options by_header(std::string const& token) {
    std::string room(token.size(), '\0');
    auto const header = base64url::decode(std::string_view{token}.substr(0, token.find('.')), room);
    auto const json = header ? nlohmann::json::parse(*header, nullptr, false) : nlohmann::json{};
    if (!json.is_object() || !json.contains("alg") || !json["alg"].is_string()) return {};
    return {.when_unsaid = algorithm_of(json["alg"].get<std::string>())};
}

}  // namespace

TEST_CASE("wycheproof: Ed25519: every signature is judged as it should be", "[jwt][wycheproof]") {
    auto const all = vectors("ed25519_test.json");
    if (!all) SKIP("ed25519_test.json of Wycheproof is not in MUSTER_WYCHEPROOF_DIR");
    int accepted = 0, refused = 0;
    for (auto const& group : all->at("testGroups")) {
        auto const verifies = key::ed25519_public(bytes_of(group.at("publicKey").at("pk")));
        REQUIRE(verifies);
        std::array<unsigned char, 32> raw{};
        auto const raw_text = bytes_of(group.at("publicKey").at("pk"));
        REQUIRE(raw_text.size() == raw.size());
        std::copy(raw_text.begin(), raw_text.end(), raw.begin());
        auto const table = detail::ed25519_table::of(raw);
        REQUIRE(table);
        if (group.contains("publicKeyJwk")) {
            auto const same = parse_jwk(group.at("publicKeyJwk").dump());
            REQUIRE(same);
            CHECK(same->algorithm() == algorithm::eddsa);
        }
        for (auto const& test : group.at("tests")) {
            CAPTURE(test.at("tcId"));
            auto const message = bytes_of(test.at("msg")), signature = bytes_of(test.at("sig"));
            auto const wrong = verifies->record().verify(message, signature);
            CHECK(!wrong == (test.at("result") == "valid"));
            if (signature.size() == 64) CHECK(table->verify(message, detail::unsigned_bytes(signature)) == !wrong);
            ++(wrong ? refused : accepted);
        }
    }
    CHECK(accepted == 88);
    CHECK(refused == 63);
}

TEST_CASE("wycheproof: JWS: no invalid token is taken, and no valid one refused but those listed", "[jwt][wycheproof]") {
    auto const all = vectors("json_web_signature_test.json");
    if (!all) SKIP("json_web_signature_test.json of Wycheproof is not in MUSTER_WYCHEPROOF_DIR");
    std::map<int, std::string> const right_to_refuse{
        {346, "algorithm mismatch"}, {350, "algorithm mismatch"},     // the key says PS256, the header PS384
        {347, "unsupported key"}, {351, "unsupported key"},           // P-521 is not here, and the key says ES521, which is no algorithm
        {372, "bad base64url"}, {373, "bad base64url"}};              // a question mark amid base64url
    std::set<int> refused, contradicted;
    int valid = 0, invalid = 0;
    std::map<std::string, int> faults;
    for (auto const& group : all->at("testGroups")) {
        auto const& text = group.contains("public") ? group.at("public") : group.at("private");
        std::set<std::string> good;
        for (auto const& test : group.at("tests")) {
            auto const number = test.at("tcId").get<int>();
            CAPTURE(number, test.at("comment"));
            auto const token = test.at("jws").is_string() ? test.at("jws").get<std::string>() : test.at("jws").dump();
            auto const by = parse_jwk(text.dump(), by_header(token));
            auto const said = by ? fault_of(verify(*by, token)) : fault_of(by);
            ++faults[said];
            if (test.at("result") == "valid") {
                ++valid;
                good.insert(token);
                if (said != "accepted") refused.insert(number);
                if (auto const listed = right_to_refuse.find(number); listed != right_to_refuse.end()) CHECK(said == listed->second);
                else CHECK((said == "accepted" || said == "unsupported key" || said == "unsupported algorithm"));
            } else {
                ++invalid;
                if (good.contains(token)) contradicted.insert(number);
                else CHECK(said != "accepted");
            }
        }
    }
    for (auto const& [name, count] : faults) UNSCOPED_INFO(name << ": " << count);
    CHECK(valid == 46);
    CHECK(invalid == 355);
    for (auto const number : refused) UNSCOPED_INFO("refused: " << number);
    // These are called invalid, and are letter by letter the valid 357: C2SP/wycheproof, issue 236.
    CHECK(contradicted == std::set<int>{367, 370});
    CHECK(refused == std::set<int>{346, 347, 350, 351, 372, 373});
}
