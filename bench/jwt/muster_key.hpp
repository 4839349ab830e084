#pragma once

#include <muster/workloads/jwt/key.hpp>

#include "problem.hpp"

namespace bench::tokens {

/// The key of a problem, as muster holds it.
[[nodiscard]] inline muster::jwt::key private_key(problem const& of) {
    if (is_hmac(of.by)) return muster::jwt::key::hmac(of.by, of.secret).value();
    return muster::jwt::key::from_pem(of.by, of.private_pem).value();
}
[[nodiscard]] inline muster::jwt::key verifying_key(problem const& of) {
    if (is_hmac(of.by)) return muster::jwt::key::hmac(of.by, of.secret).value();
    return muster::jwt::key::from_pem(of.by, of.public_pem).value();
}

}  // namespace bench::tokens
