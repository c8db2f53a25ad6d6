# TESSERA_MPI: tessera::mpi, or one sentence.
include("${CMAKE_CURRENT_LIST_DIR}/mpi.cmake")
if(NOT TARGET tessera::mpi)
  message(FATAL_ERROR "tessera: TESSERA_MPI is ON, but no MPI was found (Debian, Ubuntu: apt-get install "
                      "libopenmpi-dev openmpi-bin)")
endif()
