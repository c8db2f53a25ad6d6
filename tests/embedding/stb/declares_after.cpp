#include "ours.hpp"

#include <stb_image.h>
#include <stb_image_write.h>

#include "theirs.hpp"

int main() {
    use_theirs();
    use_ours();
}
