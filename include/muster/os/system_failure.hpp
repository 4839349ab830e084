#pragma once

#include <cerrno>          // the numbers
#include <string>          // text
#include <string_view>     // what was tried
#include <system_error>    // error_code

#include <muster/core/failure.hpp>    // cause, failure

namespace muster {

/// The failure that an errno amounts to: "cannot rename a to b: No space left on device".
///
/// Fails      with a cause where one fits: exhausted (disk, quota, descriptors, processes), out_of_memory, unavailable (not
///            there, not allowed, read-only), invalid_input (a name that no system call takes); else with the errno itself.
[[nodiscard]] inline failure system_failure(int error, std::string_view tried) {
    std::error_code const code{error, std::system_category()};
    auto text = std::string{tried} + ": " + code.message();
    switch (error) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case EMFILE:
        case ENFILE:
        case EAGAIN: return {cause::exhausted, std::move(text)};
        case ENOMEM: return {cause::out_of_memory, std::move(text)};
        case ENOENT:
        case ENOTDIR:
        case EISDIR:
        case EACCES:
        case EPERM:
        case EROFS:
        case ENOEXEC:
        case ELOOP: return {cause::unavailable, std::move(text)};
        case ENAMETOOLONG:
        case E2BIG:
        case EINVAL: return {cause::invalid_input, std::move(text)};
        default: return {code, std::move(text)};
    }
}

}  // namespace muster
