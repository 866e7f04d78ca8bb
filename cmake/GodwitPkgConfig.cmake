# SPDX-License-Identifier: Apache-2.0
# godwit_install_pc (TEMPLATE PACKAGE COMPONENT): installs PACKAGE.pc.
#
# It finds its prefix from where it lies, so the tree may be moved (`cmake --install --prefix`). The loader looks into /usr
# and /usr/local by itself, after ldconfig. For any other prefix the file tells programs where the library is. Only at the
# time of cmake --install the prefix is known, so both are made.
function (godwit_install_pc template package component)
    set (folder ${PROJECT_BINARY_DIR}/pkgconfig)
    cmake_path (RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
                OUTPUT_VARIABLE prefix_from_pc)
    set (run_path "")
    configure_file (${template} ${folder}/system/${package}.pc @ONLY)
    set (run_path "-Wl,-rpath,\${libdir} ")
    configure_file (${template} ${folder}/prefix/${package}.pc @ONLY)
    install (CODE "
    set (place prefix)
    if (CMAKE_INSTALL_PREFIX MATCHES \"^/usr(/local)?/?$\")
        set (place system)
    endif ()
    file (INSTALL DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig\" TYPE FILE
          FILES \"${folder}/\${place}/${package}.pc\")" COMPONENT ${component})
endfunction ()
