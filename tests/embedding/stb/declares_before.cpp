#include <stb_image.h>
#include <stb_image_write.h>

#include "ours.hpp"
#include "theirs.hpp"

int main() {
    use_ours();
    use_theirs();
}
