#include <muster/core/concepts.hpp>

#include "catch.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace muster;

// Each concept with a minimal model, and near misses that differ from it in one thing.
namespace {

// task_for

struct plain_task { int operator()(int) const; };
struct asking_task { int operator()(int, context&) const; };
struct task_that_changes { int operator()(int); };
struct task_with_copied_context { int operator()(int, context) const; };
struct task_with_const_context { int operator()(int, context const&) const; };
struct both_ways { std::string operator()(int) const; int operator()(int, context&) const; };
struct token { int kid; int sum() const; };

[[maybe_unused]] auto const mutable_lambda = [n = 0](int) mutable { return ++n; };
[[maybe_unused]] auto const generic_lambda = [](auto const& item) { return item; };

static_assert(task_for<plain_task, int>);
static_assert(task_for<asking_task, int>);
static_assert(task_for<task_with_const_context, int>);
static_assert(task_for<task_with_copied_context, int>);
static_assert(task_for<int (*)(int), int>);
static_assert(task_for<int (*)(int, context&) noexcept, int>);
static_assert(task_for<decltype(generic_lambda), std::string const&>);
static_assert(task_for<decltype(&token::kid), token const&>);
static_assert(task_for<decltype(&token::sum), token const&>);
static_assert(!task_for<task_that_changes, int>);                              // const means thread-safe
static_assert(!task_for<std::remove_const_t<decltype(mutable_lambda)>, int>);
static_assert(!task_for<plain_task, std::string>);
static_assert(!task_for<plain_task, void*>);
static_assert(!task_for<int, int>);
static_assert(!task_for<void (*)(std::unique_ptr<int>), std::unique_ptr<int>&>);    // needs an item that it may take

// result_of

static_assert(std::same_as<result_of<plain_task, int>, outcome<int>>);
static_assert(std::same_as<result_of<void (*)(int), int>, outcome<void>>);
static_assert(std::same_as<result_of<outcome<char> (*)(int), int>, outcome<char>>);
static_assert(std::same_as<result_of<outcome<void> const& (*)(int), int>, outcome<void>>);
static_assert(std::same_as<result_of<std::string const& (*)(int), int>, outcome<std::string>>);
static_assert(std::same_as<result_of<char const* (*)(int), int>, outcome<char const*>>);
static_assert(std::same_as<result_of<both_ways, int>, outcome<int>>);    // a task that takes the context gets it

// policies

struct around_model { using policy_concept = around_tag; };
struct place_model { using policy_concept = place_tag; };
struct derived_tag : around_tag {};
struct finer_model { using policy_concept = derived_tag; };
struct untagged {};
struct wrongly_tagged { using policy_concept = int; };
struct move_only { using policy_concept = around_tag; std::unique_ptr<int> owns; };
struct unassignable { using policy_concept = around_tag; int const value; };

static_assert(around_policy<around_model> && !place_policy<around_model> && policy<around_model>);
static_assert(place_policy<place_model> && !around_policy<place_model> && policy<place_model>);
static_assert(around_policy<finer_model>);
static_assert(!policy<untagged> && !policy<wrongly_tagged> && !policy<int> && !policy<int*>);
static_assert(!policy<move_only>);    // policies are values; what owns is a resource
static_assert(policy<unassignable>);    // as whatever holds a lambda with captures is: copied, never assigned

// gates

struct pass {
    pass() = default;
    pass(pass&&) = default;
    pass& operator=(pass&&) = default;
    void settle(outcome<int> const&) const;
};
struct copied_pass { void settle(outcome<int> const&) const; };
struct unsettled_pass { std::unique_ptr<int> held; };
struct gate_model { outcome<pass> acquire(context&, double); };
struct gate_of_copies { outcome<copied_pass> acquire(context&, double); };
struct gate_that_never_learns { outcome<unsettled_pass> acquire(context&, double); };
struct gate_without_refusal { pass acquire(context&, double); };
struct gate_without_context { outcome<pass> acquire(double); };

static_assert(permit<pass>);
static_assert(!permit<copied_pass>);      // a copy would release twice
static_assert(!permit<unsettled_pass>);
static_assert(gate<gate_model>);
static_assert(!gate<gate_of_copies> && !gate<gate_that_never_learns> && !gate<gate_without_refusal> &&
              !gate<gate_without_context> && !gate<gate_model const> && !gate<int>);

// caches

struct cache_model {
    using key_type = int;
    using value_type = std::string;
    template <class F>
    outcome<std::string> get_or_compute(int const&, context&, F const& compute);
    std::optional<std::string> get(int const&);
};
struct cache_without_look {
    using key_type = int;
    using value_type = std::string;
    template <class F>
    outcome<std::string> get_or_compute(int const&, context&, F const& compute);
};
struct cache_that_throws_failures {
    using key_type = int;
    using value_type = std::string;
    template <class F>
    std::string get_or_compute(int const&, context&, F const& compute);
    std::optional<std::string> get(int const&);
};

static_assert(cache<cache_model>);
static_assert(!cache<cache_without_look> && !cache<cache_that_throws_failures> && !cache<std::vector<int>>);

// executors

struct executor_model {
    std::size_t width();
    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body);
    template <class Job>
    void post(Job job);
};
struct executor_without_post {
    std::size_t width();
    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body);
};
struct executor_without_width {
    template <class Body>
    void bulk(std::size_t n, std::size_t width, Body const& body);
    template <class Job>
    void post(Job job);
};
struct executor_of_whole_ranges : executor_model {
    template <class Body>
    void bulk(std::size_t n, Body const& body);    // hides the one that honours a width
};
struct waiting_executor : executor_model { waiter_ref waiting(); };
struct oddly_waiting_executor : executor_model { int waiting(); };

static_assert(executor<executor_model>);
static_assert(
    !executor<executor_without_post> && !executor<executor_without_width> && !executor<executor_of_whole_ranges>);
static_assert(has_waiter<waiting_executor> && !has_waiter<executor_model> && !has_waiter<oddly_waiting_executor>);

// observers and sinks

struct observer_model { void on_call(call_event const&) noexcept; };
struct observer_that_may_throw { void on_call(call_event const&); };
struct sink_model { void put(std::string); };
struct sink_of_numbers { void put(int); };

static_assert(observer<observer_model>);
static_assert(!observer<observer_that_may_throw> && !observer<sink_model>);
static_assert(sink<sink_model, std::string>);
static_assert(!sink<sink_of_numbers, std::string> && !sink<observer_model, std::string>);

// operators

struct operator_model {
    using operator_concept = operator_tag;
    template <class Item>
    using output = std::vector<Item>;
    struct nothing {};
    template <class Item>
    nothing make_state() const;
    void push(nothing&, auto&& item, auto& emit_to) const { emit_to(std::vector{std::move(item)}); }
    void flush(nothing&, auto& emit_to) const { emit_to(failure{}); }
};
struct operator_that_asks : operator_model {
    void push(nothing&, auto&& item, auto& emit_to, context&) const { emit_to(std::vector{std::move(item)}); }
};
struct untagged_operator : operator_model { using operator_concept = int; };
struct operator_that_changes : operator_model {
    void push(nothing&, auto&& item, auto& emit_to) { emit_to(std::vector{std::move(item)}); }
};
struct operator_of_numbers : operator_model {
    void push(nothing&, int&& item, auto& emit_to) const { emit_to(std::vector{item}); }
};
struct operator_without_end {
    using operator_concept = operator_tag;
    template <class Item>
    using output = Item;
    template <class Item>
    int make_state() const;
    void push(int&, auto&& item, auto& emit_to) const { emit_to(std::move(item)); }
};
struct operator_with_fixed_state : operator_model {
    template <class Item>
    std::unique_ptr<int> const make_state() const;    // what a run holds moves into it
    void push(std::unique_ptr<int>&, auto&& item, auto& emit_to) const { emit_to(std::vector{std::move(item)}); }
    void flush(std::unique_ptr<int>&, auto& emit_to) const { emit_to(failure{}); }
};

static_assert(operator_for<operator_model, int>);
static_assert(operator_for<operator_that_asks, std::string>);
static_assert(operator_for<operator_with_fixed_state, int>);
static_assert(operator_for<operator_of_numbers, int> && !operator_for<operator_of_numbers, std::string>);
static_assert(!operator_for<untagged_operator, int> && !operator_for<operator_that_changes, int>);
static_assert(stream_operator<operator_without_end> && !operator_for<operator_without_end, int>);
static_assert(!stream_operator<plain_task> && !stream_operator<around_model> && !stream_operator<int>);
static_assert(std::same_as<operator_output<operator_model, char>, std::vector<char>>);
static_assert(std::same_as<operator_state<operator_with_fixed_state, char>, std::unique_ptr<int>>);

// orders of waiting

struct queue_model {
    bool push(int&&, instant);
    std::optional<int> pop();
    std::size_t size() const;
};
struct discipline_model {
    using discipline_concept = discipline_tag;
    template <class Item>
    queue_model make_queue(std::size_t, std::identity) const;
};
struct untagged_discipline {
    template <class Item>
    queue_model make_queue(std::size_t, std::identity) const;
};
struct queue_without_answer : queue_model { void push(int&&, instant); };
struct discipline_without_answer : discipline_model {
    template <class Item>
    queue_without_answer make_queue(std::size_t, std::identity) const;
};

static_assert(discipline_for<discipline_model, int> && !discipline_for<discipline_model, std::string>);
static_assert(!discipline_for<untagged_discipline, int> && !discipline_for<discipline_without_answer, int>);

// weights, found beside the item's type

struct parcel { double grams; };
[[maybe_unused]] constexpr double weight(parcel const& item) { return item.grams; }
struct oddly_weighed {};
[[maybe_unused]] constexpr std::string_view weight(oddly_weighed const&) { return "heavy"; }

static_assert(weight_of(parcel{2.5}) == 2.5);
static_assert(weight_of(3) == 1.0);
static_assert(weight_of(oddly_weighed{}) == 1.0);

}  // namespace

TEST_CASE("concepts: minimal models are accepted and near misses are not", "[core][concepts]") {
    SUCCEED("the static_asserts above");
}
