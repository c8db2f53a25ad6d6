// expect: (could not|cannot|no viable) conver(t|sion)|no known conversion
// expect: Label
#include <tessera/core/label.hpp>
#include <tessera/data/tokens.hpp>

using namespace tessera;

constexpr Label label{3};
#ifdef FIXED
constexpr Token next = label.index;
#else
constexpr Token next = label;
#endif
data::Tokens<1> sequence() { return data::Tokens<1>{{next}}; }
