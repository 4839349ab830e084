# Install rules and the package config. One export set per component, so that find_package(muster COMPONENTS jwt) looks for
# the libraries of jwt and for no others.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(muster_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/muster)

# What the package config must know of each component, written as the CMake code that it will run.
set(MUSTER_COMPONENT_TABLE "")
foreach(component IN LISTS muster_components)
    install(TARGETS muster_${component} EXPORT muster-${component} FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    install(EXPORT muster-${component} NAMESPACE muster:: DESTINATION ${muster_package_dir})
    foreach(property IN ITEMS USES PACKAGE DEBIAN)
        get_target_property(value muster_${component} MUSTER_${property})
        string(APPEND MUSTER_COMPONENT_TABLE "set(_muster_${component}_${property} \"${value}\")\n")
    endforeach()
endforeach()

configure_package_config_file(cmake/muster-config.cmake.in muster-config.cmake INSTALL_DESTINATION ${muster_package_dir})
write_basic_package_version_file(muster-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
    ${PROJECT_BINARY_DIR}/muster-config.cmake
    ${PROJECT_BINARY_DIR}/muster-config-version.cmake
    ${PROJECT_SOURCE_DIR}/cmake/Findhiredis.cmake
    ${PROJECT_SOURCE_DIR}/cmake/FindxxHash.cmake
    ${PROJECT_SOURCE_DIR}/cmake/Findlibsodium.cmake
    ${PROJECT_SOURCE_DIR}/cmake/Findlibxlsxwriter.cmake
    ${PROJECT_SOURCE_DIR}/cmake/FindPCRE2.cmake
    ${PROJECT_SOURCE_DIR}/cmake/FindHyperscan.cmake
    ${PROJECT_SOURCE_DIR}/cmake/Findre2.cmake
    ${PROJECT_SOURCE_DIR}/cmake/Findyaml-cpp.cmake
    ${PROJECT_SOURCE_DIR}/cmake/Findvalijson.cmake
    DESTINATION ${muster_package_dir})
