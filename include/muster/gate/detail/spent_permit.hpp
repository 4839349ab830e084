#pragma once

namespace muster::detail {

/// A permit that is spent when it is granted: nothing is given back, nothing is learned.
class spent_permit {
public:
    spent_permit() = default;
    spent_permit(spent_permit&&) = default;
    spent_permit& operator=(spent_permit&&) = default;

    template <class Result>
    void settle(Result const&) const noexcept {}
};

}  // namespace muster::detail
