// What a route is worth, before anything is translated.
#include "blocks.hpp"

namespace kakehashi::routing {

void weigh(Routed& route, const Program& program, const Machine& machine, const std::vector<Block>& blocks,
           const std::vector<std::int32_t>& block_of) {
    std::vector<double> ready(machine.n_qubits, 0.0), active(machine.n_qubits, -1.0);
    std::vector<char> seen(blocks.size(), 0);
    for (std::size_t k = route.entries.size(); k-- > 0;) {
        const Entry& entry = route.entries[k];
        if (entry.op == kGone) continue;
        if (entry.op >= 0 && program.kind[entry.op] == Kind::measure) {
            active[entry.a] = ready[entry.a];
            route.loss += machine.read[entry.a];
            continue;
        }
        const int at = block_of[k];
        if (at < 0 || seen[at]) continue;
        seen[at] = 1;
        const Block& block = blocks[at];
        const int n = cost_of(program, block, block.swapped);
        if (n == 0 || block.dropped) continue;
        route.n_native += n;
        route.loss += n * machine.loss[static_cast<std::size_t>(block.a) * machine.n_qubits + block.b];
        const double begun = std::max(ready[block.a], ready[block.b]);
        for (const int q : {block.a, block.b}) {
            if (active[q] >= 0.0) route.loss += (begun - active[q]) * machine.decay[q];
            ready[q] = active[q] = begun + n * machine.gate_ns + machine.turn_ns;
        }
    }
}

}  // namespace kakehashi::routing
