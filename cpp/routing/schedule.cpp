#include "schedule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace kakehashi::routing {

Estimate estimate(const Steps& steps, const Tables& tables) {
    const auto n = static_cast<std::size_t>(tables.n_qubits);
    std::vector<double> ready(n, 0.0), active(n, -1.0);
    std::vector<std::int64_t> level(n, 0);
    Estimate made;
    made.idle_ns.assign(n, 0.0);
    for (std::int64_t k = steps.n - 1; k >= 0; --k) {
        const std::int32_t* const on = steps.qubits + steps.first[k];
        const std::int32_t* const end = steps.qubits + steps.first[k + 1];
        double start = 0.0;
        for (const std::int32_t* q = on; q < end; ++q) start = std::max(start, ready[*q]);
        double took = 0.0;
        switch (steps.step[k] >= 0 ? static_cast<Step>(steps.step[k]) : Step::nothing) {
            case Step::nothing: continue;  // a virtual gate takes no time and does no harm
            case Step::wait:
                for (const std::int32_t* q = on; q < end; ++q) ready[*q] = start + steps.wait_ns[k];
                continue;
            case Step::pair: {
                const std::size_t edge = static_cast<std::size_t>(on[0]) * n + static_cast<std::size_t>(on[1]);
                made.gates += tables.pair_log[edge];
                took = tables.pair_ns[edge];
                break;
            }
            case Step::impossible: made.gates = -std::numeric_limits<double>::infinity(); break;
            case Step::measure:
                made.readout += tables.read_log[*on];
                took = tables.read_ns[*on];
                break;
            case Step::turn: {
                const std::size_t at = static_cast<std::size_t>(steps.row[k]) * n + static_cast<std::size_t>(*on);
                made.gates += tables.turn_log[at];
                took = tables.turn_ns[at];
                break;
            }
        }
        if (end - on == 2) {
            ++made.n_pairs;
            level[on[0]] = level[on[1]] = 1 + std::max(level[on[0]], level[on[1]]);
        }
        for (const std::int32_t* q = on; q < end; ++q) {
            if (active[*q] >= 0.0 && start > active[*q]) {
                const double gap = start - active[*q];
                made.idle_ns[*q] += gap;
                made.idle += std::log(0.5 + std::exp(-gap * tables.decay_1[*q]) / 6 +
                                      std::exp(-gap * tables.decay_2[*q]) / 3);
            }
            ready[*q] = active[*q] = start + took;
        }
    }
    for (const double t : active) made.duration_ns = std::max(made.duration_ns, t);
    for (const std::int64_t d : level) made.depth = std::max(made.depth, d);
    return made;
}

}  // namespace kakehashi::routing
