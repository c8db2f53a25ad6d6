#pragma once
// The protocol between tessera_bench and bench/run.py.
//
//     tessera_bench --list          one JSON object per row
//     tessera_bench --serve         then, for each line "<row> <threads>" on stdin, one JSON object on stdout:
//                                   {"seconds": per call, "fraction": of the peak}, {"value": ...} or {"error": ...}
//
// A row is measured on each request, with new data, so that samples of tessera and of the peers can alternate.

#include <bench/support/rows.hpp>

namespace bench {

void print_list(const Rows& rows);
void serve(const Rows& rows);

}  // namespace bench
