#include <algorithm>
#include <stdexcept>

#include "front.hpp"

namespace kakehashi {
namespace {

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

}  // namespace

FrontProgram read_front(int n_qubits, const std::int32_t* code, std::int64_t n_steps,
                        const std::complex<double>* matrices, std::int64_t n_matrices) {
    FrontProgram program;
    program.n_qubits = n_qubits;
    program.matrices.assign(matrices, matrices + 4 * n_matrices);
    std::vector<bool> active(static_cast<std::size_t>(n_qubits)), done(active);
    int now = 0;
    for (std::int64_t k = 0; k < n_steps; ++k) {
        const FrontStep step{code[4 * k], code[4 * k + 1], code[4 * k + 2], code[4 * k + 3]};
        const bool two = step.kind == FrontStep::parity || step.kind == FrontStep::known;
        require(step.kind >= FrontStep::single && step.kind <= FrontStep::measure, "no such kind of step");
        require(step.first >= 0 && step.first < n_qubits, "no such qubit");
        require(!two || (step.second >= 0 && step.second < n_qubits && step.second != step.first), "no such pair");
        require(step.kind == FrontStep::measure || (step.matrix >= 0 && step.matrix < n_matrices), "no such matrix");
        const std::size_t a = static_cast<std::size_t>(step.first);
        const std::size_t b = static_cast<std::size_t>(two ? step.second : step.first);
        require(!done[a], "a qubit is used after its measurement");
        require(done[b] == (step.kind == FrontStep::known), "a qubit is used after or before its measurement");
        if (step.kind == FrontStep::parity) {
            for (const std::size_t q : {a, b}) {
                now += !active[q];
                active[q] = true;
            }
            program.width = std::max(program.width, now);
        } else if (step.kind == FrontStep::measure) {
            now -= active[a];
            done[a] = true;
        }
        program.steps.push_back(step);
    }
    require(program.width < 48, "the front is too wide");
    return program;
}

}  // namespace kakehashi
