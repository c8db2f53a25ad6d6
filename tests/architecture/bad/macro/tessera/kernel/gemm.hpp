#pragma once
#define UNROLL 4
