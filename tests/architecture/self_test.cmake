# Does floors.cmake refuse anything at all? bad/ holds one small tree per kind of violation, with the sentence that it
# must earn in its file `expect`; good/ must pass.
cmake_minimum_required(VERSION 3.22)
set(here ${CMAKE_CURRENT_LIST_DIR})
set(failed 0)

file(GLOB kinds LIST_DIRECTORIES TRUE RELATIVE ${here}/bad ${here}/bad/*)
list(LENGTH kinds count)
if(count LESS 10)
  message(FATAL_ERROR "only ${count} kinds of violation in ${here}/bad")
endif()
foreach(kind ${kinds})
  execute_process(COMMAND ${CMAKE_COMMAND} -D INCLUDE=${here}/bad/${kind} -P ${here}/floors.cmake
                  RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  file(STRINGS ${here}/bad/${kind}/expect expected LIMIT_COUNT 1)
  string(FIND "${said}" "${expected}" found)
  if(result EQUAL 0 OR found LESS 0 OR NOT said MATCHES "1 violations")
    message("bad/${kind}: must be refused, once, with \"${expected}\"; exit ${result}, said:\n${said}")
    set(failed 1)
  else()
    message(STATUS "bad/${kind}: refused: ${expected}")
  endif()
endforeach()

execute_process(COMMAND ${CMAKE_COMMAND} -D INCLUDE=${here}/good -P ${here}/floors.cmake
                RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(NOT result EQUAL 0)
  message("good: must pass, said:\n${said}")
  set(failed 1)
endif()
if(failed)
  message(FATAL_ERROR "floors.cmake does not check what it should")
endif()
