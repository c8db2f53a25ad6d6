# What the project around this one has before tessera comes to it.

# Two of its dependencies bring tessera, or find_package found one: the first is used, when it is the same version.
if(TARGET tessera::tessera)
  tessera_check_first(_problem "${_version}" "${CMAKE_CURRENT_SOURCE_DIR}")
  if(_problem)
    message(FATAL_ERROR "${_problem}")
  endif()
  message(STATUS "tessera: this project has ${_version} already, that in ${CMAKE_CURRENT_SOURCE_DIR} is not used")
  get_target_property(_imported tessera::tessera IMPORTED)
  get_property(_installed GLOBAL PROPERTY TESSERA_INSTALLED)
  if(TESSERA_INSTALL AND NOT _imported AND NOT _installed)
    message(WARNING "tessera: TESSERA_INSTALL is ON for ${CMAKE_CURRENT_SOURCE_DIR} and was OFF for the first one, so "
                    "this project installs none; expected -DTESSERA_INSTALL=ON, for both")
  endif()
  if(TESSERA_MPI)                      # the first may be without it
    enable_language(CXX)
    include("${CMAKE_CURRENT_LIST_DIR}/require_mpi.cmake")
  endif()
# Our project() enables C++ in our folder alone. A warning: the programs may be in folders that enable it.
elseif(NOT CMAKE_CXX_COMPILER_ID AND NOT CMAKE_CURRENT_SOURCE_DIR STREQUAL CMAKE_SOURCE_DIR)
  message(WARNING "tessera: ${CMAKE_SOURCE_DIR} adds it before C++ is enabled there, and a target of that folder that "
                  "links tessera::tessera ends in \"No known features for CXX compiler\"; expected project(... CXX) or "
                  "enable_language(CXX) before it")
endif()
