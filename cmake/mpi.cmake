# tessera::mpi: tessera::tessera and an MPI, for programs that include <tessera/dist/mpi.hpp>. Used by the build tree
# (TESSERA_MPI) and by the installed package (COMPONENTS mpi); where there is no MPI, there is no target.
#
# MPI's C interface is all that is called: the C++ bindings were removed from the standard, and FindMPI would still link
# them. The language is CXX all the same, so that a project needs no C compiler.
if(NOT TARGET tessera::mpi)
  set(_tessera_mpi_new TRUE)
  if(TARGET MPI::MPI_CXX)
    set(_tessera_mpi_new FALSE)
  endif()
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
  if(TARGET MPI::MPI_CXX)
    if(_tessera_mpi_new)               # a project around us sees it too
      set_target_properties(MPI::MPI_CXX PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
    add_library(tessera::mpi INTERFACE IMPORTED GLOBAL)
    target_link_libraries(tessera::mpi INTERFACE tessera::tessera MPI::MPI_CXX)
    message(STATUS "tessera: MPI ${MPI_CXX_VERSION} from ${MPI_CXX_COMPILER}")
  endif()
  unset(_tessera_mpi_new)
endif()
