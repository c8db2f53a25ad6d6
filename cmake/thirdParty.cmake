# tessera::xsimd and tessera::stb: include folders, nothing else. Used by the build tree and by the installed package;
# tessera_xsimd_dir and tessera_stb_dir may be set before.
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
if(NOT TARGET tessera::stb)
  add_library(tessera::stb INTERFACE IMPORTED GLOBAL)
  if(tessera_stb_dir)
    set_target_properties(tessera::stb PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${tessera_stb_dir}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${tessera_stb_dir}")
  endif()
endif()
