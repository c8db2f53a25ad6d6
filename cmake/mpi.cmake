# tessera::mpi: tessera::tessera and an MPI, for programs that include <tessera/dist/mpi.hpp>. Used by the build tree
# (TESSERA_MPI) and by the installed package (COMPONENTS mpi); without an MPI there is no target.
#
# Only MPI's C interface is called: the C++ bindings were removed from the standard, but FindMPI would still link them.
# The language is CXX nevertheless, so that a project needs no C compiler.
if(NOT TARGET tessera::mpi)
  set(_tessera_mpi_new TRUE)
  if(TARGET MPI::MPI_CXX)
    set(_tessera_mpi_new FALSE)
  endif()
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
  if(TARGET MPI::MPI_CXX)
    if(_tessera_mpi_new)               # an enclosing project sees it too
      set_target_properties(MPI::MPI_CXX PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
    add_library(tessera::mpi INTERFACE IMPORTED GLOBAL)
    target_link_libraries(tessera::mpi INTERFACE tessera::tessera MPI::MPI_CXX)
    message(STATUS "tessera: MPI ${MPI_CXX_VERSION} from ${MPI_CXX_COMPILER}")
  endif()
  unset(_tessera_mpi_new)
endif()
