# muster_developer: how muster's own tests, examples and benchmarks are compiled. Private to them; never exported.
add_library(muster_developer INTERFACE)
target_compile_options(muster_developer INTERFACE
    $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wimplicit-fallthrough>
    $<$<AND:$<BOOL:${MUSTER_WERROR}>,$<CXX_COMPILER_ID:GNU,Clang,AppleClang>>:-Werror>)
# Under a sanitizer GCC sees uninitialised reads where there are none, in std::regex among others; its manual says so.
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(muster_developer INTERFACE -Wno-maybe-uninitialized)
endif()

# muster_missing(<variable> <source>): the components and libraries that a source includes and that were not found.
# A test of adapt/fmt.hpp, or an example of a workload, is then left out with a message instead of failing to compile.
function(muster_missing variable source)
    set(missing "")
    file(STRINGS ${source} includes REGEX "^#include <(muster/adapt/|muster/workloads/|CLI/|nlohmann/)")
    foreach(line IN LISTS includes)
        if(line MATCHES "<muster/(adapt/[^>]*|workloads/[^>]*)>")
            get_directory_property(components DIRECTORY ${PROJECT_SOURCE_DIR} MUSTER_COMPONENTS)
            set(found OFF)
            foreach(component IN LISTS components)
                get_target_property(headers muster_${component} HEADER_SET)
                if(${PROJECT_SOURCE_DIR}/include/muster/${CMAKE_MATCH_1} IN_LIST headers)
                    set(found ON)
                endif()
            endforeach()
            if(NOT found)
                list(APPEND missing ${CMAKE_MATCH_1})
            endif()
        elseif(line MATCHES "<CLI/" AND NOT TARGET CLI11::CLI11)
            list(APPEND missing "CLI11 (Debian: libcli11-dev)")
        elseif(line MATCHES "<nlohmann/" AND NOT TARGET nlohmann_json::nlohmann_json)
            list(APPEND missing "nlohmann_json (Debian: nlohmann-json3-dev)")
        endif()
    endforeach()
    set(${variable} "${missing}" PARENT_SCOPE)
endfunction()
