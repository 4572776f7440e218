# add_cmocka_test(NAME SOURCES file... [LIBRARIES target...])
#
# One cmocka program is one CTest entry, labelled `unit`. cmocka 1.1.5 swallows SIGSEGV unless the
# sanitizer handles it first, and a leak must not look like a test's own exit status.
function(add_cmocka_test name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE firma_flags PkgConfig::CMOCKA ${ARG_LIBRARIES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/unit)
    add_test(NAME unit.${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 120
        ENVIRONMENT "ASAN_OPTIONS=handle_segv=2:exitcode=99;FIRMA_FIXTURES=${PROJECT_SOURCE_DIR}/fixtures;FIRMA_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
endfunction()
