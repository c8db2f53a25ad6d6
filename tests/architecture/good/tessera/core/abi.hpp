#pragma once
#include <tessera/version.hpp>
#define TESSERA_ABI v0
