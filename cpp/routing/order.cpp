// Groups of commuting operations on each qubit.
#include "program.hpp"

namespace kakehashi::routing {

Order::Order(const Program& program, bool backward, bool as_listed)
    : group(program.qubits.size()), begin(program.n_qubits), members(program.n_qubits) {
    std::vector<std::int8_t> now(program.n_qubits, kNoAxis);
    for (int k = 0; k < program.size(); ++k) {
        const int op = backward ? program.size() - 1 - k : k;
        for (int slot = program.first[op]; slot < program.first[op + 1]; ++slot) {
            const int q = program.qubits[slot];
            const std::int8_t axis = program.axis[slot];
            if (begin[q].empty() || as_listed || axis == kNoAxis || axis != now[q])
                begin[q].push_back(static_cast<std::int32_t>(members[q].size()));
            now[q] = axis;
            group[slot] = static_cast<std::int32_t>(begin[q].size()) - 1;
            members[q].push_back(op);
        }
    }
    for (int q = 0; q < program.n_qubits; ++q) begin[q].push_back(static_cast<std::int32_t>(members[q].size()));
}

}  // namespace kakehashi::routing
