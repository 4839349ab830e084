// Cookbook: requests that bring a token each. Which are good is remembered, by a hash; keys change, and people are locked out.
// ctest:

#include <cstdio>           // printf
#include <fstream>          // keys
#include <iterator>         // istreambuf_iterator
#include <shared_mutex>     // who is locked out
#include <string>           // tokens
#include <unordered_set>    // who is locked out
#include <vector>           // requests

#include <muster/muster.hpp>
#include <muster/cache/memory_cache.hpp>            // memory_cache
#include <muster/workloads/jwt/authenticator.hpp>    // authenticator
#include <muster/workloads/jwt/rotating_keys.hpp>    // rotating_keys
#include <muster/workloads/jwt/signer.hpp>           // signer

using namespace muster;
using namespace std::chrono_literals;

namespace {

std::string text_of(std::string const& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

// Whoever is locked out at the moment; asked by every thread.
class locked_out {
public:
    void add(std::string const& id) {
        std::lock_guard const lock{mutex_};
        ids_.insert(id);
    }
    bool operator()(jwt::claims const& said) const {
        std::shared_lock const lock{mutex_};
        return ids_.contains(std::string{said.id().value_or("")});
    }

private:
    mutable std::shared_mutex mutex_;
    std::unordered_set<std::string> ids_;
};

}  // namespace

int main() {
    // Somebody else signs them.
    auto const key = jwt::key::from_pem(jwt::algorithm::eddsa, text_of("examples/data/tokens/ed25519.pem"), {.id = "ed"}).value();
    jwt::signer const sign{key, {.issuer = "https://idp.example", .audience = {"gateway"}}};
    std::vector<std::string> requests;
    for (int i = 0; i < 1'000; ++i) {
        auto const who = std::to_string(i % 20);
        requests.push_back(i < 20 ? sign(jwt::draft{.subject = "user " + who, .id = "token " + who}).value() : requests[static_cast<std::size_t>(i % 20)]);
    }
    requests[500][100] ^= 1;

    locked_out banned;
    // [authenticated]
    auto const download = [](std::string const& from) { return text_of(from); };    // in earnest from a URL
    jwt::rotating_keys keys{"examples/data/tokens/keys.jwks", retry{.attempts = 3} | download, {.fresh_for = 5min}};

    memory_cache<jwt::token_digest, jwt::claims> known{{.entries = 100'000}};       // or a shm_cache, for several processes
    jwt::authenticator const authenticate{jwt::verifier{keys, {.issuers = {"https://idp.example"}, .audiences = {"gateway"}}}, known,
                                          {.longest = 1min, .revoked = [&](jwt::claims const& said) { return banned(said); }}};

    thread_pool pool;
    auto const first = map(requests, on{pool} | authenticate);                      // an outcome for each: claims, or the rule it broke
    banned.add("token 7");
    auto const second = map(requests, on{pool} | batched{64} | authenticate);       // in batches, for new tokens

    auto const did = authenticate.stats();
    std::printf("%llu of %zu from memory, %llu refused, %llu of these as revoked\n", static_cast<unsigned long long>(did.hits),
                first.size() + second.size(), static_cast<unsigned long long>(did.refused()),
                static_cast<unsigned long long>(did.revoked()));
    // [end]
    return did.revoked() == 50 && did.refused() == 52 ? 0 : 1;
}
