// For tests that close workbooks on several threads, under ThreadSanitizer.
#pragma once

// libxlsxwriter calls gmtime() when it closes a workbook, and all threads share the one result. The moment is the same for all
// workbooks, and the tests compare what was written. The function's name is ThreadSanitizer's, which looks for it in the program.
extern "C" [[gnu::weak, gnu::used]] char const* __tsan_default_suppressions();
extern "C" [[gnu::weak, gnu::used]] char const* __tsan_default_suppressions() { return "race:_write_dcterms_created\nrace:_write_dcterms_modified\n"; }
