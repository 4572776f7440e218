# Cross-builds for macOS with `zig cc`, through the three wrapper programs that scripts/cross-build
# writes. -DFIRMA_CROSS_TOOLS=FOLDER holds them, -DFIRMA_CROSS_ARCH is aarch64 or x86_64.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR ${FIRMA_CROSS_ARCH})
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES FIRMA_CROSS_ARCH FIRMA_CROSS_TOOLS)

set(CMAKE_C_COMPILER ${FIRMA_CROSS_TOOLS}/cc)
set(CMAKE_AR ${FIRMA_CROSS_TOOLS}/ar CACHE FILEPATH "")
set(CMAKE_RANLIB ${FIRMA_CROSS_TOOLS}/ranlib CACHE FILEPATH "")
# Not run by what is built here, but CMake insists on finding it.
set(CMAKE_INSTALL_NAME_TOOL ${FIRMA_CROSS_TOOLS}/ranlib CACHE FILEPATH "")
# The compiler brings its own system headers and libSystem.
set(CMAKE_OSX_SYSROOT "" CACHE STRING "")
set(CMAKE_OSX_DEPLOYMENT_TARGET "" CACHE STRING "")

# zig turns on -fsanitize=undefined by itself; these binaries are only linked, never run.
set(CMAKE_C_FLAGS_INIT "-fno-sanitize=undefined")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
