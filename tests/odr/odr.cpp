// Linked into every test executable: everything is then included in at least two objects of one program, and a function
// that is not inline is a link error.
#if __has_include(<tessera/tessera.hpp>)
#include <tessera/tessera.hpp>
#endif
