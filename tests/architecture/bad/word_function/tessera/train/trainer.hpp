#pragma once
#include <functional>
using F = std::function<void()>;
