// A view of the integrals as the kernels read them: one-body matrix and two-body pair matrix.
#pragma once

#include <cstdint>

#include "strings.hpp"

namespace kakehashi {

struct Integrals {
    int n_orb = 0;
    const double* one_body = nullptr;  // (n_orb, n_orb)
    const double* pairs = nullptr;     // (n_pair, n_pair), (pq|rs) at [pair_index(p, q)][pair_index(r, s)]
    double screen = 0;                 // integrals of smaller size are taken to be zero

    std::int64_t n_pair() const { return std::int64_t{n_orb} * (n_orb + 1) / 2; }
    double h(int p, int q) const { return one_body[std::int64_t{p} * n_orb + q]; }
    double g(int p, int q, int r, int s) const { return pairs[pair_index(p, q) * n_pair() + pair_index(r, s)]; }
};

}  // namespace kakehashi
