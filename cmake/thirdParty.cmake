# tessera::xsimd and tessera::stb: include folders, nothing else; and a check of TBB::tbb. Used by the build tree and by
# the installed package; tessera_xsimd_dir and tessera_stb_dir may be set before.
#
# xsimd's own target is never linked: in Debian 12 it carries the library `xtl`, which does not exist there, and the
# link ends in "cannot find -lxtl" (xtensor-stack/xsimd#869).
if(NOT TARGET tessera::xsimd)
  if(NOT tessera_xsimd_dir)
    get_target_property(tessera_xsimd_dir xsimd INTERFACE_INCLUDE_DIRECTORIES)
  endif()
  add_library(tessera::xsimd INTERFACE IMPORTED GLOBAL)
  set_target_properties(tessera::xsimd PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${tessera_xsimd_dir}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${tessera_xsimd_dir}")
endif()
# tessera_check_tbb(<result>): what is wrong with TBB::tbb, or nothing. The target may be that of the project around
# this one, or of an older package that was found before; its headers tell the version.
function(tessera_check_tbb result)
  set(${result} "" PARENT_SCOPE)
  get_target_property(folders TBB::tbb INTERFACE_INCLUDE_DIRECTORIES)
  foreach(folder IN LISTS folders)
    string(REGEX REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1" folder "${folder}")
    foreach(file oneapi/tbb/version.h tbb/version.h tbb/tbb_stddef.h)
      set(version "")
      if(EXISTS "${folder}/${file}")
        file(STRINGS "${folder}/${file}" lines REGEX "#define TBB_VERSION_(MAJOR|MINOR) +[0-9]+")
        string(REGEX REPLACE "[^;]*(MAJOR|MINOR) +([0-9]+)[^;]*" "\\2" version "${lines}")
        string(REPLACE ";" "." version "${version}")
      endif()
      if(version AND version VERSION_LESS 2021.5)
        set(${result} "tessera needs oneTBB >= 2021.5, and this project has the target TBB::tbb with version \
${version} in ${folder}" PARENT_SCOPE)
      endif()
      if(version)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()

if(NOT TARGET tessera::stb)
  add_library(tessera::stb INTERFACE IMPORTED GLOBAL)
  if(tessera_stb_dir)
    set_target_properties(tessera::stb PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${tessera_stb_dir}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${tessera_stb_dir}")
  endif()
endif()
