# find_package(valijson): makes ValiJSON::valijson from the CMake package of valijson, which before 1.1, as in Debian 12, calls it valijson.
find_package(valijson CONFIG QUIET)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(valijson CONFIG_MODE)
if(TARGET valijson AND NOT TARGET ValiJSON::valijson)
    add_library(ValiJSON::valijson INTERFACE IMPORTED)
    set_target_properties(ValiJSON::valijson PROPERTIES INTERFACE_LINK_LIBRARIES valijson)
endif()
