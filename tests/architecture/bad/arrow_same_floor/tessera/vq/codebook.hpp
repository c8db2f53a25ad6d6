#pragma once
#include <tessera/gpt/gpt.hpp>
