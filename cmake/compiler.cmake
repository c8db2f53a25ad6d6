# The oldest compilers with which the tests pass. An older one gets a warning instead of an error in the middle of a
# template, because it may still work.
set(_oldest_GNU 12)
set(_oldest_Clang 14)
set(_oldest_AppleClang 17)  # the first whose library has std::atomic_ref; not tested
if(DEFINED _oldest_${CMAKE_CXX_COMPILER_ID})
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS _oldest_${CMAKE_CXX_COMPILER_ID})
    message(WARNING "tessera: ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER}) is older "
      "than ${_oldest_${CMAKE_CXX_COMPILER_ID}}, the oldest version that is tested. Choose another one with CXX=... in "
      "the environment.")
  endif()
else()
  message(STATUS "tessera: ${CMAKE_CXX_COMPILER_ID} is not tested; g++ 12 and clang 14 or newer are")
endif()
