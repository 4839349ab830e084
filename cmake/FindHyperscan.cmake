# find_package(Hyperscan): makes Hyperscan::hs, of Hyperscan or of Vectorscan, which has its names. Neither ships a CMake package.
include(FindPackageHandleStandardArgs)
find_path(Hyperscan_INCLUDE_DIR hs/hs.h)
find_library(Hyperscan_LIBRARY hs)
mark_as_advanced(Hyperscan_INCLUDE_DIR Hyperscan_LIBRARY)
find_package_handle_standard_args(Hyperscan REQUIRED_VARS Hyperscan_LIBRARY Hyperscan_INCLUDE_DIR)
if(Hyperscan_FOUND AND NOT TARGET Hyperscan::hs)
    add_library(Hyperscan::hs UNKNOWN IMPORTED)
    set_target_properties(Hyperscan::hs PROPERTIES
        IMPORTED_LOCATION "${Hyperscan_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${Hyperscan_INCLUDE_DIR}")
endif()
