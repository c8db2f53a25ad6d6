#pragma once
#define TESSERA_VERSION_MAJOR 0
