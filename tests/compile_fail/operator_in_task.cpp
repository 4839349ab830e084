// expect: muster: this pipeline has an operator in it
#include <muster/core/pipeline.hpp>

struct doubled {
    using operator_concept = muster::operator_tag;
    template <class Item>
    using output = Item;
    template <class Item>
    int make_state() const { return 0; }
    void push(int&, auto&& item, auto& emit_to) const { emit_to(item), emit_to(item); }
    void flush(int&, auto&) const {}
};

void misuse() {
    muster::pipeline flow{[](int item) { return item; }, doubled{}};
    auto answer = flow(1);
}
