#pragma once
#include "layer.hpp"
