// Cookbook: retries, deadlines and a quota that several stages share.
// ctest:

#include <chrono>    // literals
#include <cstdio>    // printf
#include <string>    // prompts

#include <muster/muster.hpp>

using namespace muster;
using namespace std::chrono_literals;

struct prompt {
    std::string text;
};
struct reply {
    std::string text;
};

// Stands for a remote service: it is busy at first, and says for how long.
struct service {
    outcome<reply> post(prompt const& p, context& cx) const {
        if (cx.attempt() < 3) return failure{cause::unavailable, "busy"}.retry_after(1ms);
        return reply{"you said " + p.text};
    }
};

int main() {
    service const node;

    // [sample 2]
    rate_limiter quota{{.permits = 50, .per = 1s}};
    auto ask = deadline{30s} | retry{.attempts = 4, .delay = 20ms} | limit{quota} | deadline{8s}
             | [&](prompt const& p, context& cx) { return node.post(p, cx); };
    outcome<reply> answer = ask(prompt{"hello"});    // a stage is an ordinary function
    // [end]

    if (!answer) {
        std::fprintf(stderr, "%s\n", to_string(answer.error()).c_str());
        return 1;
    }
    std::printf("%s\n", answer->text.c_str());
}
