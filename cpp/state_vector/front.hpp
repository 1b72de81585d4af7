// Shots by a front: a qubit joins the state with its first gate on two qubits and leaves it when it is measured, so that
// the state holds only those qubits that the sweep has reached and not yet left.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace kakehashi {

struct FrontStep {
    enum Kind {
        single = 0,   // a gate on one qubit
        parity = 1,   // a phase where two qubits differ
        known = 2,    // the same where the second was measured before
        measure = 3,
    };
    int kind;
    int first, second;  // qubits
    int matrix;         // four numbers from 4 * matrix on: a gate's matrix by rows, or the phase in the first of them
};

struct FrontProgram {
    int n_qubits = 0;
    int width = 0;  // most qubits that the state holds at once
    std::vector<FrontStep> steps;
    std::vector<std::complex<double>> matrices;
};

// `code` holds (kind, first, second, matrix) of each step; throws where a qubit is used after its measurement.
FrontProgram read_front(int n_qubits, const std::int32_t* code, std::int64_t n_steps,
                        const std::complex<double>* matrices, std::int64_t n_matrices);

// Arrays of a row per step or per qubit and a column per shot.
struct FrontShots {
    std::int64_t n_shots;
    const std::uint8_t* signs;  // per step: 1 where its inverse is done instead
    const double* uniforms;     // per qubit: it is found in 1 where its number is less than the probability of 1
    std::uint8_t* bits;         // per qubit
};

void sample_front(const FrontProgram& program, const FrontShots& shots, int n_threads, bool single);

}  // namespace kakehashi
