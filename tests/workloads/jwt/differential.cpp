// Tokens as they come, and as attackers make them, are judged as a reference judges them that knows nothing of muster: reference.hpp.
#include "reference.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <muster/workloads/jwt/jwk.hpp>
#include <muster/workloads/jwt/jws.hpp>
#include <muster/workloads/jwt/verifier.hpp>

#include "catch.hpp"
#include "rfc.hpp"
#include "tokens.hpp"

using namespace muster::jwt;

namespace {

constexpr std::int64_t noon = 1'000'000;

struct identity {
    key signs;
    reference::key same;
    std::vector<std::string> known{};    // what an attacker knows of the key, and may take for a secret
};

class world {
public:
    explicit world(std::uint32_t seed) : random_(seed) {
        auto const id = [](std::string const& name) { return R"(,"kid":")" + name + "\""; };
        for (auto const* name : {"HS256", "HS384", "HS512"}) {
            std::string const secret(64, name[2]), kid = name[2] == '2' ? "" : name;
            people_.push_back({*key::hmac(*algorithm_of(name), secret, {.id = kid}), {name, kid, secret}});
        }
        auto const rsa = reference::rsa_key(rfc::rsa_n, "AQAB");
        for (auto const* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
            people_.push_back({*parse_jwk(rfc::rsa_private(id(name) + R"(,"alg":")" + name + "\"")), {name, name, {}, rsa},
                               {rfc::rsa_n, *reference::base64url(rfc::rsa_n), rfc::rsa_public(), pem(rsa.get())}});
        auto const ec = reference::p256_key(rfc::ec_x, rfc::ec_y);
        people_.push_back({*parse_jwk(rfc::ec_private(id("c"))), {"ES256", "c", {}, ec},
                           {"\x04" + *reference::base64url(rfc::ec_x) + *reference::base64url(rfc::ec_y), rfc::ec_public(), pem(ec.get())}});
        auto const ed = reference::ed25519_key(rfc::ed_x);
        for (auto const* kid : {"", "e"})
            people_.push_back({*parse_jwk(rfc::ed_private(id(kid))), {"EdDSA", kid, {}, ed},
                               {*reference::base64url(rfc::ed_x), rfc::ed_x, rfc::ed_public(), pem(ed.get())}});

        for (auto const& one : people_) add({one.same}, [&](verifier_options const& options) { return verifier{one.signs, options}; });
        for (auto const& several : {std::pair{0, 3}, {3, 12}}) {    // the secrets, and the public keys
            std::vector<key> keys;
            std::vector<reference::key> same;
            for (auto i = several.first; i < several.second; ++i) {
                keys.push_back(at(people_, i).signs);
                same.push_back(at(people_, i).same);
            }
            auto const set = *key_set::of(keys);
            add(same, [&](verifier_options const& options) { return verifier{set, options}; });
        }
        for (auto const& one : people_) {
            auto& stock = stock_.emplace_back();
            for (std::size_t i = 0; i < 80 && !is_cheap(one); ++i) stock.push_back(i < 40 ? good(one, i % rules_of_each) : fresh(one));
        }
    }

    void round() {
        auto const who = below(people_.size());
        auto const rule = below(rules_of_each);
        auto token = chance(60) ? good_token(who, rule) : base_token(who);
        if (chance(45)) token = attacked(std::move(token), who);
        if (chance(15)) token = attacked(std::move(token), who);

        auto const own = rules_of_each * who;    // those of the key stand in the order of the keys, and then those of the sets
        auto const of_set = rules_of_each * (people_.size() + (who < 3 ? 0 : 1));
        auto const& by = judges_[chance(70) ? own + rule : chance(80) ? of_set + rule : below(judges_.size())];
        judge(token, by);
    }

    // How often each was answered.
    [[nodiscard]] std::map<std::string, int> const& answers() const { return answers_; }

private:
    static constexpr std::size_t rules_of_each = 4;
    struct judging {
        verifier task;
        std::vector<reference::key> keys;
        reference::rules rules;
    };

    template <class T>
    static T const& at(std::vector<T> const& all, int i) { return all[static_cast<std::size_t>(i)]; }
    static std::string pem(EVP_PKEY* of) {
        muster::openssl_ptr<BIO> const into{BIO_new(BIO_s_mem())};
        PEM_write_bio_PUBKEY(into.get(), of);
        char* data = nullptr;
        auto const size = BIO_get_mem_data(into.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }
    static bool is_cheap(identity const& one) { return one.same.algorithm[0] == 'H' || one.same.algorithm == "EdDSA"; }

    std::size_t below(std::size_t end) { return random_() % end; }
    bool chance(std::size_t percent) { return below(100) < percent; }
    // One of these; four times in five one of the first `good`.
    std::string one_of(std::vector<std::string> const& all, std::size_t good) { return all[chance(80) ? below(good) : below(all.size())]; }

    template <class Make>
    void add(std::vector<reference::key> const& keys, Make make) {
        auto const clock = [] { return std::chrono::sys_seconds{std::chrono::seconds{noon}}; };
        using std::chrono::seconds;
        auto const put = [&](verifier_options options, reference::rules rules) {
            options.clock = clock;
            rules.now = noon;
            judges_.push_back({make(options), keys, std::move(rules)});
        };
        put({}, {});
        put({.issuers = {"https://a", "https://b"}, .audiences = {"us"}, .leeway = seconds{60}}, {.issuers = {"https://a", "https://b"}, .audiences = {"us"}, .leeway = 60});
        put({.any_audience = true, .type = "at+jwt", .required = {}}, {.any_audience = true, .type = "at+jwt", .required = {}});
        put({.any_audience = true, .leeway = seconds{1}, .required = {"sub", "role"}}, {.any_audience = true, .leeway = 1, .required = {"sub", "role"}});
    }

    std::string claims_text() {
        static std::vector<std::string> const
            dates{"1000001", "1000100", "1000030", "999990", "1000000", "1000000.5", "1.0001e6", "999999", "999941", "999940", "1000060", "1000061", "0", "-1", "-0.0",
                  "9007199254740991", "9007199254740992", "9007199254740993.0", "-9007199254740992", "99999999999999999999", "1e18", "1e400", "1e-400", "1E6", "0.0e9",
                  "\"1000100\"", "null", "true", "[1000100]", "{}", "01", "1.", "+1", "0x10"},
            issuers{R"("https://a")", R"("https:\/\/b")", R"("\u0068ttps://a")", R"("https://c")", R"("https://a ")", R"("")", "1", "null", R"(["https://a"])"},
            audiences{R"("us")", R"(["us"])", R"(["them","u\u0073"])", R"("them")", "[]", R"("")", R"(["US"])", R"(["us",1])", "1", "null", R"({"a":"us"})"},
            texts{R"("x")", R"("\ud83d\ude00")", "\"\xc3\xa9\"", R"("")", R"("\u0000")", "7", "null", R"("\ud800")", "\"\xff\"", "\"a\tb\""},
            others{R"("role":"admin")", R"("x":[1,{"a":2}])", R"("http://x/y":true)", R"("role":null)", R"("x":{"a":1,"a":2})", R"("exp":1)", R"("\u0065xp":1000100)",
                   R"("x":01)", R"("":0)", "\"x\":" + std::string(31, '[') + std::string(31, ']'), "\"x\":" + std::string(32, '[') + std::string(32, ']')};
        std::vector<std::string> members;
        if (chance(85)) members.push_back("\"exp\":" + one_of(dates, 7));
        if (chance(25)) members.push_back("\"nbf\":" + one_of({"999990", "1000000", "-5", "1000000.5", "1000001", "1000060", "1000061", "\"1\"", "1e400", "1e-400", "9007199254740992"}, 3));
        if (chance(25)) members.push_back("\"iat\":" + one_of(dates, 15));
        if (chance(60)) members.push_back("\"iss\":" + one_of(issuers, 3));
        if (chance(50)) members.push_back("\"aud\":" + one_of(audiences, 3));
        if (chance(60)) members.push_back("\"sub\":" + one_of(texts, 5));
        if (chance(20)) members.push_back("\"jti\":" + one_of(texts, 5));
        for (int i = 0; i < 2; ++i)
            if (chance(30)) members.push_back(one_of(others, 4));
        std::shuffle(members.begin(), members.end(), random_);
        std::string text = chance(5) ? " { " : "{";
        for (std::size_t i = 0; i < members.size(); ++i) text += (i == 0 ? "" : chance(5) ? " ,\r\n" : ",") + members[i];
        text += "}";
        if (chance(3)) text = one_of({"", "[]", "not JSON", text + "x", "\xef\xbb\xbf" + text, text + '\0', text + text, text.substr(0, text.size() - 1), "{\"exp\":1000100,}"}, 9);
        return text;
    }

    // What else a header may say, much of which is refused.
    std::string odd_member() {
        return one_of({R"("crit":["exp"])", R"("crit":[])", R"("b64":false)", R"("jwk":{"kty":"oct","k":"AAAA"})", R"("jku":"https://x")", R"("x5u":"https://x")", R"("x5c":["MIIB"])",
                       R"("\u006awk":{})", R"("cty":"JWT")", R"("cty":1)", R"("x5t":"AAAA")", R"("alg":"none")", R"("x":1)", R"("x":{"alg":"none"})"}, 14);
    }

    std::string header_text(identity const& who) {
        std::vector<std::string> members{"\"alg\":\"" + who.same.algorithm + "\""};
        if (chance(6))
            members[0] = "\"alg\":" + one_of({R"("none")", R"("NONE")", R"("HS256")", R"("RS256")", R"("PS256")", R"("ES256")", R"("EdDSA")", R"("eddsa")", R"("ES384")", R"("")",
                                              "null", R"(["HS256"])", R"("HS256\u0000")", R"("\u0048S256")"}, 14);
        if (chance(50)) members.push_back("\"typ\":" + one_of({R"("JWT")", R"("at+jwt")", R"("jwt")", R"("application/at+jwt")", R"("AT+JWT")", R"("")", R"("JOSE")", "1",
                                                             R"("application/JWT")", "\"" + std::string(64, 'x') + "\"", "\"" + std::string(65, 'x') + "\""}, 5));
        if (chance(60)) members.push_back("\"kid\":" + (chance(80) ? "\"" + who.same.id + "\"" : one_of({R"("RS256")", R"("PS384")", R"("c")", R"("e")", R"("")", R"("\u0065")", "1",
                                                                                                          R"("../../../dev/null")", R"("e\u0000")"}, 9)));
        if (chance(8)) members.push_back(odd_member());
        std::shuffle(members.begin(), members.end(), random_);
        std::string text = "{";
        for (std::size_t i = 0; i < members.size(); ++i) text += (i == 0 ? "" : ",") + members[i];
        text += "}";
        if (chance(1)) text = one_of({"", "[]", text + " x", text + '\0', "{}", text + text}, 6);
        return text;
    }

    static std::string signed_by(identity const& who, std::string const& first, std::string const& second) {
        auto const text = first + "." + second;
        std::string signature(who.signs.record().signature_size(), '\0');
        (void)who.signs.record().sign(text, signature.data());
        return text + "." + reference::to_base64url(signature);
    }
    std::string fresh(identity const& who) { return signed_by(who, reference::to_base64url(header_text(who)), reference::to_base64url(claims_text())); }
    // One that a judge of that rule takes, unless chance makes it bad in one place.
    std::string good(identity const& who, std::size_t rule) {
        auto const type = one_of(rule == 2 ? std::vector<std::string>{"at+jwt", "application/at+jwt", "JWT"} : std::vector<std::string>{"JWT", "jwt", "at+jwt"}, 2);
        auto text = R"({"exp":)" + one_of({"1000001", "1000100", "1000030.5", "1.0001e6", "1000000", "999941", "\"1000100\"", "1000000.9"}, 4) + R"(,"nbf":)" +
                    one_of({"999990", "1000000", "-5", "1000001", "1000000.5", "1000061"}, 3) + R"(,"sub":")" + std::to_string(below(1'000'000)) + R"(","role":"admin")";
        if (rule != 0 || chance(5)) text += R"(,"aud":)" + one_of({R"("us")", R"(["them","u\u0073"])", R"(["us"])", R"("them")", "[]"}, 3);
        text += R"(,"iss":)" + one_of({R"("https://a")", R"("https:\/\/b")", R"("https://b/")"}, 2) + "}";
        auto const header = R"({"alg":")" + who.same.algorithm + R"(","typ":")" + type + R"(","kid":")" + who.same.id + "\"" + (chance(10) ? "," + odd_member() : "") + "}";
        return signed_by(who, reference::to_base64url(header), reference::to_base64url(text));
    }
    // Where a signature takes long, one that was made before.
    std::string base_token(std::size_t who) { return stock_[who].empty() ? fresh(people_[who]) : stock_[who][below(stock_[who].size())]; }
    std::string good_token(std::size_t who, std::size_t rule) {
        return stock_[who].empty() ? good(people_[who], rule) : stock_[who][below(40 / rules_of_each) * rules_of_each + rule];
    }

    using parts = std::array<std::string, 3>;
    static parts split(std::string const& token) {
        auto const first = std::min(token.find('.'), token.size()), second = std::max(first, std::min(token.rfind('.'), token.size()));
        return {token.substr(0, first), second > first ? token.substr(first + 1, second - first - 1) : "", second < token.size() ? token.substr(second + 1) : ""};
    }
    static std::string joined(parts const& of) { return of[0] + "." + of[1] + "." + of[2]; }

    std::string attacked(std::string token, std::size_t who) {
        auto segments = split(token);
        auto& segment = segments[below(3)];
        auto const letters = std::string{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\r\t\v%\"{}"} + '\0' + '\x80' + '\xff';
        auto const position = token.empty() ? 0 : below(token.size());
        switch (below(20)) {
            case 0:    // a bit
                if (!token.empty()) token[position] = static_cast<char>(token[position] ^ (1 << below(8)));
                return token;
            case 1:    // a character
                if (!token.empty()) token[position] = letters[below(letters.size())];
                return token;
            case 2: return token.insert(position, 1, letters[below(letters.size())]);
            case 3: return token.erase(position, 1 + below(4));
            case 4: std::swap(segments[below(3)], segment); return joined(segments);
            case 5: segment = split(base_token(below(people_.size())))[below(3)]; return joined(segments);    // of another token
            case 6: {    // another's signature, of any kind
                auto const& other = people_[chance(70) ? below(3) : people_.size() - 1 - below(2)];
                return signed_by(other, segments[0], segments[1]);
            }
            case 7: {    // what everybody knows of the key as a secret
                auto const& of = people_[who];
                if (of.known.empty()) return token;
                auto const& guess = of.known[below(of.known.size())];
                auto const by = algorithm_of(chance(50) ? "HS256" : "HS512");
                auto const forged = key::hmac(*by, guess.size() < 64 ? guess + std::string(64 - guess.size(), '\0') : guess);
                auto const header = reference::to_base64url(R"({"alg":")" + std::string{name_of(*by)} + R"(","kid":")" + of.same.id + "\"}");
                return tokens::signed_as(*forged, header, segments[1]);
            }
            case 8: {    // unsigned
                auto const header = reference::to_base64url(R"({"alg":")" + one_of({"none", "None", "NONE", "nOnE", "", "HS256"}, 6) + "\"}");
                return header + "." + segments[1] + "." + (chance(50) ? "" : segments[2]);
            }
            case 9: segments[0] = reference::to_base64url(header_text(people_[below(people_.size())])); return joined(segments);
            case 10: segments[1] = reference::to_base64url(claims_text()); return joined(segments);
            case 11: segment += one_of({"=", "==", " ", "\n", "A", "AA", "AAA", "AAAA", ".", "\t", "%3D"}, 11); return joined(segments);
            case 12: segment = one_of({" ", "\n", "\r\n", "=", "\xef\xbb\xbf", "A"}, 6) + segment; return joined(segments);
            case 13:    // spare bits
                if (!segment.empty()) segment.back() = letters[(letters.find(segment.back()) + 1) % 64];
                return joined(segments);
            case 14:    // the letters of other base64
                for (char& c : token) c = c == '-' ? '+' : c == '_' ? '/' : c;
                return token;
            case 15: {    // signatures of other forms
                auto const size = people_[who].signs.record().signature_size();
                auto const raw = reference::base64url(segments[2]).value_or("");
                segments[2] = reference::to_base64url(one_of({"", std::string(size, '\0'), std::string(size, '\xff'), raw + '\0', '\0' + raw, raw + raw, raw.substr(0, raw.size() / 2), der(raw),
                                                              other_s(raw), std::string(size / 2, '\0') + raw.substr(raw.size() / 2)}, 10));
                return joined(segments);
            }
            case 16: return one_of({token + ".", "." + token, token + "." + segments[2], segments[0] + "." + segments[1], token + "..", segments[1], "", ".."}, 8);
            case 17: return token + std::string(one_of({"0", "16384", "9"}, 3).size() * 4'000, one_of({"A", " ", "."}, 3)[0]);
            case 18: {    // over segments as they may not be, by the key itself: the form is refused, not the signature
                if (!is_cheap(people_[who])) return token;
                segments[below(2)] += one_of({"=", " ", "\n", "A", "\xc3\xa9", "."}, 6);
                return signed_by(people_[who], segments[0], segments[1]);
            }
            default: {    // the case of one letter
                if (token.empty()) return token;
                auto& letter = token[position];
                if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')) letter = static_cast<char>(letter ^ 0x20);
                return token;
            }
        }
    }

    static std::string der(std::string const& raw) {
        reference::owned<ECDSA_SIG> const pair{ECDSA_SIG_new()};
        auto const half = static_cast<int>(raw.size() / 2);
        ECDSA_SIG_set0(pair.get(), BN_bin2bn(reference::bytes_of(raw), half, nullptr), BN_bin2bn(reference::bytes_of(raw) + half, half, nullptr));
        unsigned char* out = nullptr;
        auto const size = i2d_ECDSA_SIG(pair.get(), &out);
        std::string text{reinterpret_cast<char const*>(out), static_cast<std::size_t>(size)};
        OPENSSL_free(out);
        return text;
    }
    // n - s verifies as s does: for ES256 that is no forgery, and both have to take it.
    static std::string other_s(std::string raw) {
        if (raw.size() != 64) return raw;
        reference::owned<BIGNUM> const s{BN_bin2bn(reference::bytes_of(raw) + 32, 32, nullptr)};
        BIGNUM* number = nullptr;
        BN_hex2bn(&number, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
        reference::owned<BIGNUM> const order{number};
        BN_sub(s.get(), order.get(), s.get());
        if (!BN_is_negative(s.get())) BN_bn2binpad(s.get(), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
        return raw;
    }

    void judge(std::string const& token, judging const& by) {
        auto const first = by.task(token);
        auto const same = reference::judge(token, by.keys, by.rules);
        ++answers_[tokens::fault_of(first)];
        if (same.what == reference::answer::verdict::unknown) {
            ++answers_["(not judged by the reference)"];
            return;
        }
        auto const taken = same.what == reference::answer::verdict::accepted;
        auto const said = tokens::fault_of(first);
        CAPTURE(token, said, taken, by.keys.front().algorithm, by.keys.size());
        if (first.has_value() != taken) FAIL("they judge otherwise");
        if (chance(25) && tokens::fault_of(by.task(token)) != said) FAIL("the second time it is judged otherwise");
        if (!first) {
            if (first.error().code().category() != fault_category()) FAIL("no fault");
            return;
        }
        auto const text = [&](char const* name) {
            return same.claims.contains(name) ? std::optional{same.claims[name].get<std::string>()} : std::nullopt;
        };
        auto const seconds = [](auto const& of) { return of ? std::optional{static_cast<std::int64_t>(of->time_since_epoch().count())} : std::nullopt; };
        auto const equal = first->payload() == same.payload && first->issuer() == text("iss") && first->subject() == text("sub") && first->id() == text("jti") &&
                           seconds(first->expires()) == same.exp && seconds(first->not_before()) == same.nbf && seconds(first->issued_at()) == same.iat;
        if (!equal) FAIL("other claims");
        if (first->has_audience() != same.claims.contains("aud")) FAIL("another audience");
        if (first->has_audience()) {
            auto const& aud = same.claims["aud"];
            if (reference::json(first->audiences()) != (aud.is_string() ? reference::json::array({aud}) : aud)) FAIL("another audience");
        }
    }

    std::mt19937 random_;
    std::vector<identity> people_{};
    std::vector<judging> judges_{};
    std::vector<std::vector<std::string>> stock_{};
    std::map<std::string, int> answers_{};
};

}  // namespace

TEST_CASE("differential: random and mutated tokens are taken and refused as a reference on OpenSSL and nlohmann-json does", "[jwt][differential][soak]") {
    auto const rounds = std::getenv("MUSTER_SOAK") ? 100'000 : 10'000;
    world tokens{7};
    for (int i = 0; i < rounds; ++i) tokens.round();
    auto const& answers = tokens.answers();
    for (auto const& [name, count] : answers) UNSCOPED_INFO(name << ": " << count);
    auto const times = [&](char const* name) { return answers.contains(name) ? answers.at(name) : 0; };
    CHECK(times("accepted") > rounds / 5);
    CHECK(times("(not judged by the reference)") < rounds / 20);
    for (auto const* name : {"too long", "wrong segments", "encrypted", "bad base64url", "bad JSON", "bad UTF-8", "duplicate member", "too deep", "trailing bytes",
                             "algorithm none", "unsupported algorithm", "algorithm mismatch", "critical extension", "unencoded payload", "embedded key", "wrong member type",
                             "wrong type", "missing key id", "unknown key", "wrong signature length", "signature out of range", "bad signature", "wrong claim type",
                             "missing claim", "expired", "not yet valid", "wrong issuer", "wrong audience"}) {
        CAPTURE(name);
        CHECK(times(name) > 0);
    }
}
