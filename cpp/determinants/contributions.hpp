// What the determinants of a space contribute to the amplitudes of the outside determinants with one alpha string.
#pragma once

#include <cmath>

#include "amplitudes.hpp"
#include "elements.hpp"
#include "routes.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// A share of the beta strings, for alpha strings that are met with more of them than a table has room for. A string
// belongs to the share that the first bits of its code name, so that a list of excitations is sifted by share before any
// of them is made.
struct BetaShare {
    int n_bits = 1;
    std::uint64_t number = 0;

    // Goes on to the share that follows; whether there is one.
    bool next() { return ++number >> n_bits == 0; }
    void halve() {
        if (n_bits == 32) throw std::length_error("no share of the beta strings is small enough");
        ++n_bits, number *= 2;
    }
    bool has(std::uint32_t code) const { return code >> (32 - n_bits) == number; }
};

// What a thread holds while it works.
template <class S>
struct Worker {
    Worker(S free, Word most_slots, int n_orb) : amplitudes(free, most_slots), coulomb(n_orb) {}
    Amplitudes<S> amplitudes;
    std::vector<double> coulomb;   // of the target's electrons
    std::vector<Strength> chosen;  // excitations of the list at hand that suit a string
    std::int64_t n_contributions = 0;
};

// Sums what reaches one alpha string: all beta strings, or those of a share. Of mirror images, where one of two is
// enough, that one whose alpha string is the higher.
template <class S, bool split>
struct Contributions {
    const Sources<S>& src;
    S target;
    double alpha_energy;
    Worker<S>& worker;
    bool plain;  // one sum alone
    bool half;   // one of two mirror images
    BetaShare share = {};
    const Codes* codes = nullptr;

    const Network<S>& net = src.net;
    const Tables& v = src.net.v;
    const PerturbationPass& pass = src.pass;
    Amplitudes<S>& amplitudes = worker.amplitudes;
    const double* coulomb = worker.coulomb.data();
    std::vector<Strength>& chosen = worker.chosen;
    std::int64_t n_contributions = 0;

    // Whether the table had room for all.
    bool visit(const Route<S>* first, const Route<S>* last) {
        amplitudes.clear();
        for (const Route<S>* route = first; route != last && !amplitudes.full(); ++route) {
            switch (route->kind) {
                case Route<S>::same: same(route->source); break;
                case Route<S>::single: single(*route); break;
                case Route<S>::twice: twice(*route); break;
            }
        }
        if (amplitudes.full()) return false;
        worker.n_contributions += n_contributions;
        return true;
    }

private:
    static double signed_by(bool odd, double x) { return x * (1 - 2 * int(odd)); }

    // The entries of a list from the limit up that suit a string, without a branch that cannot be foretold.
    template <class Suits>
    int choose(const StrengthLists& lists, std::int64_t pair, double limit, Suits&& suits) {
        const Strength* entry = lists.entries.data() + lists.offsets[pair];
        const Strength* end = lists.entries.data() + lists.offsets[pair + 1];
        chosen.resize(std::max(chosen.size(), static_cast<std::size_t>(end - entry)));
        int n = 0;
        for (; entry != end && entry->size >= limit; ++entry) {
            chosen[n] = *entry;
            n += suits(*entry);
        }
        return n;
    }

    bool is_wanted(S beta) const { return !half | !(target < beta); }
    // Whether strings of a code are of the share.
    bool has(std::uint32_t code) const {
        if constexpr (split) return share.has(code);
        return true;
    }
    std::uint32_t code_of(S string) const {
        if constexpr (split) return codes->of(string);
        return 0;
    }
    std::uint32_t code_of(int orbital) const {
        if constexpr (split) return codes->of(orbital);
        return 0;
    }

    double coulomb_of(S beta) const {
        double sum = 0;
        while (!beta.empty()) sum += coulomb[beta.take_lowest()];
        return sum;
    }
    double penalty(S beta) const {
        const double weight = v.options.spin_penalty;
        return weight == 0 ? 0.0 : weight * net.spin_diagonal(target, beta);
    }
    template <class Energy>
    void add(S beta, double term, Energy&& energy) {
        const double size = std::abs(term);
        if (size < pass.threshold || size == 0) return;
        n_contributions += 1 + (half && !(beta == target));
        if (plain) {
            amplitudes.add(beta, term, energy);
        } else {
            amplitudes.add(beta, term, pass.coarse_threshold, energy);
        }
    }
    // A beta single on determinant (target or linked alpha, b), with its energy from that of b.
    [[gnu::always_inline]] double single_energy(std::int32_t b, double base, int to, int from, S beta) const {
        const double* field = net.betas.field(b, v.n_orb);
        return base + coulomb[to] - coulomb[from] + field[to] - field[from] -
               v.anti[std::int64_t{to} * v.n_orb + from] + penalty(beta);
    }
    double base_energy(std::int32_t b) const {
        return alpha_energy + net.betas.energies[b] + coulomb_of(net.betas.strings[b]);
    }

    // The target is in the space: its own determinants are marked, then their beta excitations are added.
    void same(std::int32_t a) {
        const std::int64_t begin = net.by_alpha.begin(a), end = net.by_alpha.end(a);
        for (std::int64_t at = begin; at < end; ++at) {
            const S beta = net.betas.strings[net.beta[src.members[at]]];
            if (is_wanted(beta) && has(code_of(beta))) amplitudes.add(beta, 0.0, [] { return inside; });
        }
        for (std::int64_t at = begin; at < end; ++at) {
            const std::int32_t i = src.members[at], b = net.beta[i];
            const double c = pass.c[i];
            if (c == 0 || amplitudes.full()) break;
            beta_singles(b, c);
            beta_doubles(b, c);
        }
    }
    void beta_singles(std::int32_t b, double c) {
        const S string = net.betas.strings[b], parities = net.betas.parities[b];
        const double base = base_energy(b);
        const std::uint32_t code = code_of(string);
        for (S rest = string; !rest.empty();) {
            const int q = rest.take_lowest();
            for (int r = 0; r < v.n_orb; ++r) {
                const std::int64_t pair = Tables::pair(r, q);
                const S beta = string.flipped(q).flipped(r);
                if (string.test(r) || !is_wanted(beta) || !has(code ^ code_of(q) ^ code_of(r)) ||
                    v.single_bound[pair] <= v.options.screen || v.single_bound[pair] * std::abs(c) < pass.threshold)
                    continue;
                double element = own_single(v, string.flipped(q), r, q) + coulomb_single(v.row(pair), target);
                if (is_odd(parities, r, q)) element = -element;
                add(beta, c * element, [&] { return single_energy(b, base, r, q, beta); });
            }
        }
    }
    void beta_doubles(std::int32_t b, double c) {
        const S string = net.betas.strings[b], parities = net.betas.parities[b];
        const double *field = net.betas.field(b, v.n_orb), base = base_energy(b);
        const double limit = pass.threshold / std::abs(c);
        const std::uint32_t code = code_of(string);
        for (S rest = string; !rest.empty();) {
            const int q1 = rest.take_lowest();
            for (S more = rest; !more.empty();) {
                const int q2 = more.take_lowest();
                const std::int64_t from = Tables::pair(q1, q2);
                const std::uint32_t without = code ^ code_of(q1) ^ code_of(q2);
                const S emptied = string.flipped(q1).flipped(q2);
                const int n = choose(v.same_spin, from, limit, [&](const Strength& x) {
                    return !string.test(x.first) & !string.test(x.second) &
                           is_wanted(emptied.flipped(x.first).flipped(x.second)) &
                           has(without ^ code_of(x.first) ^ code_of(x.second));
                });
                for (int k = 0; k < n; ++k) {
                    const int r1 = chosen[k].first, r2 = chosen[k].second;
                    const double element = v.double_element(r1, q1, r2, q2);
                    const S beta = emptied.flipped(r1).flipped(r2);
                    add(beta, signed_by(is_odd(parities, r1, q1, r2, q2), c * element), [&] {
                        const auto anti = [&](int x, int y) { return v.anti[std::int64_t{x} * v.n_orb + y]; };
                        return base + coulomb[r1] + coulomb[r2] - coulomb[q1] - coulomb[q2] + field[r1] +
                               field[r2] - field[q1] - field[q2] + anti(r1, r2) + anti(q1, q2) - anti(r1, q1) -
                               anti(r1, q2) - anti(r2, q1) - anti(r2, q2) + penalty(beta);
                    });
                }
            }
        }
    }

    // One alpha electron moved: alone, and with one beta electron.
    void single(const Route<S>& route) {
        const std::int32_t a = route.source;
        const int to = route.to, from = route.from;
        const std::int64_t pair = Tables::pair(to, from);
        const double* row = v.row(pair);
        const double sign = is_odd(net.alphas.parities[a], to, from) ? -1 : 1;
        const double own = own_single(v, net.alphas.strings[a].flipped(from), to, from);
        const double lambda = v.options.spin_penalty;
        for (std::int64_t at = net.by_alpha.begin(a); at < net.by_alpha.end(a); ++at) {
            const std::int32_t i = src.members[at], b = net.beta[i];
            const double c = sign * pass.c[i];
            if (v.alpha_bound[pair] * std::abs(c) < pass.threshold || c == 0 || amplitudes.full()) break;
            const S string = net.betas.strings[b], parities = net.betas.parities[b];
            const double base = base_energy(b);
            const std::uint32_t code = code_of(string);
            if (is_wanted(string) && has(code))
                add(string, c * (own + coulomb_single(row, string)), [&] { return base + penalty(string); });
            const int n = choose(v.opposite_spin, pair, pass.threshold / std::abs(c), [&](const Strength& x) {
                return (string.test(x.first) ^ string.test(x.second)) &
                       is_wanted(string.flipped(x.first).flipped(x.second)) &
                       has(code ^ code_of(x.first) ^ code_of(x.second));
            });
            for (int k = 0; k < n; ++k) {
                const int either = chosen[k].first ^ chosen[k].second;
                const int r = string.test(chosen[k].first) ? chosen[k].second : chosen[k].first, s = either ^ r;
                double element = row[Tables::pair(r, s)];
                if (lambda != 0 && r == from && s == to) element -= lambda;
                const S beta = string.flipped(r).flipped(s);
                add(beta, signed_by(is_odd(parities, r, s), c * element),
                    [&] { return single_energy(b, base, r, s, beta); });
            }
        }
    }

    void twice(const Route<S>& route) {
        const std::int32_t a = route.source;
        for (std::int64_t at = net.by_alpha.begin(a); at < net.by_alpha.end(a); ++at) {
            const std::int32_t i = src.members[at], b = net.beta[i];
            const double term = pass.c[i] * route.element;
            if (std::abs(term) < pass.threshold) break;
            const S beta = net.betas.strings[b];
            if (is_wanted(beta) && has(code_of(beta))) add(beta, term, [&] { return base_energy(b) + penalty(beta); });
        }
    }
};

}  // namespace kakehashi::KAKEHASHI_ISA
