# The components: what they are made of and what they need. A new adapter or workload is one more entry here, after those it
# USES; its headers, its tests and its part of the installed package follow from the entry.

# std and Threads only: every folder that is neither adapt/ nor workloads/.
find_package(Threads REQUIRED)
muster_component(core
    HEADERS muster.hpp core/*.hpp os/*.hpp shm/*.hpp exec/*.hpp gate/*.hpp process/*.hpp cache/*.hpp policy/*.hpp
            observe/*.hpp route/*.hpp flow/*.hpp testing/*.hpp)
target_link_libraries(muster_core INTERFACE Threads::Threads)

# Adapters: one third-party library each. For libraries that come without a CMake package there is a Find module here.
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
muster_component(fmt    USES core HEADERS adapt/fmt.hpp       PACKAGE fmt    TARGET fmt::fmt       DEBIAN libfmt-dev)
muster_component(spdlog USES core HEADERS adapt/spdlog.hpp    PACKAGE spdlog TARGET spdlog::spdlog DEBIAN libspdlog-dev)
muster_component(tbb    USES core HEADERS adapt/tbb_arena.hpp PACKAGE TBB    TARGET TBB::tbb       DEBIAN libtbb-dev)
muster_component(redis  USES core HEADERS adapt/redis.hpp adapt/cache_nodes.hpp adapt/redis_*.hpp
                                                              PACKAGE hiredis TARGET hiredis::hiredis DEBIAN libhiredis-dev)
muster_component(openssl USES core HEADERS adapt/openssl.hpp adapt/openssl_*.hpp
                                                              PACKAGE OpenSSL TARGET OpenSSL::Crypto DEBIAN libssl-dev)
muster_component(sodium USES core HEADERS adapt/sodium.hpp    PACKAGE libsodium TARGET libsodium::libsodium DEBIAN libsodium-dev)
muster_component(pcre2 USES core HEADERS adapt/pcre2.hpp      PACKAGE PCRE2 TARGET PCRE2::pcre2-8 DEBIAN libpcre2-dev)
muster_component(hyperscan USES core HEADERS adapt/hyperscan.hpp
                                                              PACKAGE Hyperscan TARGET Hyperscan::hs DEBIAN libhyperscan-dev)
muster_component(curl  USES core HEADERS adapt/http_*.hpp     PACKAGE CURL  TARGET CURL::libcurl    DEBIAN libcurl4-openssl-dev)
muster_component(re2   USES core HEADERS adapt/re2.hpp        PACKAGE re2   TARGET re2::re2       DEBIAN libre2-dev)
muster_component(sqlite USES core HEADERS adapt/sqlite.hpp adapt/sqlite_*.hpp adapt/transactional.hpp adapt/dead_letter_table.hpp
                                                              PACKAGE SQLite3 TARGET SQLite::SQLite3 DEBIAN libsqlite3-dev)
muster_component(json USES core HEADERS adapt/parse_json.hpp adapt/json_place.hpp
                                                              PACKAGE nlohmann_json TARGET nlohmann_json::nlohmann_json DEBIAN nlohmann-json3-dev)
muster_component(json_schema USES json pcre2 HEADERS adapt/json_schema.hpp adapt/json_schema_*.hpp
                                                              PACKAGE valijson TARGET ValiJSON::valijson DEBIAN libvalijson-dev)
muster_component(fibers USES core HEADERS adapt/fiber*.hpp adapt/switched_stack.hpp adapt/sanitized_stack.hpp adapt/timer_heap.hpp
                                                              PACKAGE boost_context TARGET Boost::context DEBIAN libboost-context-dev)

# Documents that several workloads share.
muster_component(workbook USES core HEADERS workloads/formats/workbook*.hpp workloads/formats/detail/cell_text.hpp workloads/formats/detail/numbers_in_c.hpp
            workloads/formats/detail/package_check.hpp workloads/formats/detail/rows_file.hpp workloads/formats/detail/sheet_name.hpp
                                                              PACKAGE libxlsxwriter TARGET libxlsxwriter::libxlsxwriter DEBIAN libxlsxwriter-dev)
muster_component(xml USES core HEADERS workloads/formats/xml_*.hpp EXCEPT workloads/formats/xml_path.hpp
                                                              PACKAGE EXPAT TARGET EXPAT::EXPAT DEBIAN libexpat1-dev)
muster_component(xml_path USES xml HEADERS workloads/formats/xml_path.hpp
                                                              PACKAGE pugixml TARGET pugixml::pugixml DEBIAN libpugixml-dev)

# Workloads: whole problems, on the libraries of the components they use.
muster_component(bgp USES core HEADERS workloads/bgp/*.hpp)
muster_component(jwt USES core openssl sodium HEADERS workloads/jwt/*.hpp)
muster_component(search USES core pcre2 HEADERS workloads/search/*.hpp EXCEPT workloads/search/hyperscan_engine.hpp workloads/search/re2_engine.hpp
                                                              PACKAGE yaml-cpp TARGET yaml-cpp::yaml-cpp DEBIAN libyaml-cpp-dev)
muster_component(search_hyperscan USES search hyperscan HEADERS workloads/search/hyperscan_engine.hpp)
muster_component(search_re2 USES search re2 HEADERS workloads/search/re2_engine.hpp)
muster_component(hash USES core openssl HEADERS workloads/hash/*.hpp PACKAGE xxHash TARGET xxHash::xxhash DEBIAN libxxhash-dev)
muster_component(llm USES curl json_schema openssl sqlite xml HEADERS workloads/llm/*.hpp)

# All that were found.
get_directory_property(muster_components DIRECTORY ${PROJECT_SOURCE_DIR} MUSTER_COMPONENTS)
add_library(muster INTERFACE)
add_library(muster::muster ALIAS muster)
list(TRANSFORM muster_components PREPEND muster_ OUTPUT_VARIABLE muster_targets)
target_link_libraries(muster INTERFACE ${muster_targets})
