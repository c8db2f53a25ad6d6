#pragma once
// version: the version of tessera as macros (semantic versioning). CMake reads it from here.

#define TESSERA_VERSION_MAJOR 0
#define TESSERA_VERSION_MINOR 1
#define TESSERA_VERSION_PATCH 0
