cmake_minimum_required(VERSION 3.22)
# cmake -D INCLUDE=<folder with tessera/> -P floors.cmake
#
# The building: which room may include which, where the doors to third parties are, and the house rules that a
# machine can check. Every violation is printed, then the script fails.

get_filename_component(INCLUDE "${INCLUDE}" ABSOLUTE)

# room -> rooms that it may include, besides itself and version.hpp; the folders of kernel/ are rooms too
set(core_may "")
set(files_may core)
set(kernel/simd_may core)
set(kernel/threads_may core kernel/simd)
set(kernel/gemm_may core kernel/simd kernel/threads)
set(kernel/conv_may core kernel/simd kernel/threads kernel/gemm)
set(kernel/attention_may core kernel/simd kernel/threads kernel/gemm)
set(kernel_all kernel kernel/simd kernel/threads kernel/gemm kernel/conv kernel/attention)
set(kernel_may core kernel/simd kernel/threads kernel/gemm)
set(nn_may core ${kernel_all})
set(loss_may core ${kernel_all})
set(optim_may core ${kernel_all})
set(image_may core files)
set(data_may core files image kernel kernel/simd)
set(io_may core files)
set(vq_may core ${kernel_all} nn loss data)
set(gpt_may core ${kernel_all} nn loss data)
set(testing_may core ${kernel_all} nn loss vq)
set(dist_may core ${kernel_all})
set(train_may core files ${kernel_all} nn loss optim data io vq gpt testing dist)
set(codec_may core files ${kernel_all} nn data vq gpt)
set(rooms core files ${kernel_all} nn loss optim image data io vq gpt testing train codec dist)

# third parties: <include, regex> <the one file that may, regex>
set(doors
  "^Eigen/|^unsupported/Eigen"  "^kernel/eigen\\.hpp$"
  "^(oneapi/)?tbb/"             "^kernel/threads/parallel\\.hpp$"
  "^xsimd/"                     "^kernel/simd/simd\\.hpp$"
  "intrin\\.h$|^arm_neon\\.h$"  "^core/intrinsics\\.hpp$"
  "^stb_"                       "^image/stb(_write)?\\.hpp$"
  "^(limits|math|stdarg|stddef|stdint|stdlib|string|emmintrin)\\.h$"  "^image/stb(_write)?\\.hpp$"
  "^(dirent|fcntl|unistd)\\.h$|^sys/"  "^files/system_files\\.hpp$"
  "^mpi\\.h$"                   "^dist/mpi\\.hpp$")

# names of third parties, wherever their header came from: <regex> <the files that may use them, regex>
set(uses
  "Eigen::"                     "^kernel/eigen\\.hpp$"
  "tbb::"                       "^kernel/threads/parallel\\.hpp$"
  "xsimd::"                     "^kernel/simd/simd\\.hpp$"
  "_mm[0-9]*_|__m(128|256|512)" "^kernel/simd/|^core/fp_environment\\.hpp$|^kernel/threads/parallel\\.hpp$"
  "stbi_"                       "^image/(detail/|stb(_write)?\\.hpp$|decode_jpeg\\.hpp$|encode_png\\.hpp$)"
  "MPI_"                        "^dist/mpi\\.hpp$")

# macros: the configuration of a third party precedes its include, all others are in two files
set(macro_files "^(core/abi|version)\\.hpp$")
set(macro_doors "^image/stb(_write)?\\.hpp (STB|INCLUDE_STB_)|^dist/mpi\\.hpp (OMPI|MPICH)_SKIP_MPICXX$")

# what the umbrella must not reach: it needs files or programs that not everybody has
set(opt_in data/image.hpp image/stb.hpp image/stb_write.hpp dist/mpi.hpp kernel/eigen.hpp)

# nn/: a layer has at most 150 lines. These may have 250: they compose or run layers, or (causal_attention) define step
# in addition to forward
set(not_layers "^nn/(layer|chain|residual|repeat|window|fused_pair|init|step|causal_attention)\\.hpp$|^nn/(detail|exec)/")

set(wrong 0)
function(refuse file text)
  message("${file}: ${text}")
  math(EXPR n "${wrong} + 1")
  set(wrong ${n} PARENT_SCOPE)
endfunction()

# "kernel/simd" of kernel/simd/simd.hpp, "nn" of nn/detail/bind.hpp
function(room_of file result)
  set(room "")
  if(file MATCHES "^(kernel/(simd|threads|gemm|conv|attention))/")
    set(room ${CMAKE_MATCH_1})
  elseif(file MATCHES "^([^/]+)/")
    set(room ${CMAKE_MATCH_1})
  endif()
  set(${result} ${room} PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE headers RELATIVE "${INCLUDE}/tessera" "${INCLUDE}/tessera/*.hpp")
if(NOT headers)
  message(FATAL_ERROR "no header in ${INCLUDE}/tessera")
endif()

foreach(header ${headers})
  room_of("${header}" room)                                # empty for tessera.hpp and version.hpp
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
      room_of("${target}" to)
      if(target MATCHES "/detail/" AND NOT to STREQUAL room)
        refuse(${header} "includes the detail of another room: <${name}>")
      endif()
      if(target STREQUAL "tessera.hpp")
        refuse(${header} "includes the umbrella")
      elseif(room AND to AND NOT to STREQUAL room AND NOT to IN_LIST ${room}_may)
        refuse(${header} "wrong arrow: ${room} must not know ${to} (<${name}>)")
      elseif(header STREQUAL "version.hpp" AND to)
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
  if(length GREATER 400)
    refuse(${header} "too long: ${length} lines: over 400 a header is split")
  elseif(length GREATER limit AND NOT text MATCHES "\n// Over ${limit} lines: [^\n]+")
    refuse(${header} "too long: ${length} lines: over ${limit} its head comment says why (// Over ${limit} lines: ...)")
  endif()

  string(REGEX REPLACE "//[^\n]*" "" text "${text}")       # words in comments and messages are free
  string(REGEX REPLACE "\"[^\"\n]*\"" "" text "${text}")
  set(rest ${uses})
  while(rest)
    list(POP_FRONT rest what where)
    if(NOT header MATCHES "${where}" AND text MATCHES "(^|[^A-Za-z0-9_])((${what})[A-Za-z0-9_]*)")
      refuse(${header} "use of a third party outside its door: ${CMAKE_MATCH_2}")
    endif()
  endwhile()
  string(REGEX MATCH "^[^/]+" house "${room}")
  string(REGEX MATCHALL "[a-z_]+::([a-z_]+::)?detail::[A-Za-z0-9_]+" details "${text}")
  foreach(detail ${details})
    string(REGEX MATCH "^[a-z_]+" owner "${detail}")
    if(owner IN_LIST rooms AND NOT owner STREQUAL house)
      refuse(${header} "use of the detail of another room: ${detail}")
    endif()
  endforeach()
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

# -D MAP=CONTRIBUTING.md: its map shows every room, each on one line
if(MAP)
  file(READ "${MAP}" map)
  foreach(room ${rooms})
    string(REGEX REPLACE "^.*/" "" name "${room}")
    if(NOT map MATCHES "\n[^\n]* ${name} +[^\n]+\n")
      refuse(${MAP} "the map does not show ${room}/")
    endif()
  endforeach()
endif()

if(wrong)
  message(FATAL_ERROR "${wrong} violations in ${INCLUDE}/tessera")
endif()
list(LENGTH headers count)
message(STATUS "${count} headers keep to the floors")
