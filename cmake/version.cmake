# tessera_version(<result> <include folder>): the version in its tessera/version.hpp, or nothing. There is one place for
# the version: the header that programs can ask.
function(tessera_version result folder)
  set(version "")
  if(EXISTS "${folder}/tessera/version.hpp")
    file(STRINGS "${folder}/tessera/version.hpp" lines REGEX "#define TESSERA_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
    string(REGEX REPLACE "[^;]*(MAJOR|MINOR|PATCH) ([0-9]+)" "\\2" version "${lines}")
    string(REPLACE ";" "." version "${version}")
  endif()
  set(${result} "${version}" PARENT_SCOPE)
endfunction()

# tessera_check_first(<result> <version> <folder>): for a project that has the target tessera::tessera (two of its
# dependencies bring it, or find_package found it) and comes to this version in this folder. What is wrong, or nothing
# where both have the same version: then the first is used, as with FetchContent.
function(tessera_check_first result version folder)
  set(first "an unknown folder")       # a target of that project itself, say
  set(first_version "of unknown version")
  get_target_property(folders tessera::tessera INTERFACE_INCLUDE_DIRECTORIES)
  foreach(each IN LISTS folders)
    string(REGEX REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1" each "${each}")
    tessera_version(found "${each}")
    if(found)
      set(first "${each}")
      set(first_version "${found}")
      break()
    endif()
  endforeach()
  if(first_version STREQUAL version)
    set(${result} "" PARENT_SCOPE)
  else()
    set(${result} "tessera: this project has the target tessera::tessera ${first_version} from ${first}, and ${folder} \
has ${version}; expected one version for all (a FetchContent_Declare(tessera ...) before the others decides for those \
that fetch it)" PARENT_SCOPE)
  endif()
endfunction()
