#pragma once
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_WRITE_NO_STDIO
#include <stb_image.h>
