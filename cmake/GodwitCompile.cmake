# SPDX-License-Identifier: Apache-2.0
# How every file of the tree is compiled: the interface library godwit_compile.

set (CMAKE_C_STANDARD 11)
set (CMAKE_C_STANDARD_REQUIRED ON)
set (CMAKE_C_EXTENSIONS OFF)

add_library (godwit_compile INTERFACE)
target_compile_definitions (godwit_compile INTERFACE _GNU_SOURCE)
target_compile_options (
    godwit_compile
    INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
              -Wmissing-prototypes -Wcast-qual -Wformat=2 -Wwrite-strings -Wvla -Wundef -Wnull-dereference)
if (GODWIT_WERROR)
    target_compile_options (godwit_compile INTERFACE -Werror)
endif ()

if (GODWIT_FUZZ)
    if (NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message (FATAL_ERROR "GODWIT_FUZZ needs clang")
    endif ()
    target_compile_options (godwit_compile INTERFACE -fsanitize=fuzzer-no-link)
    set (GODWIT_SANITIZE "address,undefined")
endif ()

if (GODWIT_SANITIZE)
    target_compile_options (godwit_compile INTERFACE -fsanitize=${GODWIT_SANITIZE} -fno-sanitize-recover=all
                                                     -fno-omit-frame-pointer)
    # Also for targets that do not use godwit_compile: what links the instrumented library needs its runtime.
    add_link_options (-fsanitize=${GODWIT_SANITIZE})
endif ()

if (GODWIT_COVERAGE)
    target_compile_options (godwit_compile INTERFACE --coverage -fprofile-update=atomic)
    add_link_options (--coverage)
endif ()
