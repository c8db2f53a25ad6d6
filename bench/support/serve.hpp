#pragma once
// What bench/run.py talks to.
//
//     tessera_bench --list          one JSON object a row
//     tessera_bench --serve         then, for each line "<row> <threads>" on stdin, one JSON object on stdout:
//                                   {"seconds": of one call, "fraction": of the peak} or {"value": ...} or {"error": ...}
//
// A row is measured whenever it is asked for, with data made anew: samples of ours and of the peers take turns.

#include <bench/support/rows.hpp>

namespace bench {

void print_list(const Rows& rows);
void serve(const Rows& rows);

}  // namespace bench
