# Installed packages first, otherwise the pinned source: a tarball with its SHA-256 (Eigen: 2.7 MB, its clone 110 MB).
#
# find_package gets no version, except for TBB: the version files of Eigen3, xsimd and doctest accept only the same
# major or minor number, and so refuse packages that work. The minimum version is compared here.
include(FetchContent)
set(TESSERA_MIRROR "" CACHE STRING
    "file:// or https:// folder with the pinned tarballs, for machines without the internet")
set(TESSERA_FETCHED "")                # the packages that were fetched: users of an installed tessera must provide them

# Downloads owner/repo at `ref` (a tag or a commit) unless it exists; afterwards ${name}_dir is its folder.
# In the mirror the file is called repo-ref.tar.gz.
macro(tessera_fetch name repository ref sha subdir)
  string(REGEX REPLACE ".*/" "" _repo ${repository})
  if(TESSERA_MIRROR)
    set(_url "${TESSERA_MIRROR}/${_repo}-${ref}.tar.gz")
  elseif("${ref}" MATCHES "^[0-9a-f]+$")
    set(_url "https://github.com/${repository}/archive/${ref}.tar.gz")
  else()
    set(_url "https://github.com/${repository}/archive/refs/tags/${ref}.tar.gz")
  endif()
  message(STATUS "tessera: ${name} from ${_url}")
  FetchContent_Declare(${name} URL "${_url}" URL_HASH SHA256=${sha} SOURCE_SUBDIR ${subdir})
  FetchContent_MakeAvailable(${name})
  string(TOLOWER ${name} _lower)
  string(TOUPPER ${name} _upper)
  set(${name}_dir "${${_lower}_SOURCE_DIR}")
  # CMake 3.30 and newer have stopped before with such a sentence
  if(FETCHCONTENT_FULLY_DISCONNECTED AND NOT IS_DIRECTORY "${${name}_dir}")
    message(FATAL_ERROR "tessera needs ${name}, which is not installed, and FETCHCONTENT_FULLY_DISCONNECTED forbids to "
                        "download ${_url}: install it, or set FETCHCONTENT_SOURCE_DIR_${_upper} to its source")
  endif()
  list(APPEND TESSERA_FETCHED ${name})
endmacro()

# Is `name` installed and at least `minimum`? Otherwise it is fetched; where that is not allowed, the error says what to
# install. A version after these is passed to find_package.
macro(tessera_find name minimum apt)
  find_package(${name} ${ARGN} CONFIG QUIET)
  if(NOT ${name}_FOUND AND ${name}_CONSIDERED_VERSIONS)
    message(STATUS "tessera: ${name} ${${name}_CONSIDERED_VERSIONS} in ${${name}_CONSIDERED_CONFIGS} is older than "
                   "${minimum}")
  endif()
  if(${name}_FOUND AND ${name}_VERSION AND "${${name}_VERSION}" VERSION_LESS "${minimum}")
    message(STATUS "tessera: ${name} ${${name}_VERSION} in ${${name}_DIR} is older than ${minimum}")
    set(${name}_FOUND FALSE)
  endif()
  if(${name}_FOUND)
    message(STATUS "tessera: ${name} ${${name}_VERSION} from ${${name}_DIR}")
  elseif(NOT TESSERA_FETCH_MISSING)
    message(FATAL_ERROR "tessera needs ${name} >= ${minimum}: install it (Debian, Ubuntu: apt-get install ${apt}), "
                        "or let CMake download its pinned source with -DTESSERA_FETCH_MISSING=ON")
  endif()
endmacro()

# Header-only packages. Fetched ones are not add_subdirectory'd (SOURCE_SUBDIR names no folder): none of their tests,
# targets or install rules. They become IMPORTED targets under the package's own name, because an export may refer to
# those without having them in an export set.
macro(tessera_headers name minimum target apt repository ref sha)
  if(NOT TARGET ${target})
    tessera_find(${name} ${minimum} ${apt})
    if(NOT ${name}_FOUND)
      tessera_fetch(${name} ${repository} ${ref} ${sha} none)
      if(EXISTS "${${name}_dir}/include")
        set(${name}_dir "${${name}_dir}/include")
      endif()
      if(NOT TARGET ${target})         # a package that was too old has already defined its target, which is redirected
        add_library(${target} INTERFACE IMPORTED GLOBAL)
      endif()
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${${name}_dir}"
                                                 INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${${name}_dir}")
    endif()
  endif()
endmacro()

tessera_headers(Eigen3 3.4.0 Eigen3::Eigen libeigen3-dev
  eigen-mirror/eigen 3147391d946bb4b6c68edd901f2add6ac1f31f8c
  0c8c490764f9c2a793133491adca0cd073b73e0bde965c68cbe58d91b5ed4261)
tessera_headers(xsimd 8.1.0 xsimd libxsimd-dev
  xtensor-stack/xsimd 14.3.0
  b3d50e7a73fbf4642ceef30131c93414901d69eee41c2a5302db650b03e2c792)
set(tessera_xsimd_dir "${xsimd_dir}")

# stb has no CMake package: Debian /usr/include/stb, vcpkg and Conan the include root. Some programs install one of its
# headers, mostly stb_image.h: such a folder is passed over.
set(_given "${TESSERA_STB_DIR}")
find_path(TESSERA_STB_DIR stb_image_write.h PATH_SUFFIXES stb DOC "Folder of stb_image.h and stb_image_write.h")
if(TESSERA_STB_DIR AND NOT _given AND NOT EXISTS "${TESSERA_STB_DIR}/stb_image.h")
  set_property(CACHE TESSERA_STB_DIR PROPERTY VALUE TESSERA_STB_DIR-NOTFOUND)
endif()
if(TESSERA_STB_DIR)
  if(NOT EXISTS "${TESSERA_STB_DIR}/stb_image.h" OR NOT EXISTS "${TESSERA_STB_DIR}/stb_image_write.h")
    message(FATAL_ERROR "tessera: TESSERA_STB_DIR is ${TESSERA_STB_DIR}; expected a folder with stb_image.h and "
                        "stb_image_write.h. Without it (-UTESSERA_STB_DIR) they are searched for")
  endif()
  set(tessera_stb_dir "${TESSERA_STB_DIR}")
elseif(TESSERA_FETCH_MISSING)
  tessera_fetch(stb nothings/stb 31c1ad37456438565541f4919958214b6e762fb4
    e4e3bba9c572a4a4148373a914d88ea0f0d11de8cc2c66739926e7eca0223319 none)
  set(tessera_stb_dir "${stb_dir}")
else()
  message(FATAL_ERROR "tessera needs the headers of stb: apt-get install libstb-dev, or set TESSERA_STB_DIR to the "
                      "folder of stb_image.h, or -DTESSERA_FETCH_MISSING=ON")
endif()
include("${CMAKE_CURRENT_LIST_DIR}/thirdParty.cmake")

# oneTBB is the only dependency that is compiled (32 files). Its version file accepts every newer version, and rejects
# an older one (of a conda environment, say) before that defines a target, which could not be replaced; the search
# continues.
if(NOT TARGET TBB::tbb)
  tessera_find(TBB 2021.5 libtbb-dev 2021.5)
  if(NOT TBB_FOUND)
    foreach(_off TBB_TEST TBB_EXAMPLES TBB_STRICT TBBMALLOC_BUILD TBB_FIND_PACKAGE)
      set(${_off} OFF CACHE BOOL "" FORCE)
    endforeach()
    set(TBB_DISABLE_HWLOC_AUTOMATIC_SEARCH ON CACHE BOOL "" FORCE)
    set(TBB_INSTALL ${TESSERA_INSTALL} CACHE BOOL "" FORCE)     # our export refers to it, so it is installed with us
    tessera_fetch(TBB uxlfoundation/oneTBB v2022.3.0
      01598a46c1162c27253a0de0236f520fd8ee8166e9ebb84a4243574f88e6e50a ".")
    # no warnings for its headers (the SYSTEM argument of FetchContent is newer than CMake 3.22)
    get_target_property(_tbb_include tbb INTERFACE_INCLUDE_DIRECTORIES)
    set_property(TARGET tbb PROPERTY INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${_tbb_include}")
  endif()
endif()

tessera_check_targets(_problem)
if(_problem)
  message(FATAL_ERROR "${_problem}")
endif()

if(TESSERA_BUILD_TESTS)
  tessera_headers(doctest 2.4.6 doctest::doctest doctest-dev
    doctest/doctest v2.4.12
    73381c7aa4dee704bd935609668cf41880ea7f19fa0504a200e13b74999c2d70)
endif()
if(TESSERA_BUILD_EXAMPLES)
  tessera_headers(CLI11 2.1 CLI11::CLI11 libcli11-dev
    CLIUtils/CLI11 v2.5.0
    17e02b4cddc2fa348e5dbdbb582c59a3486fa2b2433e70a0c3bacb871334fd55)
  tessera_headers(nlohmann_json 3.10 nlohmann_json::nlohmann_json nlohmann-json3-dev
    nlohmann/json v3.11.3
    0d8ef5af7f9794e3263480193c491549b2ba6cc74bb018906202ada498a79406)
endif()
if(TESSERA_BUILD_BENCH AND NOT TARGET benchmark::benchmark)
  tessera_find(benchmark 1.6 libbenchmark-dev)
  if(NOT benchmark_FOUND)
    foreach(_off BENCHMARK_ENABLE_TESTING BENCHMARK_ENABLE_GTEST_TESTS BENCHMARK_ENABLE_INSTALL BENCHMARK_ENABLE_WERROR)
      set(${_off} OFF CACHE BOOL "" FORCE)
    endforeach()
    tessera_fetch(benchmark google/benchmark v1.9.4
      b334658edd35efcf06a99d9be21e4e93e092bd5f95074c1673d5c8705d95c104 ".")
  endif()
endif()
