# SPDX-License-Identifier: Apache-2.0
# Functions that turn folders of sources into programs and tests, so that a new file needs no line of CMake.

# godwit_add_program (TARGET SOURCES... [OUTPUT name] [FOLDER folder below the build folder] [LIBRARIES lib...]
#                     [PUBLIC_API])
# A program sees the whole tree and links the static library; with PUBLIC_API it sees the public headers only and links
# the shared library, as a user's program would.
function (godwit_add_program target)
    cmake_parse_arguments (PARSE_ARGV 1 arg "PUBLIC_API" "OUTPUT;FOLDER" "LIBRARIES")
    add_executable (${target} ${arg_UNPARSED_ARGUMENTS})
    if (arg_PUBLIC_API)
        target_link_libraries (${target} PRIVATE godwit)
    else ()
        target_include_directories (${target} PRIVATE ${PROJECT_SOURCE_DIR})
        target_link_libraries (${target} PRIVATE godwit_static)
    endif ()
    target_link_libraries (${target} PRIVATE godwit_compile ${arg_LIBRARIES} Threads::Threads)
    if (arg_OUTPUT)
        set_target_properties (${target} PROPERTIES OUTPUT_NAME "${arg_OUTPUT}")
    endif ()
    if (arg_FOLDER)
        set_target_properties (${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${arg_FOLDER}")
    endif ()
endfunction ()

# godwit_add_test (NAME COMMAND... [LABELS label...] [TIMEOUT seconds] [SERIAL] [MAY_SKIP])
# Registers a test with the environment that the sanitizers of this build need. SERIAL: no other test beside it. MAY_SKIP:
# exit status 77 means skipped (not for a fuzzer, which says 77 for a crash).
function (godwit_add_test name)
    cmake_parse_arguments (PARSE_ARGV 1 arg "SERIAL;MAY_SKIP" "TIMEOUT" "LABELS")
    if (NOT arg_TIMEOUT)
        set (arg_TIMEOUT 120)
    endif ()
    # Each test has a private folder of its own: so tests that run at the same time do not meet.
    set (folders ${PROJECT_BINARY_DIR}/folders)
    file (MAKE_DIRECTORY ${folders})
    file (CHMOD ${folders} DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
    set (environment "GODWIT_BUILD_DIR=${PROJECT_BINARY_DIR}" "GODWIT_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
                     "GODWIT_SANITIZE=${GODWIT_SANITIZE}" "GODWIT_DIR=${folders}/${name}"
                     "GODWIT_REALM=none") # not the one of whoever runs them
    if (GODWIT_SANITIZE)
        math (EXPR arg_TIMEOUT "${arg_TIMEOUT} * 3")
        list (APPEND environment
              "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1"
              "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0"
              "UBSAN_OPTIONS=print_stacktrace=1"
              "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp:second_deadlock_stack=1:exitcode=66")
    endif ()
    add_test (NAME ${name} COMMAND ${arg_UNPARSED_ARGUMENTS})
    set_tests_properties (${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}"
                                             ENVIRONMENT "${environment}")
    if (arg_MAY_SKIP)
        set_tests_properties (${name} PROPERTIES SKIP_RETURN_CODE 77)
    endif ()
    if (arg_SERIAL)
        set_tests_properties (${name} PROPERTIES RUN_SERIAL ON)
    endif ()
endfunction ()
