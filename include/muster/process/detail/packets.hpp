#pragma once

#include <cerrno>       // errno
#include <cstddef>      // byte
#include <cstring>      // memcpy
#include <memory>       // unique_ptr
#include <span>         // bytes
#include <vector>       // files

#include <sys/socket.h>    // sendmsg

#include <muster/os/fd.hpp>    // fd

namespace muster::detail {

/// What comes as one message over a socket of whole messages, descriptors with it. There is room for it from the beginning; not
/// zeroed, for a server that has just cloned itself would copy page by page.
struct packet {
    static constexpr std::size_t most_bytes = std::size_t{64} << 10, most_files = 8;
    std::unique_ptr<std::byte[]> room = std::make_unique_for_overwrite<std::byte[]>(most_bytes);
    std::span<std::byte const> bytes;
    std::vector<fd> files;
};

/// 0, or an errno. A peer that is gone is EPIPE, and no signal.
inline int send_packet(int socket, std::span<std::byte const> bytes, std::span<int const> files = {}) noexcept {    // never waits
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};    // sendmsg only reads it
    alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int) * packet::most_files)]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!files.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(files.size_bytes());
        auto* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(files.size_bytes());
        std::memcpy(CMSG_DATA(head), files.data(), files.size_bytes());
    }
    for (;;) {
        if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return 0;
        if (errno != EINTR) return errno;
    }
}

/// 0 and a packet, which is empty when the peer is gone; or an errno.
inline int receive_packet(int socket, packet& into) {
    into.files.clear();
    iovec part{into.room.get(), packet::most_bytes};
    alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int) * packet::most_files)]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got = -1;
    do got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    int const error = got < 0 ? errno : 0;
    into.bytes = {into.room.get(), got < 0 ? 0 : static_cast<std::size_t>(got)};
    for (auto* head = CMSG_FIRSTHDR(&message); got >= 0 && head; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        auto const count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(head) + i * sizeof(int), sizeof number);
            into.files.emplace_back(number);
        }
    }
    return error;
}

}  // namespace muster::detail
