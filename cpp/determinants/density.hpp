// Density matrices as derivatives of <bra|H|ket> by the integrals, and S^2.
#pragma once

#include <omp.h>

#include <cmath>
#include <optional>
#include <vector>

#include "elements.hpp"
#include "failure.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// Collects the weight of every integral in <bra|H|ket>.
template <class S>
struct Derivatives {
    const Network<S>& net;
    const double *bra, *ket;
    std::vector<double> one_body;  // (2, n_orb, n_orb)
    std::vector<double> pairs;     // (n_pair, n_pair)
    std::int64_t pair_ = 0;
    double sign_ = 1;
    int to_ = 0, from_ = 0;
    S common_{};

    Derivatives(const Network<S>& network, const double* b, const double* k)
        : net(network),
          bra(b),
          ket(k),
          one_body(std::size_t(2) * network.v.n_orb * network.v.n_orb),
          pairs(std::size_t(network.v.n_pair) * network.v.n_pair) {}

    double& by_pairs(std::int64_t p, std::int64_t r) { return pairs[p * net.v.n_pair + r]; }
    void add_one_body(int spin, int p, int q, double weight) {
        const std::int64_t n = net.v.n_orb;
        one_body[(spin * n + p) * n + q] += 0.5 * weight;
        one_body[(spin * n + q) * n + p] += 0.5 * weight;
    }
    double weight(std::int32_t i, std::int32_t j) const { return bra[i] * ket[j] + bra[j] * ket[i]; }

    void single(int spin, int p, int q, S own, S other, double w) {
        add_one_body(spin, p, q, w);
        const std::int64_t pq = Tables::pair(p, q);
        for (S rest = own; !rest.empty();) {
            const int k = rest.take_lowest();
            by_pairs(pq, Tables::pair(k, k)) += w;
            by_pairs(Tables::pair(p, k), Tables::pair(q, k)) -= w;
        }
        for (S rest = other; !rest.empty();) {
            const int k = rest.take_lowest();
            by_pairs(pq, Tables::pair(k, k)) += w;
        }
    }
    void link(const Link& link) {
        to_ = link.to, from_ = link.from;
        pair_ = Tables::pair(to_, from_);
        sign_ = link.odd ? -1 : 1;
        common_ = net.alphas.strings[link.target].flipped(to_);
    }
    void opposite(std::int32_t i, std::int32_t j, std::int32_t b, S other) {
        const Change<S> x(other, net.betas.strings[b], 1);
        const bool odd = is_odd(net.betas.parities[b], x.to[0], x.from[0]);
        by_pairs(pair_, Tables::pair(x.to[0], x.from[0])) += (odd ? -sign_ : sign_) * weight(i, j);
    }
    void alpha_single(std::int32_t i, std::int32_t j, std::int32_t) {
        single(0, to_, from_, common_, net.betas.strings[net.beta[i]], sign_ * weight(i, j));
    }
    void beta_single(std::int32_t i, std::int32_t j, std::int32_t b, S other) {
        const S own = net.betas.strings[b];
        const Change<S> x(other, own, 1);
        const bool odd = is_odd(net.betas.parities[b], x.to[0], x.from[0]);
        single(1, x.to[0], x.from[0], own & other, net.alphas.strings[net.alpha[i]], (odd ? -1 : 1) * weight(i, j));
    }
    void same_spin_double(std::int32_t i, std::int32_t j, const StringSet<S>& set, std::int32_t s, S other) {
        const Change<S> x(other, set.strings[s], 2);
        const bool odd = is_odd(set.parities[s], x.to[0], x.from[0], x.to[1], x.from[1]);
        const double w = (odd ? -1 : 1) * weight(i, j);
        by_pairs(Tables::pair(x.to[0], x.from[0]), Tables::pair(x.to[1], x.from[1])) += w;
        by_pairs(Tables::pair(x.to[0], x.from[1]), Tables::pair(x.to[1], x.from[0])) -= w;
    }
    void beta_double(std::int32_t i, std::int32_t j, std::int32_t b, S other) {
        same_spin_double(i, j, net.betas, b, other);
    }
    void alpha_double(std::int32_t i, std::int32_t j, std::int32_t a, S other) {
        same_spin_double(i, j, net.alphas, a, other);
    }
    void diagonal(std::int32_t i) {
        const double w = bra[i] * ket[i];
        const S strings[2] = {net.alphas.strings[net.alpha[i]], net.betas.strings[net.beta[i]]};
        for (int spin = 0; spin < 2; ++spin) {
            for (S rest = strings[spin]; !rest.empty();) {
                const int p = rest.take_lowest();
                add_one_body(spin, p, p, w);
                for (S more = rest; !more.empty();) {
                    const int q = more.take_lowest();
                    by_pairs(Tables::pair(p, p), Tables::pair(q, q)) += w;
                    by_pairs(Tables::pair(p, q), Tables::pair(p, q)) -= w;
                }
            }
        }
        for (S p = strings[0]; !p.empty();) {
            const int k = p.take_lowest();
            for (S r = strings[1]; !r.empty();) {
                const int l = r.take_lowest();
                by_pairs(Tables::pair(k, k), Tables::pair(l, l)) += w;
            }
        }
    }
};

template <class S>
void fill_densities(const Network<S>& net, const double* bra, const double* ket, double* one_body, double* pairs) {
    const std::int64_t n_one = 2 * std::int64_t{net.v.n_orb} * net.v.n_orb, n_pair = net.v.n_pair;
    std::fill(one_body, one_body + n_one, 0.0);
    std::fill(pairs, pairs + n_pair * n_pair, 0.0);
    const Rows rows = net.rows(false, 0);
    const std::vector<Piece>& pieces = rows.pieces;
    Failure failure;
    std::vector<std::optional<Derivatives<S>>> parts(net.v.options.n_threads);
#pragma omp parallel num_threads(net.v.options.n_threads)
    {
        std::optional<Derivatives<S>>& own = parts[omp_get_thread_num()];
        failure.guard([&] { own.emplace(net, bra, ket); });
#pragma omp for schedule(static, 4)
        for (std::size_t k = 0; k < pieces.size(); ++k) {
            if (!own) continue;  // no memory: the whole call fails below
            net.template visit<false>(pieces[k], rows.members, *own);
            for (std::int64_t at = pieces[k].begin; at < pieces[k].end; ++at) own->diagonal(rows.members[at]);
        }
    }
    for (const std::optional<Derivatives<S>>& own : parts) {
        if (!own) continue;
        for (std::int64_t i = 0; i < n_one; ++i) one_body[i] += own->one_body[i];
        for (std::int64_t i = 0; i < n_pair * n_pair; ++i) pairs[i] += own->pairs[i];
    }
    failure.rethrow();
    for (std::int64_t p = 0; p < n_pair; ++p) {
        for (std::int64_t r = 0; r < p; ++r) {
            const double mean = 0.5 * (pairs[p * n_pair + r] + pairs[r * n_pair + p]);
            pairs[p * n_pair + r] = pairs[r * n_pair + p] = mean;
        }
    }
}

// S^2 exchanges the spins of two open shells: an alpha link and the reverse excitation in beta.
template <class S>
void apply_spin_squared(const Network<S>& net, Vectors kind, const double* c, double* out) {
    const std::int32_t n = net.size();
    const bool half = kind != Vectors::whole;  // the image of one of each two mirror images gives the other's
    const double parity = kind == Vectors::even ? 1 : -1;
#pragma omp parallel for num_threads(net.v.options.n_threads) schedule(dynamic, 256)
    for (std::int32_t i = 0; i < n; ++i) {
        if (half && net.mirror[i] < i) continue;
        const S b = net.betas.strings[net.beta[i]], a = net.alphas.strings[net.alpha[i]];
        double sum = net.spin_diagonal(a, b) * c[i];
        for (std::int64_t l = net.alphas.link_offsets[net.alpha[i]]; l < net.alphas.link_offsets[net.alpha[i] + 1]; ++l) {
            const Link& link = net.alphas.links[l];
            if (!b.test(link.to) || b.test(link.from)) continue;
            const std::int32_t other =
                net.betas.index.find(net.betas.strings.data(), b.flipped(link.to).flipped(link.from));
            const std::int32_t j = net.find(link.target, other);
            if (j < 0) continue;
            const bool odd = (link.odd != 0) ^ is_odd(net.betas.parities[net.beta[i]], link.from, link.to);
            sum += odd ? c[j] : -c[j];
        }
        if (half) out[net.mirror[i]] = parity * sum;
        out[i] = sum;
    }
}

}  // namespace kakehashi::KAKEHASHI_ISA
