// Places of a pattern on a processor, by a beam search that keeps the cheapest parts of places.
#pragma once

#include <cstdint>
#include <vector>

namespace kakehashi::routing {

struct Pattern {
    int n_vertices;
    std::vector<std::int32_t> ends;    // of its edges, two each, in the direction of the gate
    std::vector<double> weights;       // number of gates on each
    const double* vertex_loss;         // n_vertices x n_hosts: what a vertex costs on each host
};

struct Place {
    double loss;
    std::vector<std::int32_t> host;  // of each vertex
};

// At most `width` partial places are kept of each size, and so many places come back, the cheapest first.
// `edge_log` (n_hosts x n_hosts) holds what a gate leaves, as a logarithm; minus infinity where there is none.
std::vector<Place> find_places(const Pattern& pattern, int n_hosts, const double* edge_log, int width);

}  // namespace kakehashi::routing
