# cmake --install: headers, libraries, godwit.pc and the CMake package.
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

# godwit.pc finds its prefix from where it lies, so the tree may be moved (`cmake --install --prefix`).
cmake_path (RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
            OUTPUT_VARIABLE prefix_from_pc)
configure_file (cmake/godwit.pc.in godwit.pc @ONLY)
install (FILES ${PROJECT_BINARY_DIR}/godwit.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT Development)
