#pragma once
// WithName<Type, Named>: finds out whether Type has a member of some name, whatever it is: a function, an overload set, a
// template, a type. `Named` has a data member of that name; where Type has one too, the name is ambiguous in what derives
// from both:
//
//     struct NamedStart { int start; };
//     constexpr bool has_start = !requires { &WithName<Type, NamedStart>::start; };
//
// With it an optional member that is misspelt in its signature is refused instead of passed over: a contract asserts
// `!has_start || callable_as_the_contract_says`.

#include <tessera/core/abi.hpp>

namespace tessera::inline TESSERA_ABI {

template <class Type, class Named>
struct WithName : Type, Named {};

}  // namespace tessera
