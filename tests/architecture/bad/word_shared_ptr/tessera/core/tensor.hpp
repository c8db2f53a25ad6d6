#pragma once
#include <memory>
using P = std::shared_ptr<int>;
