#pragma once
#include <type_traits>
template <class T, class = std::enable_if_t<true>>
struct A;
