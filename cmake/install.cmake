# cmake --install: headers, targets and a package for find_package(tessera). Everything goes below share/ and
# include/: nothing depends on the architecture, as the version file says.
include(CMakePackageConfigHelpers)
set(_package ${CMAKE_INSTALL_DATADIR}/cmake/tessera)

if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.23)
  install(TARGETS tessera_tessera tessera_native EXPORT tesseraTargets FILE_SET HEADERS)
else()
  install(TARGETS tessera_tessera tessera_native EXPORT tesseraTargets)
  install(DIRECTORY include/tessera DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
endif()
install(EXPORT tesseraTargets NAMESPACE tessera:: DESTINATION ${_package})

configure_package_config_file(cmake/tesseraConfig.cmake.in ${PROJECT_BINARY_DIR}/tesseraConfig.cmake
                              INSTALL_DESTINATION ${_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tesseraConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/tesseraConfig.cmake ${PROJECT_BINARY_DIR}/tesseraConfigVersion.cmake
              cmake/thirdParty.cmake cmake/mpi.cmake DESTINATION ${_package})
