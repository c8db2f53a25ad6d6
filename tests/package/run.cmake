# Configures, builds and runs one consumer from nothing.
#   cmake -D WAY=find_package[_mpi]|fetch_content|add_subdirectory[_mpi] -D ROOT= -D BUILD= -D WORK= -D CONFIG= -D GENERATOR=
#         -D CXX= -D VERSION= -D FETCHED="name=folder,..." -P run.cmake
cmake_minimum_required(VERSION 3.22)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGV}")
    message(FATAL_ERROR "${command}\nexit ${result}, said:\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(arguments "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_BUILD_TYPE=${CONFIG}" "-DCONSUMER_BUILD_TYPE=${CONFIG}")

if(WAY MATCHES "^find_package")
  # What was fetched is not installed, and the package asks its user for it.
  if(FETCHED)
    message("SKIPPED: ${FETCHED} was downloaded for this build; an installed tessera needs it installed")
    return()
  endif()
  run(${CMAKE_COMMAND} --install ${BUILD} --config ${CONFIG} --prefix ${WORK}/prefix)
  list(APPEND arguments "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
else()
  list(APPEND arguments "-DTESSERA_CHECKOUT=${ROOT}")
  string(REPLACE "," ";" fetched "${FETCHED}")
  foreach(item ${fetched})                       # not a second time
    string(REGEX MATCH "^([^=]+)=(.+)$" matched "${item}")
    string(TOUPPER "${CMAKE_MATCH_1}" name)
    list(APPEND arguments "-DFETCHCONTENT_SOURCE_DIR_${name}=${CMAKE_MATCH_2}")
  endforeach()
endif()

run(${CMAKE_COMMAND} -S ${ROOT}/tests/package/${WAY} -B ${WORK}/build -G ${GENERATOR} ${arguments})
run(${CMAKE_COMMAND} --build ${WORK}/build --config ${CONFIG})
find_program(consumer consumer PATHS ${WORK}/build ${WORK}/build/${CONFIG} NO_DEFAULT_PATH REQUIRED)
run(${consumer})
string(STRIP "${said}" said)
message("${WAY}: ${said}")
if(NOT said MATCHES "^tessera ${VERSION},")
  message(FATAL_ERROR "that is not version ${VERSION}")
endif()
