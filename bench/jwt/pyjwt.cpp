#include "problem.hpp"

#include <cmath>      // NaN
#include <memory>     // shared_ptr

#include <python_script.hpp>

namespace bench::tokens {

namespace {

work make(problem const& of) {
    auto const script = std::make_shared<python_script>("bench/jwt/pyjwt.py");
    if (!script->ask("sign " + std::string{name_of(of.by)} + " 1")) return {};    // it is not installed
    auto const ask = [script, by = std::string{name_of(of.by)}](char const* what, std::size_t count) {
        // fewer are enough: it is slow, and takes the time by itself
        auto const fewer = count / 8 + 1;
        return [=] { return 1e-9 * script->ask(what + (' ' + by + ' ') + std::to_string(fewer)).value_or(std::nan("")) * static_cast<double>(count); };
    };
    return {.sign = ask("sign", of.drafts.size()), .verify = ask("verify", of.views.size())};
}

entered<rival> const it{{"pyjwt", make}};

}  // namespace

}  // namespace bench::tokens
