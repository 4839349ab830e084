# What every consumer project builds: one program per file beside this one, each a ctest test that expects exit 0.
# They are written as a stranger would write them and know only the installed headers.
enable_testing()

function(consumer_programs)
    file(GLOB sources ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/*.cpp)
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM name)
        add_executable(${name} ${source})
        target_link_libraries(${name} PRIVATE ${ARGN})
        add_test(NAME ${name} COMMAND ${name})
    endforeach()
endfunction()
