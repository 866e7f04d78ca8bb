# SPDX-License-Identifier: Apache-2.0
# cmake --install: headers, libraries, godwit.pc, the CMake package, manual pages and documents.
include (CMakePackageConfigHelpers)

install (TARGETS godwit EXPORT godwitTargets
         LIBRARY NAMELINK_COMPONENT Development
         INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install (TARGETS godwit_static EXPORT godwitTargets
         ARCHIVE COMPONENT Development
         INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install (DIRECTORY include/ TYPE INCLUDE COMPONENT Development FILES_MATCHING PATTERN "*.h")

set (package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/godwit)
install (EXPORT godwitTargets NAMESPACE godwit:: DESTINATION ${package_folder} COMPONENT Development)
configure_package_config_file (cmake/godwitConfig.cmake.in godwitConfig.cmake INSTALL_DESTINATION ${package_folder})
# Until 1.0 a minor version may change the interface.
write_basic_package_version_file (godwitConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install (FILES ${PROJECT_BINARY_DIR}/godwitConfig.cmake ${PROJECT_BINARY_DIR}/godwitConfigVersion.cmake
         DESTINATION ${package_folder} COMPONENT Development)

godwit_install_pc (${PROJECT_SOURCE_DIR}/cmake/godwit.pc.in godwit Development)

# The manual pages are made from the headers (`man 3 godwit_client_call`); those of the command lie beside it.
find_program (PERL perl REQUIRED) # Debian's perl-base, which is always there
file (GLOB public_headers CONFIGURE_DEPENDS include/godwit/*.h)
get_property (components GLOBAL PROPERTY godwit_components)
set (component_headers) # folders with the library that belongs to each
foreach (name IN LISTS components)
    list (APPEND component_headers ${PROJECT_SOURCE_DIR}/components/${name}/include=godwit-${name})
    file (GLOB headers CONFIGURE_DEPENDS components/${name}/include/godwit/*.h)
    list (APPEND public_headers ${headers})
endforeach ()
set (command_pages)
set (copy_pages)
if (GODWIT_BUILD_TOOLS AND NOT GODWIT_FUZZ)
    file (GLOB command_pages CONFIGURE_DEPENDS tools/godwit/*.1)
    set (copy_pages COMMAND ${CMAKE_COMMAND} -E make_directory man/man1
                    COMMAND ${CMAKE_COMMAND} -E copy_if_different ${command_pages} man/man1)
endif ()
add_custom_command (OUTPUT man.stamp
                    COMMAND ${CMAKE_COMMAND} -E rm -rf man
                    COMMAND ${PERL} ${PROJECT_SOURCE_DIR}/scripts/man-pages ${PROJECT_SOURCE_DIR}/include man
                            ${PROJECT_VERSION} ${component_headers}
                    ${copy_pages}
                    COMMAND ${CMAKE_COMMAND} -E touch man.stamp
                    DEPENDS scripts/man-pages ${public_headers} ${command_pages} VERBATIM)
add_custom_target (man ALL DEPENDS man.stamp)
install (DIRECTORY ${PROJECT_BINARY_DIR}/man/ TYPE MAN COMPONENT Development)

# The documents, below share/doc/godwit, with links that hold there.
file (GLOB documents CONFIGURE_DEPENDS docs/*.md)
list (APPEND documents README.md LICENSE CHANGELOG.md SECURITY.md)
add_custom_command (OUTPUT doc.stamp
                    COMMAND ${CMAKE_COMMAND} -E rm -rf doc
                    COMMAND ${PERL} ${PROJECT_SOURCE_DIR}/scripts/install-docs ${PROJECT_SOURCE_DIR} doc
                    COMMAND ${CMAKE_COMMAND} -E touch doc.stamp
                    DEPENDS scripts/install-docs ${documents} VERBATIM)
add_custom_target (documents ALL DEPENDS doc.stamp)
install (DIRECTORY ${PROJECT_BINARY_DIR}/doc/ TYPE DOC COMPONENT Development)

# The last, because it says what to do next.
configure_file (cmake/install-hint.cmake.in install-hint.cmake @ONLY)
install (SCRIPT ${PROJECT_BINARY_DIR}/install-hint.cmake COMPONENT Development)

# All that is installed. Who builds the examples, as scripts/demo does, can install, too.
add_custom_target (installable)
add_dependencies (installable godwit godwit_static man documents)
if (TARGET tools)
    add_dependencies (installable tools)
endif ()
foreach (name IN LISTS components)
    add_dependencies (installable godwit_${name} godwit_${name}_static)
endforeach ()
if (TARGET examples)
    add_dependencies (examples installable)
endif ()
