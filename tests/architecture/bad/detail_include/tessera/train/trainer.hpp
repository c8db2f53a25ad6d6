#pragma once
#include <tessera/optim/detail/rule.hpp>
