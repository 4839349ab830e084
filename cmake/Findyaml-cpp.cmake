# find_package(yaml-cpp): makes yaml-cpp::yaml-cpp from the CMake package of yaml-cpp, which before 0.8, as in Debian 12, calls it yaml-cpp.
find_package(yaml-cpp CONFIG QUIET)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(yaml-cpp CONFIG_MODE)
if(TARGET yaml-cpp AND NOT TARGET yaml-cpp::yaml-cpp)
    add_library(yaml-cpp::yaml-cpp INTERFACE IMPORTED)
    set_target_properties(yaml-cpp::yaml-cpp PROPERTIES INTERFACE_LINK_LIBRARIES yaml-cpp)
endif()
