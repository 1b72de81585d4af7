// Diagonal gates, all of a step at once: exp(-i/2 (sum a_j z_j + sum b_jk z_j z_k)) with z = 1 for 0 and -1 for 1, as a
// table over the lowest bits times a table over the others, for every value of the bits that come as conditions.
#pragma once

#include <vector>

#include "lanes.hpp"
#include "program.hpp"

namespace kakehashi::KAKEHASHI_ISA {

struct Complex {
    double re, im;
    friend Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
    Complex conjugate() const { return {re, -im}; }
};

// Half rotations of one trajectory.
class HalfTurns {
public:
    HalfTurns(const Program& program, const std::uint64_t* signs) : program_(program), signs_(signs) {}
    bool flipped(int rotation) const { return (signs_[rotation / 64] >> (63 - rotation % 64)) & 1; }
    double tangent(int rotation) const {
        return flipped(rotation) ? -program_.tangent[rotation] : program_.tangent[rotation];
    }
    // exp(-i angle / 2)
    Complex phase(int rotation) const {
        return {program_.cosine[rotation], flipped(rotation) ? program_.sine[rotation] : -program_.sine[rotation]};
    }

private:
    const Program& program_;
    const std::uint64_t* signs_;
};

// Multiplies n numbers by a constant.
inline void multiply(double* re, double* im, std::int64_t n, Complex factor) {
    for (std::int64_t x = 0; x < n; ++x) {
        const double r = re[x], i = im[x];
        re[x] = r * factor.re - i * factor.im;
        im[x] = r * factor.im + i * factor.re;
    }
}

// One table for one value of the conditions, grown bit by bit.
inline void fill_table(const PhaseTable& table, const HalfTurns& turns, int conditions, double scale, double* re,
                       double* im) {
    re[0] = scale, im[0] = 0;
    for (int bit = 0; bit < table.n_bits; ++bit) {
        const std::int64_t half = std::int64_t{1} << bit;
        Complex factor{1, 0};
        bool trivial = true;
        for (const Phase& phase : table.single) {
            if (phase.bit == bit) factor = factor * turns.phase(phase.rotation), trivial = false;
        }
        for (const Phase& phase : table.conditioned) {
            if (phase.bit != bit) continue;
            const Complex own = turns.phase(phase.rotation);
            factor = factor * ((conditions >> phase.other) & 1 ? own.conjugate() : own), trivial = false;
        }
        for (std::int64_t x = 0; x < half; ++x) re[x + half] = re[x], im[x + half] = im[x];
        if (!trivial) {
            multiply(re, im, half, factor);
            multiply(re + half, im + half, half, factor.conjugate());
        }
        for (const Phase& phase : table.pairs) {
            if (phase.bit != bit) continue;
            const Complex own = turns.phase(phase.rotation);
            const std::int64_t run = std::int64_t{1} << phase.other;
            for (std::int64_t x = 0; x < 2 * half; x += run) {
                const bool same = ((x >> bit) & 1) == ((x >> phase.other) & 1);
                multiply(re + x, im + x, run, same ? own : own.conjugate());
            }
        }
    }
}

// The tables of one step for one trajectory, planar.
template <class T>
struct Phases {
    std::vector<T> low_re, low_im, high_re, high_im;
    bool has_low = false, has_high = false;

    Phases(const Step& step, const HalfTurns& turns) {
        has_low = !step.low.trivial();
        has_high = !step.high.trivial() || (!has_low && step.scale != 1);
        const double scale = step.scale;
        if (has_low) fill(step.low, turns, scale, low_re, low_im);
        if (has_high) fill(step.high, turns, has_low ? 1 : scale, high_re, high_im);
    }

private:
    static void fill(const PhaseTable& table, const HalfTurns& turns, double scale, std::vector<T>& to_re,
                     std::vector<T>& to_im) {
        const std::int64_t n = std::int64_t{1} << table.n_bits, n_tables = std::int64_t{1} << table.n_conditions;
        std::vector<double> re(static_cast<std::size_t>(n)), im(static_cast<std::size_t>(n));
        to_re.resize(static_cast<std::size_t>(n * n_tables));
        to_im.resize(static_cast<std::size_t>(n * n_tables));
        for (std::int64_t conditions = 0; conditions < n_tables; ++conditions) {
            fill_table(table, turns, static_cast<int>(conditions), scale, re.data(), im.data());
            for (std::int64_t x = 0; x < n; ++x) {
                to_re[static_cast<std::size_t>(conditions * n + x)] = static_cast<T>(re[static_cast<std::size_t>(x)]);
                to_im[static_cast<std::size_t>(conditions * n + x)] = static_cast<T>(im[static_cast<std::size_t>(x)]);
            }
        }
    }
};

inline int gather_bits(std::int64_t number, const std::vector<int>& positions) {
    int bits = 0;
    for (std::size_t k = 0; k < positions.size(); ++k) bits |= static_cast<int>((number >> positions[k]) & 1) << k;
    return bits;
}

template <class T, bool has_low, bool has_high>
inline void multiply_row(T* re, T* im, std::int64_t n, const T* low_re, const T* low_im, T high_re, T high_im) {
    using L = Lanes<T>;
    const typename L::Type hr = L::broadcast(high_re), hi = L::broadcast(high_im);
    for (std::int64_t x = 0; x < n; x += L::count) {
        typename L::Type pr = hr, pi = hi;
        if constexpr (has_low) {
            pr = L::load(low_re + x), pi = L::load(low_im + x);
            if constexpr (has_high) {
                const typename L::Type r = pr;
                pr = r * hr - pi * hi;
                pi = r * hi + pi * hr;
            }
        }
        const typename L::Type r = L::load(re + x), i = L::load(im + x);
        L::store(re + x, r * pr - i * pi);
        L::store(im + x, r * pi + i * pr);
    }
}

// Amplitudes [first, last) of a piece, whole rows of the low table.
template <class T>
inline void apply_phases(const Pass& pass, const Step& step, const Phases<T>& phases, std::int64_t number,
                         std::int64_t first, std::int64_t last, T* re, T* im) {
    const std::int64_t n = std::int64_t{1} << pass.n_low, n_rows = pass.piece() >> pass.n_low;
    const std::int32_t outside = gather_bits(number, step.low_outside) << step.n_low_inside;
    const std::int64_t high = std::int64_t{gather_bits(number, step.high_outside)} * n_rows;
    for (std::int64_t row = first >> pass.n_low; row < last >> pass.n_low; ++row) {
        T* const r = re + row * n;
        T* const i = im + row * n;
        if (phases.has_low) {
            const std::int64_t at = std::int64_t{step.low_conditions_of_row[row] | outside} * n;
            const T* lr = phases.low_re.data() + at;
            const T* li = phases.low_im.data() + at;
            if (phases.has_high) {
                multiply_row<T, true, true>(r, i, n, lr, li, phases.high_re[high + row], phases.high_im[high + row]);
            } else {
                multiply_row<T, true, false>(r, i, n, lr, li, T{}, T{});
            }
        } else if (phases.has_high) {
            multiply_row<T, false, true>(r, i, n, nullptr, nullptr, phases.high_re[high + row],
                                         phases.high_im[high + row]);
        }
    }
}

}  // namespace kakehashi::KAKEHASHI_ISA
