# find_package(libxlsxwriter): makes libxlsxwriter::libxlsxwriter, by the names that Conan gives it. Debian ships it without a
# CMake package.
include(FindPackageHandleStandardArgs)
find_path(libxlsxwriter_INCLUDE_DIR xlsxwriter.h)
find_library(libxlsxwriter_LIBRARY xlsxwriter)
mark_as_advanced(libxlsxwriter_INCLUDE_DIR libxlsxwriter_LIBRARY)
find_package_handle_standard_args(libxlsxwriter REQUIRED_VARS libxlsxwriter_LIBRARY libxlsxwriter_INCLUDE_DIR)
if(libxlsxwriter_FOUND AND NOT TARGET libxlsxwriter::libxlsxwriter)
    add_library(libxlsxwriter::libxlsxwriter UNKNOWN IMPORTED)
    set_target_properties(libxlsxwriter::libxlsxwriter PROPERTIES
        IMPORTED_LOCATION "${libxlsxwriter_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${libxlsxwriter_INCLUDE_DIR}")
    # As an archive it needs the zlib that it was built with; a shared one brings it.
    if(libxlsxwriter_LIBRARY MATCHES "\\.a$")
        find_library(libxlsxwriter_ZLIB z)
        mark_as_advanced(libxlsxwriter_ZLIB)
        set_target_properties(libxlsxwriter::libxlsxwriter PROPERTIES INTERFACE_LINK_LIBRARIES "${libxlsxwriter_ZLIB}")
    endif()
endif()
