// A circuit as passes over the state: in each, some qubits are local, and whatever acts on them is done while a piece of
// the state lies in the cache. docs/decisions/0009 says why circuits come as rotations.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace kakehashi {

// Rotation about Y of the qubit that is bit `bit` of the local index.
struct Turn {
    int bit;
    int rotation;
};

// Rotation about Z of a bit, or about ZZ of two bits; the bit that is known beforehand comes as a condition.
struct Phase {
    int bit;
    int other;  // lower bit, or number of the condition; -1 where there is none
    int rotation;
};

// Phases that depend on some bits, as a product of two tables: one over the lowest local bits, one over the others.
struct PhaseTable {
    int n_bits = 0;
    int n_conditions = 0;
    std::vector<Phase> single;       // of a bit alone
    std::vector<Phase> pairs;        // of two bits of the table
    std::vector<Phase> conditioned;  // of a bit and a condition
    bool trivial() const { return single.empty() && pairs.empty() && conditioned.empty(); }
};

struct Step {
    std::vector<Turn> turns;  // if empty, the step is one of phases
    double scale = 1;         // undoes the growth of earlier turns
    PhaseTable low, high;
    std::vector<std::int32_t> low_conditions_of_row;  // the part of low's condition that the row of the piece sets
    std::vector<int> low_outside;                     // bits of the piece's number that are low's further conditions
    int n_low_inside = 0;
    std::vector<int> high_outside;
};

struct Pass {
    int n_local = 0;
    int n_low = 0;                      // local bits of the low table
    int n_run = 0;                      // lowest qubits that are local in their order: the runs of 2^n_run amplitudes
    bool in_place = false;              // a piece is one run
    std::int64_t first_word = 0, n_words = 0;
    std::vector<int> outside;           // qubits that are not local, ascending
    std::vector<std::int64_t> rows;     // where in the state each run of a piece begins, from the piece's own begin
    std::vector<Step> steps;

    std::int64_t piece() const { return std::int64_t{1} << n_local; }
    std::int64_t begin(std::int64_t number) const {
        std::int64_t at = 0;
        for (std::size_t k = 0; k < outside.size(); ++k) at |= ((number >> k) & 1) << outside[k];
        return at;
    }
};

struct Program {
    int n_qubits = 0;
    std::int64_t n_words = 0;     // of the signs of one trajectory
    std::vector<double> tangent;  // of half the angle, per rotation
    std::vector<double> cosine, sine;
    std::vector<Pass> passes;

    std::int64_t size() const { return std::int64_t{1} << n_qubits; }
};

// `code` holds, for each pass: n_local, the local qubits ascending, first_word, n_words, n_steps, and for each step either
// 0, n, and n times (qubit, rotation), or 1, n_single, n_pairs, then (qubit, rotation) and (qubit, qubit, rotation).
// `scales` has one number for each step of phases.
Program read_program(int n_qubits, const std::vector<std::int32_t>& code, const std::vector<double>& angles,
                     const std::vector<double>& scales);

struct Threads {
    int branches = 1;    // trajectories at the same time
    int amplitudes = 1;  // or pieces of one state
    int max_states = 2;  // states per branch that may be alive at the same time
};

// Trajectories are rows of `signs`, ascending and distinct: a rotation whose bit is set turns the other way. The first bit
// is the highest of the first word.
class TrajectorySampler {
public:
    virtual ~TrajectorySampler() = default;
    virtual std::int64_t n_words() const = 0;
    virtual std::int64_t size() const = 0;
    // Draws [first_draw[i], first_draw[i + 1]) belong to trajectory i; their uniform numbers must ascend.
    virtual void sample(const std::uint64_t* signs, std::int64_t n, const std::int64_t* first_draw,
                        const double* uniforms, std::int64_t* out, const Threads& threads) const = 0;
    // out[i] = <Z...Z> of the qubits in `mask`.
    virtual void parities(const std::uint64_t* signs, std::int64_t n, std::int64_t mask, double* out,
                          const Threads& threads) const = 0;
    // The state itself, up to its norm.
    virtual void amplitudes(const std::uint64_t* signs, double* real, double* imaginary, int n_threads) const = 0;
};

std::unique_ptr<TrajectorySampler> make_sampler(std::shared_ptr<const Program> program, bool single);

}  // namespace kakehashi
