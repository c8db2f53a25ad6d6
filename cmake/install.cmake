# cmake --install: headers, targets and a package for find_package(tessera). Everything goes below share/ and
# include/: nothing depends on the architecture, as the version file says.
include(CMakePackageConfigHelpers)
set(_package ${CMAKE_INSTALL_DATADIR}/cmake/tessera)

get_target_property(_file_set tessera_tessera INTERFACE_HEADER_SETS)
if(_file_set)
  install(TARGETS tessera_tessera tessera_native EXPORT tesseraTargets FILE_SET HEADERS)
else()
  install(TARGETS tessera_tessera tessera_native EXPORT tesseraTargets)
  install(DIRECTORY include/tessera DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
endif()
install(EXPORT tesseraTargets NAMESPACE tessera:: DESTINATION ${_package})
set_property(GLOBAL PROPERTY TESSERA_INSTALLED TRUE)               # for a second tessera in the same project

configure_package_config_file(cmake/tesseraConfig.cmake.in ${PROJECT_BINARY_DIR}/tesseraConfig.cmake
                              INSTALL_DESTINATION ${_package})
configure_file(cmake/tesseraConfigVersion.cmake.in ${PROJECT_BINARY_DIR}/tesseraConfigVersion.cmake @ONLY)
foreach(_part version thirdParty mpi)
  configure_file(cmake/${_part}.cmake ${PROJECT_BINARY_DIR}/${_part}.cmake COPYONLY)
  install(FILES cmake/${_part}.cmake DESTINATION ${_package})
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/tesseraConfig.cmake ${PROJECT_BINARY_DIR}/tesseraConfigVersion.cmake
        DESTINATION ${_package})

# The build folder is a package, too: an export(EXPORT) of the project around this one needs tessera in one.
export(EXPORT tesseraTargets NAMESPACE tessera:: FILE ${PROJECT_BINARY_DIR}/tesseraTargets.cmake)
