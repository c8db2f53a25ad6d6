#pragma once
#include <tessera/core/shape.hpp>
