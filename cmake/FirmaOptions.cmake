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

option(FIRMA_FUZZ "Build the fuzz targets as libFuzzer programs (clang only)" OFF)
if(FIRMA_FUZZ)
    target_compile_options(firma_flags INTERFACE -O1 -g -fsanitize=fuzzer-no-link,address,undefined
        -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(firma_flags INTERFACE -fsanitize=address,undefined)
endif()

option(FIRMA_COVERAGE "Build with gcov instrumentation" OFF)
if(FIRMA_COVERAGE)
    target_compile_options(firma_flags INTERFACE --coverage -fprofile-abs-path)
    target_link_options(firma_flags INTERFACE --coverage)
endif()
