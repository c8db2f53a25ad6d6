#pragma once
#include <tessera/vq/vq_vae.hpp>
#include <tessera/data/pictures.hpp>
