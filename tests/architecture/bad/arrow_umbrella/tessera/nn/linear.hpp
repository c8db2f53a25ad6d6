#pragma once
#include <tessera/tessera.hpp>
