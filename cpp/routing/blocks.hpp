// What is put out, in blocks: gates and swaps that follow each other on the same two qubits become one block, whose
// native gates are counted together.
#pragma once

#include <algorithm>
#include <vector>

#include "program.hpp"

namespace kakehashi::routing {

struct Block {
    std::int32_t a, b;          // physical qubits
    std::int32_t gate = -1;     // its first gate
    std::int32_t n_gates = 0;
    std::int32_t sum = 0;       // native gates that its gates need one by one
    bool diagonal = true;       // whether all gates have the same axes, so that together they are one such gate
    bool swapped = false;       // whether its swaps amount to one
    bool ends_with_swap = false;
    bool dropped = false;
};

constexpr int kSwapCost = 3;

inline int cost_of(const Program& program, const Block& block, bool swapped) {
    if (block.n_gates == 0) return swapped ? kSwapCost : 0;
    if (block.n_gates == 1) return swapped ? program.swapped[block.gate] : program.cost[block.gate];
    if (swapped) return kSwapCost;
    return std::min(block.diagonal ? 2 : kSwapCost, static_cast<int>(block.sum));
}

constexpr std::int32_t kGone = -2;  // the operation of an entry that was moved

// Writes the estimate of a route: native gates with their errors, readouts, and waiting in a schedule as late as possible.
void weigh(Routed& route, const Program& program, const Machine& machine, const std::vector<Block>& blocks,
           const std::vector<std::int32_t>& block_of);

}  // namespace kakehashi::routing
