#pragma once
#include <tessera/dist/mpi.hpp>
