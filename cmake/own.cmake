# tessera_own: the flags of our own tests, examples and benchmarks. Never exported, never seen by a user's target.
# Our headers are not SYSTEM headers, so that warnings in them are shown.

# A warning is an error where the list of warnings is known. New warnings of a newer compiler must not keep a user from
# running the examples.
set(_werror OFF)
if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13) OR
   (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15))
  set(_werror ON)
endif()
option(TESSERA_WERROR "Warnings in our own executables are errors" ${_werror})

set(TESSERA_WARNINGS -Wall -Wextra -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND TESSERA_WARNINGS -Wno-sign-conversion)  # not part of g++'s -Wconversion; static.strict_warnings has it
endif()
if(TESSERA_WERROR)
  list(APPEND TESSERA_WARNINGS -Werror)
endif()

# -O3 compiles a file in 40 s where -O2 takes 29 s, and a training step gains less than 5 %: the hot loops are unrolled
# tiles.
if(PROJECT_IS_TOP_LEVEL)
  string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
endif()

add_library(tessera_own INTERFACE)
target_link_libraries(tessera_own INTERFACE tessera::tessera)
if(CMAKE_CXX_COMPILER_ID MATCHES "^(GNU|Clang|AppleClang)$")
  target_compile_options(tessera_own INTERFACE ${TESSERA_WARNINGS} -ffp-contract=off)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 calls its own AVX-512 intrinsics uninitialized (GCC PR 105593): some 550 lines from Eigen and xsimd
  # and "text" + std::string an overlapping or overrun memcpy (GCC PR 105651, PR 105329: which of them it warns of
  # changes with the length of the checkout's path); all are fixed in g++ 13
  target_compile_options(tessera_own INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized -Wno-restrict
                                               -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()
# address: with UndefinedBehaviorSanitizer; thread: with a oneTBB that is compiled for it
set(TESSERA_SANITIZE "" CACHE STRING "Sanitizer of our own executables: address, thread, or nothing")
if(TESSERA_SANITIZE STREQUAL "address")
  set(_sanitizers -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all)
elseif(TESSERA_SANITIZE)
  set(_sanitizers -fsanitize=${TESSERA_SANITIZE})
endif()
if(TESSERA_SANITIZE)
  target_compile_options(tessera_own INTERFACE ${_sanitizers} -g1)
  target_compile_definitions(tessera_own INTERFACE $<$<STREQUAL:${TESSERA_SANITIZE},address>:_GLIBCXX_ASSERTIONS>)
  target_link_options(tessera_own INTERFACE ${_sanitizers})
endif()
# An installed oneTBB gives false reports, and a suppression of these would hide races of ours inside its tasks.
if(TESSERA_SANITIZE STREQUAL "thread" OR CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread")
  get_target_property(_imported TBB::tbb IMPORTED)
  if(_imported)
    get_target_property(_tbb TBB::tbb LOCATION)
    set(_calls "")
    if(EXISTS "${_tbb}")
      file(STRINGS "${_tbb}" _calls REGEX "__tsan_func_entry" LIMIT_COUNT 1)
    endif()
    if(NOT _calls)
      message(FATAL_ERROR "tessera: ThreadSanitizer needs a oneTBB that is compiled for it, and ${_tbb} is not: "
                          "sh tests/race/instrumented_tbb.sh build/tsan-tbb, then the preset tsan or "
                          "-DCMAKE_PREFIX_PATH=<absolute path>/build/tsan-tbb/installed")
    endif()
  endif()
endif()
if(TESSERA_NATIVE)
  target_link_libraries(tessera_own INTERFACE tessera::native)
endif()
