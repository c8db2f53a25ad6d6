cmake_minimum_required(VERSION 3.22)
# cmake -D INCLUDE=<folder with tessera/> -P floors.cmake
#
# The building: which room may include which, where the doors to third parties are, and the house rules that a
# machine can check. Every violation is printed, then the script fails.

get_filename_component(INCLUDE "${INCLUDE}" ABSOLUTE)

# room -> rooms that it may include, besides itself, version.hpp and fwd.hpp
set(core_may "")
set(kernel_may core)
set(nn_may core kernel)
set(loss_may core kernel)
set(optim_may core kernel)
set(data_may core kernel)
set(io_may core)
set(vq_may core kernel nn loss data)
set(gpt_may core kernel nn loss data)
set(testing_may core kernel nn)
set(train_may core kernel nn loss optim data io vq gpt testing)
set(dist_may core kernel)
set(rooms core kernel nn loss optim data io vq gpt testing train dist)

# third parties: <include, regex> <the one file that may, regex>
set(doors
  "^Eigen/|^unsupported/Eigen"  "^kernel/eigen\\.hpp$"
  "^(oneapi/)?tbb/"             "^kernel/parallel\\.hpp$"
  "^xsimd/"                     "^kernel/simd\\.hpp$"
  "intrin\\.h$|^arm_neon\\.h$"  "^kernel/"
  "^stb_"                       "^data/stb(_write)?\\.hpp$"
  "^(limits|math|stdarg|stddef|stdint|stdlib|string|emmintrin)\\.h$"  "^data/stb(_write)?\\.hpp$"
  "^(dirent|fcntl|unistd)\\.h$|^sys/"  "^core/system_files\\.hpp$"
  "^mpi\\.h$"                   "^dist/mpi\\.hpp$")

# macros: the configuration of a third party stands before its include, all others are in two files
set(macro_files "^(core/abi|version)\\.hpp$")
set(macro_doors "^data/stb(_write)?\\.hpp (STB|INCLUDE_STB_)|^kernel/eigen\\.hpp EIGEN_DONT_PARALLELIZE$")

# what the umbrella must not reach: it needs files or programs that not everybody has
set(opt_in data/image.hpp data/stb.hpp data/stb_write.hpp dist/mpi.hpp)

# nn/: a layer has 150 lines; these are not layers, they are what layers are put together with
set(not_layers "^nn/(layer|chain|residual|repeat|window|joined|init)\\.hpp$|^nn/detail/")

set(wrong 0)
function(refuse file text)
  message("${file}: ${text}")
  math(EXPR n "${wrong} + 1")
  set(wrong ${n} PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE headers RELATIVE "${INCLUDE}/tessera" "${INCLUDE}/tessera/*.hpp")
if(NOT headers)
  message(FATAL_ERROR "no header in ${INCLUDE}/tessera")
endif()

foreach(header ${headers})
  string(REGEX MATCH "^[^/]+/" room "${header}")          # empty for tessera.hpp, fwd.hpp, version.hpp
  string(REPLACE "/" "" room "${room}")
  if(room AND NOT room IN_LIST rooms)
    refuse(${header} "is in a room without a floor: ${room}/ (add it to the table)")
  endif()

  file(STRINGS "${INCLUDE}/tessera/${header}" includes REGEX "^[ \t]*#[ \t]*include")
  set(includes_of_${header} "")
  foreach(line ${includes})
    if(NOT line MATCHES "<([^>]+)>")
      refuse(${header} "relative include: ${line} (write <tessera/...>)")
      continue()
    endif()
    set(name ${CMAKE_MATCH_1})
    if(name MATCHES "^tessera/(.+)$")
      set(target ${CMAKE_MATCH_1})
      list(APPEND includes_of_${header} ${target})
      string(REGEX MATCH "^[^/]+/" to "${target}")
      string(REPLACE "/" "" to "${to}")
      if(target STREQUAL "tessera.hpp")
        refuse(${header} "includes the umbrella")
      elseif(room AND to AND NOT to STREQUAL room AND NOT to IN_LIST ${room}_may)
        refuse(${header} "wrong arrow: ${room} must not know ${to} (<${name}>)")
      elseif(header MATCHES "^(fwd|version)\\.hpp$" AND to AND NOT to STREQUAL "core")
        refuse(${header} "wrong arrow: ${header} must not know ${to} (<${name}>)")
      endif()
    elseif(name MATCHES "[./]")                            # the standard library has neither dot nor slash
      set(open FALSE)
      set(rest ${doors})
      while(rest)
        list(POP_FRONT rest who where)
        if(name MATCHES "${who}" AND header MATCHES "${where}")
          set(open TRUE)
        endif()
      endwhile()
      if(NOT open)
        refuse(${header} "third party outside its door: <${name}>")
      endif()
    endif()
  endforeach()

  file(STRINGS "${INCLUDE}/tessera/${header}" defines REGEX "^[ \t]*#[ \t]*define")
  foreach(line ${defines})
    string(REGEX REPLACE ".*define[ \t]+([A-Za-z0-9_]+).*" "\\1" macro "${line}")
    if(NOT header MATCHES "${macro_files}" AND NOT "${header} ${macro}" MATCHES "${macro_doors}")
      refuse(${header} "macro outside core/abi.hpp and version.hpp: ${macro}")
    endif()
  endforeach()

  file(READ "${INCLUDE}/tessera/${header}" text)
  string(REGEX MATCHALL "\n" lines "${text}")
  list(LENGTH lines length)
  set(limit 250)
  if(room STREQUAL "nn" AND NOT header MATCHES "${not_layers}")
    set(limit 150)
  endif()
  if(length GREATER limit)
    refuse(${header} "too long: ${length} lines, the limit is ${limit}")
  endif()

  string(REGEX REPLACE "//[^\n]*" "" text "${text}")       # words in comments and messages are free
  string(REGEX REPLACE "\"[^\"\n]*\"" "" text "${text}")
  foreach(word virtual shared_ptr std::function enable_if enable_if_t)
    if(" ${text} " MATCHES "[^A-Za-z0-9_]${word}[^A-Za-z0-9_]")
      refuse(${header} "banned word: ${word}")
    endif()
  endforeach()
endforeach()

# everything that the umbrella reaches
if("tessera.hpp" IN_LIST headers)
  set(reached tessera.hpp)
  set(open tessera.hpp)
  while(open)
    list(POP_FRONT open header)
    foreach(target ${includes_of_${header}})
      if(target IN_LIST opt_in)
        refuse(tessera.hpp "the umbrella reaches ${target} by ${header}")
      endif()
      if(NOT target IN_LIST reached)
        list(APPEND reached ${target})
        list(APPEND open ${target})
      endif()
    endforeach()
  endwhile()
endif()

if(wrong)
  message(FATAL_ERROR "${wrong} violations in ${INCLUDE}/tessera")
endif()
list(LENGTH headers count)
message(STATUS "${count} headers keep to the floors")
