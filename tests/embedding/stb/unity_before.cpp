// One file: the host's implementation, then ours.
#include "host_stb.cpp"

#include "ours.hpp"
#include "theirs.hpp"

int main() {
    use_theirs();
    use_ours();
}
