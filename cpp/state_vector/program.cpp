// Reads a program that Python planned, and sorts the phases of each step into tables.
#include "program.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace kakehashi {
namespace {

constexpr int n_low_bits = 6;

class Reader {
public:
    Reader(const std::vector<std::int32_t>& code, std::size_t n_rotations) : code_(code), n_rotations_(n_rotations) {}
    bool done() const { return at_ == code_.size(); }
    int take(int low, int high) {
        if (at_ >= code_.size() || code_[at_] < low || code_[at_] > high)
            throw std::invalid_argument("the program is not well formed");
        return code_[at_++];
    }
    int rotation() { return take(0, static_cast<int>(n_rotations_) - 1); }

private:
    const std::vector<std::int32_t>& code_;
    std::size_t n_rotations_;
    std::size_t at_ = 0;
};

int find(const std::vector<int>& list, int value) {
    const auto at = std::find(list.begin(), list.end(), value);
    return at == list.end() ? -1 : static_cast<int>(at - list.begin());
}

int find_or_add(std::vector<int>& list, int value) {
    const int at = find(list, value);
    if (at >= 0) return at;
    list.push_back(value);
    return static_cast<int>(list.size()) - 1;
}

struct Pair {
    int first, second, rotation;
};

// Conditions of the low table are first the high local bits, then the bits of the piece's number.
void sort_pairs(const Pass& pass, const std::vector<int>& local, const std::vector<Pair>& pairs, Step& step) {
    std::vector<int> inside;
    for (const Pair& pair : pairs) {
        const int a = find(local, pair.first), b = find(local, pair.second);
        if (std::min(a, b) >= 0 && std::min(a, b) < pass.n_low && std::max(a, b) >= pass.n_low)
            find_or_add(inside, std::max(a, b));
    }
    step.n_low_inside = static_cast<int>(inside.size());
    for (const Pair& pair : pairs) {
        int a = find(local, pair.first), b = find(local, pair.second);
        if (a < 0 && b < 0) throw std::invalid_argument("a phase acts on no local qubit");
        if (a < 0 || b < 0) {
            const int bit = std::max(a, b);
            const int out = find(pass.outside, a < 0 ? pair.first : pair.second);
            if (bit < pass.n_low) {
                const int condition = step.n_low_inside + find_or_add(step.low_outside, out);
                step.low.conditioned.push_back({bit, condition, pair.rotation});
            } else {
                const int condition = find_or_add(step.high_outside, out);
                step.high.conditioned.push_back({bit - pass.n_low, condition, pair.rotation});
            }
            continue;
        }
        if (a < b) std::swap(a, b);
        if (a < pass.n_low) {
            step.low.pairs.push_back({a, b, pair.rotation});
        } else if (b >= pass.n_low) {
            step.high.pairs.push_back({a - pass.n_low, b - pass.n_low, pair.rotation});
        } else {
            step.low.conditioned.push_back({b, find(inside, a), pair.rotation});
        }
    }
    step.low.n_conditions = step.n_low_inside + static_cast<int>(step.low_outside.size());
    step.high.n_conditions = static_cast<int>(step.high_outside.size());
    if (step.low.n_conditions > 8 || step.high.n_conditions > 8)
        throw std::invalid_argument("a step of phases has too many conditions");
    step.low_conditions_of_row.assign(std::size_t{1} << (pass.n_local - pass.n_low), 0);
    for (std::size_t row = 0; row < step.low_conditions_of_row.size(); ++row) {
        for (std::size_t k = 0; k < inside.size(); ++k)
            step.low_conditions_of_row[row] |= static_cast<std::int32_t>((row >> (inside[k] - pass.n_low)) & 1) << k;
    }
}

void read_phases(Reader& reader, int n_qubits, const Pass& pass, const std::vector<int>& local, Step& step) {
    const int n_single = reader.take(0, 1 << 30), n_pairs = reader.take(0, 1 << 30);
    step.low.n_bits = pass.n_low;
    step.high.n_bits = pass.n_local - pass.n_low;
    for (int k = 0; k < n_single; ++k) {
        const int bit = find(local, reader.take(0, n_qubits - 1));
        if (bit < 0) throw std::invalid_argument("a phase acts on no local qubit");
        const int rotation = reader.rotation();
        if (bit < pass.n_low) {
            step.low.single.push_back({bit, -1, rotation});
        } else {
            step.high.single.push_back({bit - pass.n_low, -1, rotation});
        }
    }
    std::vector<Pair> pairs;
    for (int k = 0; k < n_pairs; ++k) {
        const int a = reader.take(0, n_qubits - 1), b = reader.take(0, n_qubits - 1);
        pairs.push_back({a, b, reader.rotation()});
    }
    sort_pairs(pass, local, pairs, step);
}

Pass read_pass(Reader& reader, Program& program, const std::vector<double>& scales, std::size_t& n_scales) {
    const int n = program.n_qubits;
    Pass pass;
    pass.n_local = reader.take(1, n);
    pass.n_low = std::min(pass.n_local, n_low_bits);
    std::vector<int> local;
    for (int k = 0; k < pass.n_local; ++k) local.push_back(reader.take(k == 0 ? 0 : local.back() + 1, n - 1));
    for (int q = 0; q < n; ++q) {
        if (find(local, q) < 0) pass.outside.push_back(q);
    }
    while (pass.n_run < pass.n_local && local[pass.n_run] == pass.n_run) ++pass.n_run;
    if (pass.n_run < std::min(4, n)) throw std::invalid_argument("the lowest qubits must be local");
    pass.in_place = pass.n_run == pass.n_local;
    pass.rows.assign(std::size_t{1} << (pass.n_local - pass.n_run), 0);
    for (std::size_t row = 0; row < pass.rows.size(); ++row) {
        for (int k = pass.n_run; k < pass.n_local; ++k)
            pass.rows[row] |= static_cast<std::int64_t>((row >> (k - pass.n_run)) & 1) << local[k];
    }
    pass.first_word = reader.take(0, 1 << 30);
    pass.n_words = reader.take(0, 1 << 30);
    if (pass.first_word != program.n_words) throw std::invalid_argument("the words of the passes must be in order");
    program.n_words += pass.n_words;
    const int n_steps = reader.take(0, 1 << 30);
    for (int s = 0; s < n_steps; ++s) {
        Step step;
        if (reader.take(0, 1) == 0) {
            const int n_turns = reader.take(1, n);
            for (int k = 0; k < n_turns; ++k) {
                const int bit = find(local, reader.take(0, n - 1));
                if (bit < 0) throw std::invalid_argument("a turn acts on no local qubit");
                step.turns.push_back({bit, reader.rotation()});
            }
            // The kernels take the lowest bits together, and those at the same distance from another.
            std::sort(step.turns.begin(), step.turns.end(), [](const Turn& a, const Turn& b) { return a.bit < b.bit; });
            for (std::size_t k = 1; k < step.turns.size(); ++k) {
                if (step.turns[k].bit == step.turns[k - 1].bit)
                    throw std::invalid_argument("a step turns a qubit twice");
            }
        } else {
            read_phases(reader, n, pass, local, step);
            if (n_scales >= scales.size()) throw std::invalid_argument("a step of phases lacks its scale");
            step.scale = scales[n_scales++];
        }
        pass.steps.push_back(std::move(step));
    }
    return pass;
}

}  // namespace

Program read_program(int n_qubits, const std::vector<std::int32_t>& code, const std::vector<double>& angles,
                     const std::vector<double>& scales) {
    if (n_qubits < 1 || n_qubits > 48) throw std::invalid_argument("the number of qubits is out of range");
    Program program;
    program.n_qubits = n_qubits;
    for (const double angle : angles) {
        program.tangent.push_back(std::tan(angle / 2));
        program.cosine.push_back(std::cos(angle / 2));
        program.sine.push_back(std::sin(angle / 2));
    }
    Reader reader(code, angles.size());
    std::size_t n_scales = 0;
    while (!reader.done()) program.passes.push_back(read_pass(reader, program, scales, n_scales));
    if (program.passes.empty()) throw std::invalid_argument("the program has no pass");
    if (static_cast<std::int64_t>(angles.size()) > 64 * program.n_words)
        throw std::invalid_argument("the signs have too few words");
    return program;
}

}  // namespace kakehashi
