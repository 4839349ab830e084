# cmake -DPROJECT=<folder> -DSOURCE=<muster> -DBUILD=<muster's build> -DCOMPILER=<c++> [-DCOMPONENTS=<name;...>] -DWORK=<folder> -P check.cmake
#
# Configures, builds and runs one consumer project from nothing, as a stranger would.

function(step)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
        list(JOIN ARGN " " command)
        message(FATAL_ERROR "${command}\n${output}")
    endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
set(arguments "")
if(PROJECT STREQUAL "subdirectory")
    list(APPEND arguments -DMUSTER_SOURCE_DIR=${SOURCE})
elseif(PROJECT STREQUAL "fetchcontent")
    list(APPEND arguments -DFETCHCONTENT_SOURCE_DIR_MUSTER=${SOURCE})
elseif(PROJECT STREQUAL "installed")
    step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
    list(APPEND arguments -DCMAKE_PREFIX_PATH=${WORK}/prefix "-DCOMPONENTS=${COMPONENTS}")
endif()
step(${CMAKE_COMMAND} -G ${GENERATOR} -S ${CMAKE_CURRENT_LIST_DIR}/${PROJECT} -B ${WORK}/build
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -DCMAKE_BUILD_TYPE=Debug ${arguments})
step(${CMAKE_COMMAND} --build ${WORK}/build)
step(${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/build --output-on-failure --no-tests=error)
