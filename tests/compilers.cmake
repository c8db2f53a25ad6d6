# For tests that call a compiler themselves: TESSERA_COMPILERS holds the project's compiler and, where one is found,
# a compiler of the other family ("both compilers"). `flags.rsp` contains the language level and the include folders,
# without -march: the flags of a user who sets none.
set(TESSERA_COMPILERS "")
set(_other "")
if(CMAKE_CXX_COMPILER_ID MATCHES "^(GNU|Clang|AppleClang)$")
  set(TESSERA_COMPILERS "${CMAKE_CXX_COMPILER}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(_other clang++-14 clang++-15 clang++-16 clang++-17 clang++-18 clang++-19 clang++)
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    set(_other g++-12 g++-13 g++-14 g++)
  endif()
endif()

set(TESSERA_OTHER_REASON "no compiler of the other family is installed (Debian, Ubuntu: apt-get install clang-14 or g++)")
if(_other)
  find_program(TESSERA_OTHER_CXX NAMES ${_other} DOC "A second compiler, for the tests of messages and of constant expressions")
  if(TESSERA_OTHER_CXX)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/probe.cpp "#include <concepts>\n#include <span>\nstatic_assert(std::integral<int>);\n")
    execute_process(COMMAND ${TESSERA_OTHER_CXX} -std=c++20 -fsyntax-only ${CMAKE_CURRENT_BINARY_DIR}/probe.cpp
                    RESULT_VARIABLE _failed OUTPUT_QUIET ERROR_QUIET)
    if(_failed)
      set(TESSERA_OTHER_REASON "${TESSERA_OTHER_CXX} does not compile C++20 here")
    else()
      list(APPEND TESSERA_COMPILERS "${TESSERA_OTHER_CXX}")
    endif()
  endif()
endif()
list(LENGTH TESSERA_COMPILERS _count)
if(_count LESS 2)
  message(STATUS "tessera: one compiler only: ${TESSERA_OTHER_REASON}")
endif()

# For scripts that link programs themselves; its name has the configuration, because there may be several.
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/libtbb.$<CONFIG>.path CONTENT "$<TARGET_FILE:TBB::tbb>\n")

# Include folders of the dependencies as `-isystem`; ours as `-I`, so that warnings in our headers are shown.
# -isystem /usr/include would break the #include_next of the standard library, hence the filter.
add_library(tessera_probe OBJECT EXCLUDE_FROM_ALL odr/odr.cpp)
target_link_libraries(tessera_probe PRIVATE Eigen3::Eigen TBB::tbb tessera::xsimd tessera::stb
                      $<TARGET_NAME_IF_EXISTS:CLI11::CLI11>)
set(_system "$<FILTER:$<REMOVE_DUPLICATES:$<TARGET_PROPERTY:tessera_probe,INCLUDE_DIRECTORIES>>,EXCLUDE,^/usr/include/?$>")
set(TESSERA_FLAGS_FILE ${CMAKE_CURRENT_BINARY_DIR}/flags.rsp)
file(GENERATE OUTPUT ${TESSERA_FLAGS_FILE} CONTENT
"-std=c++20
-ffp-contract=off
-I \"${PROJECT_SOURCE_DIR}/include\"
$<$<BOOL:${_system}>:-isystem \"$<JOIN:${_system},\"
-isystem \">\">
")
