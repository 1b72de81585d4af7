// Integrals sorted by size, so that excitations too weak to matter are never visited (heat-bath lists).
#pragma once

#include <cstdint>
#include <vector>

#include "space.hpp"

namespace kakehashi {

// Orbitals of an excitation and the size of its element. For one spin: the two to be filled, ascending. For opposite
// spins: the pair of the other spin, in either direction.
struct Strength {
    float size;
    std::int16_t first, second;
};

struct StrengthLists {
    std::vector<std::int64_t> offsets;  // per pair of orbitals
    std::vector<Strength> entries;      // of each pair, descending
};

struct Tables {
    Tables(const DeterminantOptions& options, const double* one_body, const double* two_body);

    DeterminantOptions options;
    int n_orb;
    std::int64_t n_pair;
    std::vector<double> one_body;       // (n_orb, n_orb)
    std::vector<double> pairs;          // (n_pair, n_pair)
    std::vector<double> coulomb;        // J(p, q) = (pp|qq)
    std::vector<double> anti;           // J - K, same spin
    StrengthLists same_spin;            // by pair of emptied orbitals
    StrengthLists opposite_spin;        // by pair of the excitation of one spin
    std::vector<float> single_bound;    // by pair: a bound of the size of its single excitations
    std::vector<float> alpha_bound;     // by pair: of single excitations and of all with one of the other spin

    double h(int p, int q) const { return one_body[std::int64_t{p} * n_orb + q]; }
    const double* row(std::int64_t pair) const { return pairs.data() + pair * n_pair; }
    static std::int64_t pair(int p, int q) {
        return p >= q ? std::int64_t{p} * (p + 1) / 2 + q : std::int64_t{q} * (q + 1) / 2 + p;
    }
    double g(int p, int q, int r, int s) const { return row(pair(p, q))[pair(r, s)]; }
    // a+_p1 a_q1 a+_p2 a_q2 within one spin, without the sign
    double double_element(int p1, int q1, int p2, int q2) const { return g(p1, q1, p2, q2) - g(p1, q2, p2, q1); }
};

}  // namespace kakehashi
