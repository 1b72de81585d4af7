// Matrix elements between determinants by the Slater-Condon rules, as the visitor of network.hpp meets them.
#pragma once

#include "network.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// h_pq + sum_k (pq|kk) - (pk|qk) over one spin's string: a single excitation, without the other spin.
template <class S>
double own_single(const Tables& v, S string, int p, int q) {
    double sum = v.h(p, q);
    const double* coulomb = v.row(Tables::pair(p, q));
    for (S rest = string; !rest.empty();) {
        const int k = rest.take_lowest();
        sum += coulomb[Tables::pair(k, k)] - v.row(Tables::pair(p, k))[Tables::pair(q, k)];
    }
    return sum;
}

template <class S>
double coulomb_single(const double* row, S other) {
    double sum = 0;
    while (!other.empty()) {
        const int k = other.take_lowest();
        sum += row[Tables::pair(k, k)];
    }
    return sum;
}

// Turns visits into elements: calls `Sink::add(i, j, element)`. Elements below the screen are left out. With `half`, rows
// are one of each two mirror images, and matrix.hpp says what becomes of their elements.
template <class S, class Sink, bool half = false>
struct Elements {
    const Network<S>& net;
    Sink& sink;
    const double* row = nullptr;  // (pq|..) of the present alpha link
    double sign = 1, own = 0;
    bool has_own = false;  // `own` is that of the present link
    S common = {};         // what both strings of the link hold
    int to = 0, from = 0;

    void emit(std::int32_t i, std::int32_t j, double element) {
        if (!(std::abs(element) > net.v.options.screen)) return;
        if (half) {
            const std::int32_t mirrored = net.mirror[i];
            if (net.mirror[j] > std::max(i, mirrored)) return;  // in the other's row
            if (mirrored == i || mirrored == j) element *= 0.5;
        }
        sink.add(i, j, element);
    }
    void link(const Link& link) {
        to = link.to, from = link.from;
        row = net.v.row(Tables::pair(to, from));
        sign = link.odd ? -1 : 1;
        common = net.alphas.strings[link.target].flipped(to);
        has_own = false;
    }
    void opposite(std::int32_t i, std::int32_t j, std::int32_t b, S other) {
        const S bra = net.betas.strings[b];
        S up = other & (other ^ bra), down = bra & (other ^ bra);
        const int r = up.take_lowest(), s = down.take_lowest();
        double element = row[Tables::pair(r, s)];
        if (r == from && s == to) element -= net.v.options.spin_penalty;
        emit(i, j, is_odd(net.betas.parities[b], r, s) ? -sign * element : sign * element);
    }
    void alpha_single(std::int32_t i, std::int32_t j, std::int32_t) {
        if (!has_own) own = own_single(net.v, common, to, from);
        has_own = true;
        emit(i, j, sign * (own + coulomb_single(row, net.betas.strings[net.beta[i]])));
    }
    void beta_single(std::int32_t i, std::int32_t j, std::int32_t b, S other) {
        const S bra = net.betas.strings[b];
        const Change<S> change(other, bra, 1);
        const int r = change.to[0], s = change.from[0];
        const double element = own_single(net.v, bra & other, r, s) +
                               coulomb_single(net.v.row(Tables::pair(r, s)), net.alphas.strings[net.alpha[i]]);
        emit(i, j, is_odd(net.betas.parities[b], r, s) ? -element : element);
    }
    void same_spin_double(std::int32_t i, std::int32_t j, const StringSet<S>& set, std::int32_t s, S other) {
        const Change<S> x(other, set.strings[s], 2);
        const double element = net.v.double_element(x.to[0], x.from[0], x.to[1], x.from[1]);
        emit(i, j, is_odd(set.parities[s], x.to[0], x.from[0], x.to[1], x.from[1]) ? -element : element);
    }
    void beta_double(std::int32_t i, std::int32_t j, std::int32_t b, S other) {
        same_spin_double(i, j, net.betas, b, other);
    }
    void alpha_double(std::int32_t i, std::int32_t j, std::int32_t a, S other) {
        same_spin_double(i, j, net.alphas, a, other);
    }
};

}  // namespace kakehashi::KAKEHASHI_ISA
