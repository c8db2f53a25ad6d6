# Configures, builds and runs one consumer from nothing, in a path with spaces and letters that are not ASCII.
#   cmake -D WAY=find_package[_mpi]|fetch_content|add_subdirectory[_mpi]|export_set|own_targets|old_tbb|second_copy|
#         settings -D ROOT= -D BUILD= -D WORK= -D CONFIG= -D GENERATOR= -D CXX= -D VERSION= -D FETCHED="name=folder,..."
#         [-D INSTALLS=ON] [-D MPICXX=] -P run.cmake
cmake_minimum_required(VERSION 3.22)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGV}")
    message(FATAL_ERROR "${command}\nexit ${result}, said:\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()
# refused(<what it must say> <command>...)
function(refused sentence)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  string(REGEX REPLACE "[ \n]+" " " line "${said}")     # messages of CMake are wrapped
  if(result EQUAL 0 OR NOT line MATCHES "${sentence}")
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "${command}\nexpected \"${sentence}\", got exit ${result}:\n${said}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
set(PLACE "${WORK}/Zoë Müller/my builds")
file(MAKE_DIRECTORY "${PLACE}")
file(CREATE_LINK "${ROOT}" "${PLACE}/the checkout" SYMBOLIC)
set(arguments "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_BUILD_TYPE=${CONFIG}" "-DCONSUMER_BUILD_TYPE=${CONFIG}")

# Installs to one folder and moves it to PLACE/prefix: a package has no path of the folder that it was made for.
function(install_and_move)
  run(${CMAKE_COMMAND} --install ${BUILD} --config ${CONFIG} --prefix ${WORK}/first)
  file(RENAME ${WORK}/first "${PLACE}/prefix")
endfunction()

if(WAY MATCHES "^find_package")
  # What was fetched is not installed, and the package asks its user for it.
  if(FETCHED)
    message("SKIPPED: ${FETCHED} was downloaded for this build; an installed tessera needs it installed")
    return()
  endif()
  install_and_move()
  list(APPEND arguments "-DCMAKE_PREFIX_PATH=${PLACE}/prefix")
else()
  list(APPEND arguments "-DTESSERA_CHECKOUT=${PLACE}/the checkout")
  string(REPLACE "," ";" fetched "${FETCHED}")
  foreach(item ${fetched})                       # not a second time
    string(REGEX MATCH "^([^=]+)=(.+)$" matched "${item}")
    string(TOUPPER "${CMAKE_MATCH_1}" name)
    list(APPEND arguments "-DFETCHCONTENT_SOURCE_DIR_${name}=${CMAKE_MATCH_2}")
  endforeach()
endif()

set(configure ${CMAKE_COMMAND} -S "${PLACE}/the checkout/tests/package/${WAY}" -G ${GENERATOR} ${arguments})
if(WAY STREQUAL "old_tbb")                       # as a conda environment has it
  set(old "${PLACE}/old prefix")
  file(WRITE "${old}/lib/cmake/TBB/TBBConfig.cmake" "add_library(TBB::tbb INTERFACE IMPORTED)
set_target_properties(TBB::tbb PROPERTIES INTERFACE_INCLUDE_DIRECTORIES \"\${CMAKE_CURRENT_LIST_DIR}/../../../include\")\n")
  file(WRITE "${old}/lib/cmake/TBB/TBBConfigVersion.cmake" "set(PACKAGE_VERSION 2020.3)
if(PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()\n")
  file(WRITE "${old}/include/tbb/tbb_stddef.h" "#define TBB_VERSION_MAJOR 2020\n#define TBB_VERSION_MINOR 3\n")
  foreach(header parallel_for task_arena task_group)
    file(WRITE "${old}/include/tbb/${header}.h" "#error these are the headers of TBB 2020.3\n")
  endforeach()
  file(WRITE "${old}/include/xsimd/xsimd.hpp" "#define XSIMD_VERSION_MAJOR 7\n#define XSIMD_VERSION_MINOR 6\n")
  file(WRITE "${old}/include/Eigen/src/Core/util/Macros.h"
       "#define EIGEN_WORLD_VERSION 3\n#define EIGEN_MAJOR_VERSION 3\n#define EIGEN_MINOR_VERSION 9\n")
  list(APPEND configure "-DOLD_PREFIX=${old}")
  set(of_xsimd "tessera needs xsimd >= 8.1, and this project has the target xsimd with version 7.6 in ")
  set(of_eigen "tessera needs Eigen >= 3.4, and this project has the target Eigen3::Eigen with version 3.3.9 in ")
  set(sentence "tessera needs oneTBB >= 2021.5, and this project has the target TBB::tbb with version 2020.3 in ")
  set(before "$ENV{CMAKE_PREFIX_PATH}")
  set(ENV{CMAKE_PREFIX_PATH} "${old}:${before}")
  refused("${sentence}" ${configure} -B "${PLACE}/finds TBB" "-DHOST=finds it")
  refused("${sentence}" ${configure} -B "${PLACE}/makes TBB" "-DHOST=makes TBB::tbb")
  refused("${of_xsimd}" ${configure} -B "${PLACE}/makes xsimd" "-DHOST=makes xsimd")
  refused("${of_eigen}" ${configure} -B "${PLACE}/makes Eigen" "-DHOST=makes Eigen3::Eigen")
  if(INSTALLS AND NOT FETCHED)
    install_and_move()
    set(ENV{CMAKE_PREFIX_PATH} "${old}:${PLACE}/prefix:${before}")
    refused("${sentence}" ${configure} -B "${PLACE}/installed" "-DHOST=finds it" -DINSTALLED=ON)
    refused("${of_xsimd}" ${configure} -B "${PLACE}/installed, own xsimd" "-DHOST=makes xsimd" -DINSTALLED=ON)
    refused("${of_eigen}" ${configure} -B "${PLACE}/installed, own Eigen" "-DHOST=makes Eigen3::Eigen" -DINSTALLED=ON)
    run(${configure} -B "${PLACE}/installed without it" -DINSTALLED=ON)
  endif()
endif()

set(installed FALSE)
if(WAY MATCHES "^(second_copy|settings)$" AND INSTALLS AND NOT FETCHED)
  install_and_move()
  set(installed TRUE)
endif()
if(WAY STREQUAL "second_copy")                   # of a second one only the version is read
  foreach(copy "the same" "another")
    file(COPY "${ROOT}/CMakeLists.txt" "${ROOT}/cmake" DESTINATION "${PLACE}/${copy}")
    file(COPY "${ROOT}/include/tessera/version.hpp" DESTINATION "${PLACE}/${copy}/include/tessera")
  endforeach()
  file(WRITE "${PLACE}/another/include/tessera/version.hpp"
       "#define TESSERA_VERSION_MAJOR 99\n#define TESSERA_VERSION_MINOR 1\n#define TESSERA_VERSION_PATCH 0\n")
  refused("tessera::tessera ${VERSION} from .*/the checkout/include, and .*/another has 99.1.0; expected one version"
          ${configure} -B "${PLACE}/other version" "-DSECOND=${PLACE}/another")
  refused("tessera::tessera of unknown version from an unknown folder, and .*/the same has ${VERSION}; expected"
          ${configure} -B "${PLACE}/own target" "-DFIRST=own target" "-DSECOND=${PLACE}/the same")
  run(${configure} -B "${PLACE}/installs" "-DSECOND=${PLACE}/the same" -DINSTALL=ON)
  string(REGEX REPLACE "[ \n]+" " " said "${said}")
  if(NOT said MATCHES "TESSERA_INSTALL is ON for .*/the same and was OFF for the first one")
    message(FATAL_ERROR "the install rules that the second one requests are missing without a word:\n${said}")
  endif()
  if(installed)
    list(APPEND configure "-DCMAKE_PREFIX_PATH=${PLACE}/prefix")
    run(${configure} -B "${PLACE}/found first" -DFIRST=find_package "-DSECOND=${PLACE}/the same")
    refused("tessera::tessera ${VERSION} from .*/prefix/include, and .*/another has 99.1.0; expected one version"
            ${configure} -B "${PLACE}/other found first" -DFIRST=find_package "-DSECOND=${PLACE}/another")
    # without the dependencies of the package: the first has its own
    run(${configure} -B "${PLACE}/found second" "-DSECOND=find_package" -DDISABLED=Eigen3)
    refused("tessera::tessera 99.1.0 from .*/another/include, and .*/prefix/.* has ${VERSION}; expected one version"
            ${configure} -B "${PLACE}/other found second" "-DFIRST=${PLACE}/another" -DSECOND=find_package)
  endif()
  list(APPEND configure "-DSECOND=${PLACE}/the same" "-DMPICXX=${MPICXX}")
elseif(WAY STREQUAL "settings")
  set(sentence "TESSERA_STB_DIR is .*/nothere; expected a folder with stb_image.h and stb_image_write.h")
  refused("${sentence}" ${configure} -B "${PLACE}/stb" "-DTESSERA_STB_DIR=${PLACE}/nothere")
  file(WRITE "${PLACE}/half/include/stb_image.h" "#error another program's\n")  # passed over
  run(${configure} -B "${PLACE}/half stb" "-DCMAKE_PREFIX_PATH=${PLACE}/half" -DTESSERA_FETCH_MISSING=OFF
      -UTESSERA_STB_DIR)
  # CMake 3.30 and newer say it themselves
  refused("tessera needs Eigen3, .*FETCHCONTENT_FULLY_DISCONNECTED|FETCHCONTENT_FULLY_DISCONNECTED .*dependency Eigen3"
          ${configure} -B "${PLACE}/disconnected" -DFETCHCONTENT_FULLY_DISCONNECTED=ON
          -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON -DFETCHCONTENT_SOURCE_DIR_EIGEN3=)
  run(${configure} -B "${PLACE}/C" -DLANGUAGE=C)
  string(REGEX REPLACE "[ \n]+" " " said "${said}")
  if(NOT said MATCHES "adds it before C\\+\\+ is enabled there")
    message(FATAL_ERROR "a project without C++ is not warned:\n${said}")
  endif()
  if(installed)
    refused("${sentence}" ${configure} -B "${PLACE}/stb installed" -DINSTALLED=ON "-DCMAKE_PREFIX_PATH=${PLACE}/prefix"
            "-DTESSERA_STB_DIR=${PLACE}/nothere")
    # absolute folders, as Nix has them
    run(${configure} -B "${PLACE}/absolute" -DTESSERA_INSTALL=ON "-DCMAKE_INSTALL_INCLUDEDIR=${PLACE}/absolute include"
        "-DCMAKE_INSTALL_DATADIR=${PLACE}/absolute data")
    run(${CMAKE_COMMAND} --install "${PLACE}/absolute" --config ${CONFIG})
    run(${configure} -B "${PLACE}/absolute installed" -DINSTALLED=ON
        "-Dtessera_DIR=${PLACE}/absolute data/cmake/tessera")
  endif()
  message("settings: as expected")
  return()
endif()

run(${configure} -B "${PLACE}/build")
run(${CMAKE_COMMAND} --build "${PLACE}/build" --config ${CONFIG})
find_program(consumer consumer PATHS "${PLACE}/build" "${PLACE}/build/${CONFIG}" NO_DEFAULT_PATH REQUIRED)
run("${consumer}")
string(STRIP "${said}" said)
message("${WAY}: ${said}")
if(NOT said MATCHES "^tessera ${VERSION},")
  message(FATAL_ERROR "that is not version ${VERSION}")
endif()
if(WAY STREQUAL "export_set")
  run(${CMAKE_COMMAND} --install "${PLACE}/build" --config ${CONFIG} --prefix "${PLACE}/host")
  file(READ "${PLACE}/host/share/cmake/host/hostTargets.cmake" exported)
  if(NOT exported MATCHES "INTERFACE_LINK_LIBRARIES \"tessera::tessera\"" OR
     NOT EXISTS "${PLACE}/host/share/cmake/tessera/tesseraConfig.cmake")
    message(FATAL_ERROR "the package of the host does not refer to that of tessera:\n${exported}")
  endif()
  file(READ "${PLACE}/build/hostTargets.cmake" exported)
  if(NOT exported MATCHES "INTERFACE_LINK_LIBRARIES \"tessera::tessera\"")
    message(FATAL_ERROR "the build folder of the host does not refer to tessera::tessera:\n${exported}")
  endif()
  # targets that the project has made itself and exports nowhere: its package finds others
  run(${configure} -B "${PLACE}/own targets" -DOWN_TARGETS=ON)
  run(${CMAKE_COMMAND} --install "${PLACE}/own targets" --config ${CONFIG} --prefix "${PLACE}/host of own targets")
  if(NOT FETCHED)
    foreach(package "host of own targets" "own targets/tessera")
      run(${CMAKE_COMMAND} -S "${PLACE}/the checkout/tests/package/find_package" -G ${GENERATOR} ${arguments}
          -B "${PLACE}/from ${package}" "-DCMAKE_PREFIX_PATH=${PLACE}/${package}")
    endforeach()
  endif()
  # a oneTBB that is compiled with it; this one has its targets and rules
  file(WRITE "${PLACE}/a oneTBB/CMakeLists.txt" "cmake_minimum_required(VERSION 3.22)
project(TBB LANGUAGES CXX)
add_library(tbb INTERFACE)
add_library(TBB::tbb ALIAS tbb)
target_include_directories(tbb INTERFACE $<INSTALL_INTERFACE:include>)
if(TBB_INSTALL)
  install(TARGETS tbb EXPORT TBBTargets)
  install(EXPORT TBBTargets NAMESPACE TBB:: DESTINATION lib/cmake/TBB)
endif()\n")
  run(${configure} -B "${PLACE}/compiled oneTBB" -DCMAKE_DISABLE_FIND_PACKAGE_TBB=ON
      "-DFETCHCONTENT_SOURCE_DIR_TBB=${PLACE}/a oneTBB")
  if(NOT FETCHED)                                # the build folder is a package, too
    run(${CMAKE_COMMAND} -S "${PLACE}/the checkout/tests/package/find_package" -G ${GENERATOR} ${arguments}
        -B "${PLACE}/from the build folder" "-DCMAKE_PREFIX_PATH=${PLACE}/build/tessera")
  endif()
elseif(WAY STREQUAL "find_package")              # CMake 3.22 does not read file sets
  file(READ "${PLACE}/prefix/share/cmake/tessera/tesseraTargets.cmake" exported)
  if(NOT exported MATCHES "INTERFACE_INCLUDE_DIRECTORIES \"[^\n]*/include\"")
    message(FATAL_ERROR "the package has no include folder without file sets:\n${exported}")
  endif()
endif()
