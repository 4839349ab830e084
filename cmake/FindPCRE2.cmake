# find_package(PCRE2): makes PCRE2::pcre2-8. Debian ships libpcre2-dev without the CMake package, and PCRE2's own and Conan's differ in
# what they call the target.
include(FindPackageHandleStandardArgs)
find_path(PCRE2_INCLUDE_DIR pcre2.h)
find_library(PCRE2_LIBRARY pcre2-8)
mark_as_advanced(PCRE2_INCLUDE_DIR PCRE2_LIBRARY)
find_package_handle_standard_args(PCRE2 REQUIRED_VARS PCRE2_LIBRARY PCRE2_INCLUDE_DIR)
if(PCRE2_FOUND AND NOT TARGET PCRE2::pcre2-8)
    add_library(PCRE2::pcre2-8 UNKNOWN IMPORTED)
    set_target_properties(PCRE2::pcre2-8 PROPERTIES
        IMPORTED_LOCATION "${PCRE2_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${PCRE2_INCLUDE_DIR}")
endif()
