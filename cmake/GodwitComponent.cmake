# SPDX-License-Identifier: Apache-2.0
# godwit_add_component (NAME DESCRIPTION text [SOURCES file... FOLDERS folder...] LIBRARIES target... STATIC_LIBRARIES name...)
# The component in the current folder: from its *.c files, its include/ and its NAME.map come libgodwit-NAME, shared and
# static, with godwit-NAME.pc and the targets godwit::NAME and godwit::NAME_static. LIBRARIES is what it is built with,
# STATIC_LIBRARIES what a program that takes the static library links, too. SOURCES are files that the build generates,
# FOLDERS where their headers are.
function (godwit_add_component name)
    cmake_parse_arguments (PARSE_ARGV 1 arg "" "DESCRIPTION" "SOURCES;FOLDERS;LIBRARIES;STATIC_LIBRARIES")
    set_property (GLOBAL APPEND PROPERTY godwit_components ${name})
    set (target godwit_${name})
    set (public $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>)

    file (GLOB sources CONFIGURE_DEPENDS *.c)
    add_library (${target}_objects OBJECT ${sources} ${arg_SOURCES})
    target_include_directories (${target}_objects PRIVATE ${PROJECT_SOURCE_DIR} include ${PROJECT_SOURCE_DIR}/include
                                                          ${arg_FOLDERS})
    target_compile_options (${target}_objects PRIVATE -fvisibility=hidden -fno-semantic-interposition)
    target_link_libraries (${target}_objects PRIVATE godwit_compile ${arg_LIBRARIES})
    set_target_properties (${target}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)

    add_library (${target} SHARED $<TARGET_OBJECTS:${target}_objects>)
    set_target_properties (${target} PROPERTIES OUTPUT_NAME godwit-${name} EXPORT_NAME ${name} VERSION ${PROJECT_VERSION}
                           SOVERSION ${series} LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}.map
                           LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
    target_link_libraries (${target} PUBLIC godwit PRIVATE ${arg_LIBRARIES})
    target_include_directories (${target} PUBLIC ${public})
    target_link_options (${target} PRIVATE LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/${name}.map
                         LINKER:-Bsymbolic-functions LINKER:--as-needed LINKER:-z,relro LINKER:-z,now)
    if (NOT GODWIT_SANITIZE AND NOT GODWIT_FUZZ)
        target_link_options (${target} PRIVATE LINKER:--no-undefined)
    endif ()

    add_library (${target}_static STATIC $<TARGET_OBJECTS:${target}_objects>)
    set_target_properties (${target}_static PROPERTIES OUTPUT_NAME godwit-${name} EXPORT_NAME ${name}_static
                           ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
    target_link_libraries (${target}_static PUBLIC godwit_static "$<BUILD_INTERFACE:${arg_LIBRARIES}>"
                                                   "$<INSTALL_INTERFACE:${arg_STATIC_LIBRARIES}>")
    target_include_directories (${target}_static PUBLIC ${public})

    add_library (godwit::${name} ALIAS ${target})
    add_library (godwit::${name}_static ALIAS ${target}_static)
    godwit_install_component (${name})
endfunction ()

# Beside the core; find_package (godwit) finds it if it is there.
function (godwit_install_component name)
    string (SUBSTRING ${name} 0 1 initial)
    string (SUBSTRING ${name} 1 -1 rest)
    string (TOUPPER ${initial} initial)
    set (component ${initial}${rest}) # Spool
    install (TARGETS godwit_${name} EXPORT godwit${component}Targets
             LIBRARY COMPONENT ${component} NAMELINK_COMPONENT ${component}Development
             INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    install (TARGETS godwit_${name}_static EXPORT godwit${component}Targets
             ARCHIVE COMPONENT ${component}Development
             INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    install (DIRECTORY include/ TYPE INCLUDE COMPONENT ${component}Development FILES_MATCHING PATTERN "*.h")
    install (EXPORT godwit${component}Targets NAMESPACE godwit:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/godwit
             COMPONENT ${component}Development)

    list (TRANSFORM arg_STATIC_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE static_libraries)
    list (TRANSFORM static_libraries REPLACE "^-lThreads::Threads$" "-pthread")
    list (JOIN static_libraries " " static_libraries)
    godwit_install_pc (${PROJECT_SOURCE_DIR}/cmake/component.pc.in godwit-${name} ${component}Development)
endfunction ()
