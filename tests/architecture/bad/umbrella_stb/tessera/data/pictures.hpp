#pragma once
#include <tessera/data/image.hpp>
