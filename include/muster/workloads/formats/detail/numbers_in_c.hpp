#pragma once

#include <locale.h>    // newlocale, uselocale

namespace muster::detail::xlsx {

// While it lives, this thread prints numbers with a point. libxlsxwriter prints by the locale: after setlocale(LC_ALL, "de_DE.UTF-8")
// it writes 1,5 into the file, which no spreadsheet opens.
class numbers_in_c {
public:
    numbers_in_c() noexcept : before_(plain() ? ::uselocale(plain()) : locale_t{}) {}
    numbers_in_c(numbers_in_c const&) = delete;
    ~numbers_in_c() {
        if (before_) ::uselocale(before_);
    }

private:
    static locale_t plain() noexcept {
        static locale_t const made = ::newlocale(LC_ALL_MASK, "C", locale_t{});
        return made;
    }
    locale_t before_;
};

}  // namespace muster::detail::xlsx
