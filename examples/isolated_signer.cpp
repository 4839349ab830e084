// A signer in a process of its own, which can neither open a file nor make a socket: drafts go in, and tokens come out.
//
// What that gives: this program never has the private key, so no hole in it, no core file and no dump of its memory gives it away. Whoever
// gets into the signer finds no way to a file, the network or another program, only to the answers that it sends.
//
// What it does not give: whoever holds this program can have anything signed as long as he holds it, for that is what a signer is for. A
// signer that is broken into may put the key into an answer. The key's file is as safe as its owner and mode make it: where this program
// runs as the same user, only Landlock or another user keep it from reading what the signer read. And root, the kernel and whoever measures
// time or caches on this processor are not kept out at all.
// ctest:

#include <cerrno>          // errno
#include <cstdio>          // printf
#include <cstdlib>         // getenv
#include <fstream>         // keys
#include <iterator>        // istreambuf_iterator
#include <stdexcept>       // runtime_error
#include <string>          // tokens
#include <system_error>    // system_category
#include <vector>          // drafts

#include <fcntl.h>         // open
#include <sys/prctl.h>     // not dumpable
#include <sys/socket.h>    // socket

#include <muster/muster.hpp>                  // map, on
#include <muster/policy/isolate.hpp>          // isolate
#include <muster/process/process_main.hpp>    // process_main
#include <muster/process/process_pool.hpp>    // process_pool
#include <muster/workloads/jwt/jwks.hpp>      // parse_jwks
#include <muster/workloads/jwt/signer.hpp>    // signer
#include <muster/workloads/jwt/verifier.hpp>  // verifier

using namespace muster;

namespace {

std::string text_of(char const* path) {
    std::ifstream in{path, std::ios::binary};
    if (!in) throw std::runtime_error{std::string{"cannot read "} + path};
    return {std::istreambuf_iterator<char>{in}, {}};
}

// [isolated_signer]
// In each worker, once, before the sandbox closes: afterwards there is no opening the file any more.
void take_key() {
    prctl(PR_SET_DUMPABLE, 0);    // no other process of this user reads this one's memory
    auto const* const path = std::getenv("SIGNER_KEY");
    auto text = text_of(path ? path : "examples/data/tokens/ed25519.pem");
    auto const key = jwt::key::from_pem(jwt::algorithm::eddsa, text, {.id = "ed"});
    OPENSSL_cleanse(text.data(), text.size());
    static jwt::signer const held{key.value(), {.issuer = "https://idp.example", .audience = {"gateway"}, .name = "issuer"}};
}
// [end]

// What somebody would try who got into the signer.
outcome<int> open_file(std::string const& path) {
    auto const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return failure{std::error_code{errno, std::system_category()}, "cannot open " + path};
    return file;
}
outcome<int> make_socket(int family) {
    auto const made = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) return failure{std::error_code{errno, std::system_category()}, "cannot make a socket"};
    return made;
}

// True where the sandbox refused it.
template <class T>
bool refused(char const* what, outcome<T> const& got) {
    std::printf("%s: %s\n", what, got ? "done, which must not be" : to_string(got.error()).c_str());
    return !got && got.error().is(cause::forbidden);
}

}  // namespace

int main(int argc, char** argv) {
    process_main start{argc, argv};    // first line of main
    // [isolated_signer pool]
    process_pool cells{{.name = "signer", .workers = 1, .warm_up = take_key,
                        .walls = {.only_computing = true, .threads = false, .required = true}}};
    // [end]

    std::vector<jwt::draft> drafts(1'000);
    for (std::size_t i = 0; i < drafts.size(); ++i) drafts[i].subject = "user-" + std::to_string(i);

    // [isolated_signer run]
    auto const sign = jwt::signer::called("issuer");                  // a name, no key: that is what travels, and a draft
    auto const tokens = map(drafts, on{cells} | sign);                // many, sent ahead
    auto const one = (isolate{cells} | sign)(drafts.front());         // one, and its answer
    // [end]

    auto const keys = jwt::parse_jwks(text_of("examples/data/tokens/keys.jwks")).value();
    jwt::verifier const verify{keys, {.issuers = {"https://idp.example"}, .audiences = {"gateway"}}};
    std::size_t good = one && verify(*one) ? 1 : 0;
    for (auto const& token : tokens) good += token && verify(*token);
    std::printf("%zu of 1001 tokens, by a process that this one shares no secret with, are good\n", good);

    auto const here = sign(drafts.front());
    std::printf("the same in this process: %s\n", here ? "signed, which must not be" : to_string(here.error()).c_str());

    // SIGSYS ends whoever tries what a signer never needs; another takes its place, and the key from the file.
    auto const no_file = refused("open /etc/passwd in the signer", (isolate{cells} | open_file)(std::string{"/etc/passwd"}));
    auto const no_socket = refused("make a socket in the signer", (isolate{cells} | make_socket)(AF_INET));
    auto const again = (isolate{cells} | sign)(drafts.back());
    std::printf("signing afterwards: %s\n", again ? "good" : to_string(again.error()).c_str());
    return good == 1'001 && no_file && no_socket && again && verify(*again) && !here ? 0 : 1;
}
