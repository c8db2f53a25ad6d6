#pragma once
// TESSERA_VERSION_MAJOR, _MINOR, _PATCH: the version of tessera (semantic versioning). CMake reads it from here.

#define TESSERA_VERSION_MAJOR 0
#define TESSERA_VERSION_MINOR 1
#define TESSERA_VERSION_PATCH 0
