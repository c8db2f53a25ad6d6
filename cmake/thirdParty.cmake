# tessera::xsimd and tessera::stb: include folders, nothing else; and a check of the versions. Used by the build tree
# and by the installed package; tessera_xsimd_dir and tessera_stb_dir may be set before.
#
# xsimd's own target is never linked: in Debian 12 it carries the library `xtl`, which does not exist there, and the
# link ends in "cannot find -lxtl" (xtensor-stack/xsimd#869).
if(NOT TARGET tessera::xsimd)
  if(NOT tessera_xsimd_dir)
    get_target_property(tessera_xsimd_dir xsimd INTERFACE_INCLUDE_DIRECTORIES)
  endif()
  if(NOT tessera_xsimd_dir)            # a project's own, without a folder: the compiler finds the headers
    set(tessera_xsimd_dir "")
  endif()
  add_library(tessera::xsimd INTERFACE IMPORTED GLOBAL)
  set_target_properties(tessera::xsimd PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${tessera_xsimd_dir}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${tessera_xsimd_dir}")
endif()
# tessera_check_target(<result> <name> <minimum> <target> <macro> <header>...): what is wrong with it, or nothing.
# It may be that of the project around this one, or of an older package that was found before. The first of its headers
# that has the macro tells the version; where none has, it is not known.
function(tessera_check_target result name minimum target macro)
  set(${result} "" PARENT_SCOPE)
  if(NOT TARGET ${target})
    return()
  endif()
  get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
  foreach(folder IN LISTS folders)
    string(REGEX REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1" folder "${folder}")
    foreach(file IN LISTS ARGN)
      set(version "")
      if(EXISTS "${folder}/${file}")
        file(STRINGS "${folder}/${file}" lines REGEX "^#[ ]*define +${macro} +[0-9]+")
        string(REGEX REPLACE "[^;]*${macro} +([0-9]+)[^;]*" "\\2" version "${lines}")
        string(REPLACE ";" "." version "${version}")
      endif()
      if(version AND version VERSION_LESS minimum)
        set(${result} "tessera needs ${name} >= ${minimum}, and this project has the target ${target} with version \
${version} in ${folder}" PARENT_SCOPE)
      endif()
      if(version)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()
# tessera_check_targets(<result>): what is wrong with the first of these targets that is too old, or nothing.
function(tessera_check_targets result)
  tessera_check_target(problem oneTBB 2021.5 TBB::tbb "TBB_VERSION_(MAJOR|MINOR)"
                       oneapi/tbb/version.h tbb/version.h tbb/tbb_stddef.h)
  if(NOT problem)
    tessera_check_target(problem xsimd 8.1 xsimd "XSIMD_VERSION_(MAJOR|MINOR)"
                         xsimd/config/xsimd_config.hpp xsimd/xsimd.hpp)
  endif()
  if(NOT problem)
    tessera_check_target(problem Eigen 3.4 Eigen3::Eigen "EIGEN_(WORLD|MAJOR|MINOR)_VERSION"
                         Eigen/Version Eigen/src/Core/util/Macros.h)
  endif()
  set(${result} "${problem}" PARENT_SCOPE)
endfunction()

if(NOT TARGET tessera::stb)
  add_library(tessera::stb INTERFACE IMPORTED GLOBAL)
  if(tessera_stb_dir)
    set_target_properties(tessera::stb PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${tessera_stb_dir}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${tessera_stb_dir}")
  endif()
endif()
