#include "problem.hpp"

#include <array>      // keys
#include <cstdlib>    // abort
#include <memory>     // shared_ptr

#include <sodium.h>

// The primitive alone, over the bytes of the same tokens: nothing is parsed, decoded or looked at.

namespace bench::tokens {

namespace {

unsigned char const* bytes(std::string_view of) { return reinterpret_cast<unsigned char const*>(of.data()); }

work make(problem const& of) {
    if (of.by != muster::jwt::algorithm::eddsa) return {};
    struct state {
        std::array<unsigned char, 32> shown{};
        std::array<unsigned char, 64> secret{};
        std::vector<opened> tokens{};
        std::size_t to_sign = 0;
    };
    auto const mine = std::make_shared<state>();
    if (sodium_init() < 0 || crypto_sign_seed_keypair(mine->shown.data(), mine->secret.data(), bytes(of.secret)) != 0) std::abort();
    for (auto const each : of.views) mine->tokens.push_back(open(each));
    mine->to_sign = of.drafts.size();
    return {.sign = [mine] {
                return seconds([&] {
                    std::array<unsigned char, 64> signature;
                    for (std::size_t i = 0; i < mine->to_sign; ++i) {
                        auto const message = mine->tokens[i % mine->tokens.size()].message;
                        if (crypto_sign_detached(signature.data(), nullptr, bytes(message), message.size(), mine->secret.data()) != 0) std::abort();
                        keep(signature);
                    }
                });
            },
            .verify = [mine] {
                return seconds([&] {
                    for (auto const& each : mine->tokens)
                        if (crypto_sign_verify_detached(bytes(each.signature), bytes(each.message), each.message.size(), mine->shown.data()) != 0)
                            std::abort();
                });
            }};
}

entered<rival> const it{{"libsodium", make}};

}  // namespace

}  // namespace bench::tokens
