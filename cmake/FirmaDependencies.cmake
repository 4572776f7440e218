# Libraries from the system's packages (Homebrew's on macOS), as imported targets.
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)

option(FIRMA_SUITE "Build the conformance suite beside the product" ON)
# The machine's images have digests; the launcher itself needs none.
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" OR FIRMA_SUITE)
    pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
endif()
if(FIRMA_SUITE)
    pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
    pkg_check_modules(LDNS REQUIRED IMPORTED_TARGET ldns)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
    pkg_check_modules(PCAP REQUIRED IMPORTED_TARGET libpcap)
    find_package(Threads REQUIRED)
endif()
