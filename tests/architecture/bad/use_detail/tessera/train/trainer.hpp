#pragma once
using Rig = vq::detail::Rig;
