#pragma once
// WithName: detects whether a type has a member of a given name, whether function, overload set, template or type.
//
//     struct HookNames { int observe, update; };
//     constexpr bool has_update = !requires { &WithName<Type, HookNames>::update; };
//
// `Names` has a data member of each name that is looked for. Where Type has a member of the same name too, the name is
// ambiguous in a class that derives from both. With this an optional member whose signature is wrong is rejected
// instead of ignored: a contract asserts `!has_update || callable_as_the_contract_says`.

#include <tessera/core/abi.hpp>

namespace tessera::inline TESSERA_ABI {

template <class Type, class Names>
struct WithName : Type, Names {};

}  // namespace tessera
