// One file: ours, then the host's implementation.
#include "ours.hpp"

#include "host_stb.cpp"
#include "theirs.hpp"

int main() {
    use_ours();
    use_theirs();
}
