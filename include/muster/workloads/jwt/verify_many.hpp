#pragma once

#include <algorithm>      // min
#include <array>          // room on the stack
#include <concepts>       // convertible_to
#include <cstddef>        // size_t
#include <optional>       // what is wrong
#include <span>           // tokens
#include <string>         // describe
#include <string_view>    // string_view
#include <utility>        // move
#include <vector>         // answers

#include <muster/core/context.hpp>                           // context
#include <muster/core/outcome.hpp>                           // outcome
#include <muster/workloads/jwt/base64url.hpp>                // decoded_size
#include <muster/workloads/jwt/claims.hpp>                   // claims
#include <muster/workloads/jwt/detail/open_token.hpp>        // split_token, decode_token
#include <muster/workloads/jwt/detail/signature_jobs.hpp>    // verify_ed25519
#include <muster/workloads/jwt/fault.hpp>                    // refusal
#include <muster/workloads/jwt/verifier.hpp>                 // verifier

namespace muster::jwt {

/// A task that judges tokens by the batch: `map(tokens, batched{64} | verify_many{verifier})`, with `on{pool}` before it or not.
///
/// Order      right of `batched`.
/// Shape      a span of tokens in; as many outcomes out, same order. Each token is judged exactly as by the verifier alone: neither
///            what it answers nor a word of what it is refused with depends on the others.
/// Fails      as `verifier`, each token for itself.
/// Waits      as the verifier: with `rotating_keys`, and then once for a batch and again for a token whose kid is unknown.
/// Threads    any number at once, as the verifier.
/// Cost       up to 64 tokens at a time go through three steps together: they are read and their keys found, the signatures are
///            looked at, the claims are. 80 KiB of stack, whatever the batch; one allocation for the answers.
class verify_many {
public:
    explicit verify_many(verifier by) noexcept : by_(std::move(by)) {}

    template <class Token>
        requires std::convertible_to<Token const&, std::string_view>
    [[nodiscard]] std::vector<outcome<claims>> operator()(std::span<Token const> tokens, context& cx) const;
    template <class Token>
        requires std::convertible_to<Token const&, std::string_view>
    [[nodiscard]] std::vector<outcome<claims>> operator()(std::span<Token const> tokens) const {
        context cx;
        return (*this)(tokens, cx);
    }

    [[nodiscard]] std::string describe() const { return "verify_many"; }

private:
    verifier by_;
};

// Implementation

namespace detail {

// Some tokens that are looked at together, as many as there is room for.
class token_batch {
public:
    token_batch(verifier const& judge, token_keys const& by) noexcept : judge_(judge), by_(by) {}
    token_batch(token_batch const&) = delete;
    token_batch& operator=(token_batch const&) = delete;

    // Takes one more; false where it is full. What is wrong by then is its answer.
    [[nodiscard]] bool take(std::string_view token, outcome<claims>& answer);
    // Answers all that were taken.
    void finish();

private:
    static constexpr std::size_t most = 64;
    struct entry {
        read_token read;
        outcome<claims>* answer = nullptr;
        std::size_t at = 0;    // of the payload in the room
    };

    void finish(entry& of, std::optional<fault> wrong);

    verifier const& judge_;
    token_keys const& by_;
    std::size_t count_ = 0, used_ = 0, elliptic_ = 0;
    std::array<entry, most> entries_;
    std::array<signature_job, most> jobs_;
    std::array<char, 2 * longest_payload + longest_signature + 16'384> room_;    // for the longest there is, and for 64 as they come
};

inline bool token_batch::take(std::string_view token, outcome<claims>& answer) {
    if (count_ == most) return false;
    auto& it = entries_[count_];
    it = {};
    if (auto wrong = split_token(token, it.read.parts)) {
        answer = std::move(*wrong);
        return true;
    }
    auto const payload_size = base64url::decoded_size(it.read.parts.payload.size());
    auto const signature_size = std::min(base64url::decoded_size(it.read.parts.signature.size()), longest_signature);
    auto const needed = 2 * payload_size + signature_size;    // behind the payload is room for texts without escapes
    if (needed > room_.size() - used_) return false;
    it.at = used_;
    it.answer = &answer;
    auto const room = std::span{room_}.subspan(used_, needed);
    if (auto wrong = decode_token(by_, room.first(payload_size), room.last(signature_size), it.read)) {
        answer = std::move(*wrong);
        return true;
    }
    used_ += needed;
    ++count_;
    return true;
}

inline void token_batch::finish(entry& of, std::optional<fault> wrong) {
    if (wrong) {
        *of.answer = refusal(*wrong);
        return;
    }
    remember_header(by_, of.read);
    auto const size = of.read.payload.size();
    *of.answer = judge_.answer(std::span{room_}.subspan(of.at, 2 * size), size, of.read.chose.type);
}

inline void token_batch::finish() {
    for (std::size_t i = 0; i < count_; ++i)
        if (auto const& read = entries_[i].read; goes_together(by_.keys[read.chose.key].record()))
            jobs_[elliptic_++] = {&by_.keys[read.chose.key].record(), read.parts.signed_part, read.signature, i};
    verify_ed25519({jobs_.data(), elliptic_});
    std::size_t next = 0;
    for (std::size_t i = 0; i < count_; ++i) {
        auto& it = entries_[i];
        if (next < elliptic_ && jobs_[next].token == i) finish(it, jobs_[next++].wrong);
        else finish(it, by_.keys[it.read.chose.key].record().verify(it.read.parts.signed_part, it.read.signature));
    }
    count_ = used_ = elliptic_ = 0;
}

// Judges all of them by these keys; afterwards, one by one, those whose kid is unknown: by then there may be newer keys.
template <class Token>
void judge_together(verifier const& judge, held_keys& by, std::span<Token const> tokens, std::span<outcome<claims>> answers, context& cx) {
    {
        token_batch batch{judge, by.by};
        for (std::size_t i = 0; i < tokens.size(); ++i)
            while (!batch.take(tokens[i], answers[i])) batch.finish();
        batch.finish();
    }
    if (!judge.rotates()) return;
    for (std::size_t i = 0; i < tokens.size(); ++i)
        if (!answers[i] && answers[i].error().code() == fault::unknown_key) answers[i] = judge.judged(tokens[i], by, cx);
}

}  // namespace detail

template <class Token>
    requires std::convertible_to<Token const&, std::string_view>
std::vector<outcome<claims>> verify_many::operator()(std::span<Token const> tokens, context& cx) const {
    std::vector<outcome<claims>> answers(tokens.size());
    auto keys = by_.hold(cx);
    if (!keys) {
        for (auto& each : answers) each = keys.error();
        return answers;
    }
    detail::judge_together(by_, *keys, tokens, answers, cx);
    return answers;
}

}  // namespace muster::jwt
