# Flags every target shares, as the interface target `firma_flags`.
add_library(firma_flags INTERFACE)
target_compile_definitions(firma_flags INTERFACE _GNU_SOURCE FIRMA_VERSION="${PROJECT_VERSION}")
if(APPLE)
    target_compile_definitions(firma_flags INTERFACE _DARWIN_C_SOURCE)
endif()

option(FIRMA_WARNINGS_AS_ERRORS "Turn compiler warnings into errors (the presets do)" OFF)
target_compile_options(firma_flags INTERFACE
    -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla
    -Wformat=2 -Wundef -Wwrite-strings)
if(FIRMA_WARNINGS_AS_ERRORS)
    target_compile_options(firma_flags INTERFACE -Werror)
endif()

option(FIRMA_SANITIZE "Build with the address and undefined-behaviour sanitizers" OFF)
if(FIRMA_SANITIZE)
    target_compile_options(firma_flags INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(firma_flags INTERFACE -fsanitize=address,undefined)
endif()

# Without a dynamic linker a launch takes a fifth less time, and nothing but the program itself
# decides what code it runs.
option(FIRMA_STATIC "Link the launcher and the namespace runner statically (Linux, preset release)" OFF)
function(firma_link_static target)
    if(FIRMA_STATIC AND FIRMA_JANSSON_ARCHIVE AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
        target_link_options(${target} PRIVATE -static-pie)
    endif()
endfunction()

option(FIRMA_FUZZ "Build the fuzz targets as libFuzzer programs (clang only)" OFF)
if(FIRMA_FUZZ)
    target_compile_options(firma_flags INTERFACE -O1 -g -fsanitize=fuzzer-no-link,address,undefined
        -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(firma_flags INTERFACE -fsanitize=address,undefined)
endif()

# The counters are shared by all processes of a program, wherever they run: see coverage/counters.c.
# fork and exec are gcov's own else, which write before an exec and begin anew after a fork.
option(FIRMA_COVERAGE "Build with gcov instrumentation (scripts/coverage)" OFF)
if(FIRMA_COVERAGE)
    add_library(firma_counters STATIC ${CMAKE_CURRENT_LIST_DIR}/coverage/counters.c)
    target_compile_definitions(firma_counters PRIVATE _GNU_SOURCE
        FIRMA_COUNTERS_DIR="${PROJECT_BINARY_DIR}/counters")
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/counters)
    file(CHMOD ${PROJECT_BINARY_DIR}/counters
        PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_WRITE GROUP_EXECUTE
                    WORLD_READ WORLD_WRITE WORLD_EXECUTE)
    add_library(firma_coverage INTERFACE)
    target_compile_options(firma_coverage INTERFACE --coverage -fprofile-abs-path
        -fprofile-update=atomic -fdata-sections -fno-builtin-fork -fno-builtin-execl
        -fno-builtin-execle -fno-builtin-execlp -fno-builtin-execv -fno-builtin-execve
        -fno-builtin-execvp)
    target_link_options(firma_coverage INTERFACE --coverage
        LINKER:--wrap=main,--wrap=reboot,--wrap=sync,--wrap=__gcov_exit,--build-id
        LINKER:-T,${CMAKE_CURRENT_LIST_DIR}/coverage/counters.ld)
    target_link_libraries(firma_coverage INTERFACE firma_counters)
    target_link_libraries(firma_flags INTERFACE firma_coverage)
endif()
