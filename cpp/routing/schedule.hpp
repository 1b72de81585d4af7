// The estimated success probability of a schedule as late as possible. Its slow twin is `Scorer` in Python.
#pragma once

#include <cstdint>
#include <vector>

namespace kakehashi::routing {

enum class Step : std::int8_t { wait, pair, measure, turn, nothing, impossible };

struct Steps {
    std::int64_t n;
    const std::int8_t* step;
    const std::int16_t* row;       // of a turn: which table
    const std::int32_t* first;     // of each step's qubits; one more than there are steps
    const std::int32_t* qubits;
    const double* wait_ns;
};

struct Tables {
    int n_qubits;
    const double* pair_log;        // n x n; minus infinity where there is no gate
    const double* pair_ns;
    const double* turn_log;        // rows x n
    const double* turn_ns;
    const double* read_log;
    const double* read_ns;
    const double* decay_1;         // 1/T1 and 1/T2 per nanosecond
    const double* decay_2;
};

struct Estimate {
    double gates = 0.0, readout = 0.0, idle = 0.0, duration_ns = 0.0;
    std::int64_t n_pairs = 0, depth = 0;
    std::vector<double> idle_ns;  // of each qubit, between its first and its last step
};

Estimate estimate(const Steps& steps, const Tables& tables);

}  // namespace kakehashi::routing
