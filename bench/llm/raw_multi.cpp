#include <cstdlib>    // abort
#include <string>     // bodies
#include <vector>     // handles

#include <curl/curl.h>    // curl_multi_poll

#include "problem.hpp"

namespace bench {

namespace {

struct transfer {
    CURL* easy = nullptr;
    std::string body, answer;
};

std::size_t keep_answer(char* bytes, std::size_t size, std::size_t count, void* into) {
    static_cast<std::string*>(into)->append(bytes, size * count);
    return size * count;
}

}  // namespace

std::size_t run_raw_multi(chats const& what) {
    curl_global_init(CURL_GLOBAL_ALL);
    CURLM* const multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(what.in_flight));
    curl_slist* const headers = curl_slist_append(nullptr, "Content-Type: application/json");
    auto const url = what.url + "/chat/completions";
    std::vector<transfer> all(what.in_flight);
    std::size_t next = 0, done = 0, answered = 0;
    auto const start = [&](transfer& one) {
        one.body = body_of(next++);
        one.answer.clear();
        curl_easy_setopt(one.easy, CURLOPT_POSTFIELDS, one.body.data());
        curl_easy_setopt(one.easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(one.body.size()));
        curl_multi_add_handle(multi, one.easy);
    };
    for (auto& one : all) {
        one.easy = curl_easy_init();
        curl_easy_setopt(one.easy, CURLOPT_URL, url.c_str());
        curl_easy_setopt(one.easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(one.easy, CURLOPT_WRITEFUNCTION, keep_answer);
        curl_easy_setopt(one.easy, CURLOPT_WRITEDATA, &one.answer);
        curl_easy_setopt(one.easy, CURLOPT_PRIVATE, &one);
        curl_easy_setopt(one.easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(one.easy, CURLOPT_PROXY, "");
        if (next < what.count) start(one);
    }
    while (done < what.count) {
        int running = 0, left = 0;
        curl_multi_perform(multi, &running);
        while (auto const* const message = curl_multi_info_read(multi, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            char* one = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &one);
            long status = 0;
            curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
            answered += status == 200;
            ++done;
            curl_multi_remove_handle(multi, message->easy_handle);
            if (next < what.count) start(*reinterpret_cast<transfer*>(one));
        }
        if (done < what.count && curl_multi_poll(multi, nullptr, 0, 1'000, nullptr) != CURLM_OK) std::abort();
    }
    for (auto& one : all) curl_easy_cleanup(one.easy);
    curl_slist_free_all(headers);
    curl_multi_cleanup(multi);
    return answered;
}

}  // namespace bench
