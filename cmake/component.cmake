# muster_component(<name> HEADERS <glob>... [EXCEPT <header>...] [PACKAGE <package> TARGET <target> DEBIAN <debian package>]
#                  [USES <component>...])
#
# Makes the INTERFACE target muster::<name> from the headers below include/muster that the globs match, at any depth below the
# folder that a glob names, but for those of EXCEPT, which belong to others. A component has at most one library (PACKAGE is what
# find_package is asked for, TARGET what it links, DEBIAN where Debian ships it); one that needs several USES the components that
# have them. Where the library is not found, or no header is written yet, there is no target: ask `if(TARGET muster::<name>)`.
#
# The directory property MUSTER_COMPONENTS lists the components that exist, each after those it uses; with the target
# properties below it is the table from which the installed package finds the same libraries.

define_property(TARGET PROPERTY MUSTER_USES BRIEF_DOCS "Components that this component uses")
define_property(TARGET PROPERTY MUSTER_PACKAGE BRIEF_DOCS "Argument of find_package for this component's library")
define_property(TARGET PROPERTY MUSTER_DEBIAN BRIEF_DOCS "Debian package of this component's library")

function(muster_component name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "PACKAGE;TARGET;DEBIAN" "HEADERS;EXCEPT;USES")

    set(root ${PROJECT_SOURCE_DIR}/include)
    list(TRANSFORM arg_HEADERS PREPEND ${root}/muster/)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${arg_HEADERS})
    list(TRANSFORM arg_EXCEPT PREPEND ${root}/muster/)
    list(REMOVE_ITEM headers ${arg_EXCEPT})
    if(NOT headers)
        return()
    endif()

    foreach(used IN LISTS arg_USES)
        if(NOT TARGET muster::${used})
            message(STATUS "muster: muster::${name} is left out: it uses muster::${used}, which is not here")
            return()
        endif()
    endforeach()
    if(arg_PACKAGE)
        find_package(${arg_PACKAGE} QUIET)
        if(NOT TARGET ${arg_TARGET})
            message(STATUS "muster: muster::${name} is left out: ${arg_PACKAGE} was not found (Debian: apt-get install ${arg_DEBIAN})")
            return()
        endif()
    endif()

    set(target muster_${name})
    add_library(${target} INTERFACE)
    add_library(muster::${name} ALIAS ${target})
    target_compile_features(${target} INTERFACE cxx_std_20)
    target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS ${root} FILES ${headers})
    target_link_libraries(${target} INTERFACE ${arg_TARGET})
    foreach(used IN LISTS arg_USES)
        target_link_libraries(${target} INTERFACE muster_${used})
    endforeach()
    set_target_properties(${target} PROPERTIES
        EXPORT_NAME ${name}
        MUSTER_USES "${arg_USES}"
        MUSTER_PACKAGE "${arg_PACKAGE}"
        MUSTER_DEBIAN "${arg_DEBIAN}")
    set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY MUSTER_COMPONENTS ${name})
endfunction()
