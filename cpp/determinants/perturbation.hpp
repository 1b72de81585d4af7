// Epstein-Nesbet perturbation theory over the determinants outside the space, and the choice of the best of them.
//
// Work goes by the alpha string of the outside determinants. All that reach one alpha string are summed in a small
// hash table keyed by the beta string, which stays in the cache, so that the whole set of outside determinants is never
// held at once, none is met twice, and the sum over any share of the alpha strings is exact.
#pragma once

#include <omp.h>

#include <cmath>

#include "amplitudes.hpp"
#include "elements.hpp"
#include "failure.hpp"
#include "partials.hpp"

namespace kakehashi::KAKEHASHI_ISA {

template <class S>
class Perturber {
public:
    Perturber(const Network<S>& network, const PerturbationPass& the_pass)
        : net(network),
          v(network.v),
          pass(the_pass),
          threads(network.v.options.n_threads),
          plain(the_pass.coarse_threshold <= the_pass.threshold && the_pass.criterion == Criterion::perturbation) {
        sort_groups();
    }

    PerturbationSums run() {
        find_routes();
        std::vector<Harvest<S>> harvests(threads);
        PerturbationSums total;
        Failure failure;
#pragma omp parallel num_threads(threads)
        {
            Harvest<S>& harvest = harvests[omp_get_thread_num()];
            harvest.n_keep = static_cast<std::size_t>(pass.n_keep);
            harvest.least = pass.least_importance;
            Amplitudes<S> amplitudes(free_mark());
            std::vector<double> coulomb;
            std::vector<Strength> chosen;
            PerturbationSums own;
            failure.guard([&] { coulomb.resize(v.n_orb); });
#pragma omp for schedule(dynamic, 1) nowait
            for (Word bucket = 0; bucket < n_buckets; ++bucket) {
                failure.guard([&] { visit_bucket(bucket, amplitudes, coulomb, chosen, harvest, own); });
            }
#pragma omp critical
            {
                total.energy += own.energy;
                total.coarse_energy += own.coarse_energy;
                total.n_outside += own.n_outside;
                total.n_contributions += own.n_contributions;
            }
        }
        failure.rethrow();
        deliver(harvests, total);
        return total;
    }

    // Finishes what passes over all shares of the space have left in `parts`.
    PerturbationSums finish(Partials<S>& parts) const {
        std::vector<Harvest<S>> harvests(threads);
        PerturbationSums total;
        Failure failure;
#pragma omp parallel num_threads(threads)
        {
            Harvest<S>& harvest = harvests[omp_get_thread_num()];
            harvest.n_keep = static_cast<std::size_t>(pass.n_keep);
            harvest.least = pass.least_importance;
            PerturbationSums own;
#pragma omp for schedule(dynamic, 1) nowait
            for (std::size_t bucket = 0; bucket < Partials<S>::n_buckets; ++bucket) {
                failure.guard([&] {
                    parts.finish(bucket, [&](const auto& whole) {
                        take(whole.alpha, whole.beta, whole.sum, whole, harvest, own);
                    });
                });
            }
#pragma omp critical
            {
                total.energy += own.energy;
                total.coarse_energy += own.coarse_energy;
                total.n_outside += own.n_outside;
            }
        }
        failure.rethrow();
        deliver(harvests, total);
        return total;
    }

    Partials<S>* partials = nullptr;  // where `run` leaves the sums of a share of the space, to be finished later

private:
    void deliver(const std::vector<Harvest<S>>& harvests, PerturbationSums& total) const {
        Harvest<S> all;
        all.n_keep = static_cast<std::size_t>(pass.n_keep);
        for (const Harvest<S>& harvest : harvests)
            all.items.insert(all.items.end(), harvest.items.begin(), harvest.items.end());
        all.shrink();
        std::sort(all.items.begin(), all.items.end());
        for (std::size_t i = 0; i < all.items.size(); ++i) {
            all.items[i].alpha.write(pass.alpha + 2 * i);
            all.items[i].beta.write(pass.beta + 2 * i);
            pass.importance[i] = all.items[i].importance;
        }
        total.n_kept = static_cast<std::int64_t>(all.items.size());
    }

    // Members of each alpha string by descending |c|.
    void sort_groups() {
        members = net.by_alpha.members;
        largest.resize(net.alphas.size());
#pragma omp parallel for num_threads(threads) schedule(dynamic, 64)
        for (std::int32_t a = 0; a < net.alphas.size(); ++a) {
            const auto begin = members.begin() + net.by_alpha.begin(a), end = members.begin() + net.by_alpha.end(a);
            std::sort(begin, end, [&](std::int32_t i, std::int32_t j) {
                const double x = std::abs(pass.c[i]), y = std::abs(pass.c[j]);
                return x != y ? x > y : i < j;
            });
            largest[a] = std::abs(pass.c[*begin]);
        }
    }

    template <class Call>
    void each_route(std::int32_t a, Call&& call) const {
        const S string = net.alphas.strings[a], parities = net.alphas.parities[a];
        const double c = largest[a];
        const auto offer = [&](const Route<S>& route) {
            const Word hash = mix(route.target.hash());
            if (static_cast<std::int64_t>(hash % Word(pass.n_batches)) == pass.batch)
                call(hash / Word(pass.n_batches) % n_buckets, route);
        };
        offer({string, a, 0, 0, 0, Route<S>::same});
        for (S rest = string; !rest.empty();) {
            const int q = rest.take_lowest();
            for (int p = 0; p < v.n_orb; ++p) {
                if (string.test(p)) continue;
                const float bound = v.alpha_bound[Tables::pair(p, q)];
                if (bound <= v.options.screen || bound * c < pass.threshold) continue;
                offer({string.flipped(p).flipped(q), a, std::int16_t(p), std::int16_t(q), 0, Route<S>::single});
            }
            for (S more = rest; !more.empty();) {
                const int q2 = more.take_lowest();
                const std::int64_t from = Tables::pair(q, q2);
                for (std::int64_t k = v.same_spin.offsets[from]; k < v.same_spin.offsets[from + 1]; ++k) {
                    const Strength& strength = v.same_spin.entries[k];
                    if (strength.size * c < pass.threshold) break;
                    const int p1 = strength.first, p2 = strength.second;
                    if (string.test(p1) || string.test(p2)) continue;
                    const double element = v.double_element(p1, q, p2, q2);
                    const bool odd = is_odd(parities, p1, q, p2, q2);
                    offer({string.flipped(q).flipped(q2).flipped(p1).flipped(p2), a, 0, 0,
                           odd ? -element : element, Route<S>::twice});
                }
            }
        }
    }

    // All routes of this batch, dealt into buckets by target: counted first, then filled in, so that memory is exact.
    void find_routes() {
        const std::int32_t n = net.alphas.size();
        n_buckets = std::clamp<Word>(Word(n), 64, 1 << 16);
        const int n_shares = threads;
        std::vector<std::vector<std::int64_t>> places(n_shares, std::vector<std::int64_t>(n_buckets, 0));
#pragma omp parallel for num_threads(threads) schedule(static, 1)
        for (int share = 0; share < n_shares; ++share) {
            for (std::int32_t a = share; a < n; a += n_shares)
                each_route(a, [&](Word bucket, const Route<S>&) { ++places[share][bucket]; });
        }
        bucket_offsets.assign(n_buckets + 1, 0);
        std::int64_t total = 0;
        for (Word bucket = 0; bucket < n_buckets; ++bucket) {
            for (int share = 0; share < n_shares; ++share) {
                const std::int64_t count = places[share][bucket];
                places[share][bucket] = total;
                total += count;
            }
            bucket_offsets[bucket + 1] = total;
        }
        routes.resize(total);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
        for (int share = 0; share < n_shares; ++share) {
            for (std::int32_t a = share; a < n; a += n_shares)
                each_route(a, [&](Word bucket, const Route<S>& route) { routes[places[share][bucket]++] = route; });
        }
    }

    // A string that no beta string of the space or outside it can be: the numbers of electrons differ.
    S free_mark() const { return net.betas.size() > 0 && net.betas.strings[0].empty() ? ~S{} : S{}; }

    void visit_bucket(Word bucket, Amplitudes<S>& amplitudes, std::vector<double>& coulomb,
                      std::vector<Strength>& chosen, Harvest<S>& harvest, PerturbationSums& own) {
        const auto begin = routes.begin() + bucket_offsets[bucket], end = routes.begin() + bucket_offsets[bucket + 1];
        // A total order: what is added up, and in which order, must not depend on the threads.
        std::sort(begin, end, [](const Route<S>& x, const Route<S>& y) {
            if (!(x.target == y.target)) return x.target < y.target;
            return x.kind != y.kind ? x.kind < y.kind : x.source < y.source;
        });
        for (auto first = begin, last = begin; first != end; first = last) {
            while (last != end && last->target == first->target) ++last;
            visit_target(&*first, &*first + (last - first), amplitudes, coulomb, chosen, own);
            finish_target(first->target, amplitudes, harvest, own);
        }
    }

    void visit_target(const Route<S>* first, const Route<S>* last, Amplitudes<S>& amplitudes,
                      std::vector<double>& coulomb, std::vector<Strength>& chosen, PerturbationSums& own) const {
        const S target = first->target;
        amplitudes.clear();
        std::fill(coulomb.begin(), coulomb.end(), 0.0);
        double energy = 0;
        for (S rest = target; !rest.empty();) {
            const int k = rest.take_lowest();
            const double* j = v.coulomb.data() + std::int64_t{k} * v.n_orb;
            const double* anti = v.anti.data() + std::int64_t{k} * v.n_orb;
            for (int r = 0; r < v.n_orb; ++r) coulomb[r] += j[r];
            energy += v.h(k, k);
            for (S more = rest; !more.empty();) energy += anti[more.take_lowest()];
        }
        Work work{*this, target, energy, coulomb.data(), amplitudes, own.n_contributions, chosen};
        for (const Route<S>* route = first; route != last; ++route) {
            switch (route->kind) {
                case Route<S>::same: work.same(route->source); break;
                case Route<S>::single: work.single(*route); break;
                case Route<S>::twice: work.twice(*route); break;
            }
        }
    }

    // Sums what reaches one alpha string.
    struct Work {
        const Perturber& p;
        S target;
        double alpha_energy;
        const double* coulomb;  // of the target's electrons
        Amplitudes<S>& amplitudes;
        std::int64_t& n_contributions;
        std::vector<Strength>& chosen;

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

        double coulomb_of(S beta) const {
            double sum = 0;
            while (!beta.empty()) sum += coulomb[beta.take_lowest()];
            return sum;
        }
        double penalty(S beta) const {
            const double weight = p.v.options.spin_penalty;
            return weight == 0 ? 0.0 : weight * p.net.spin_diagonal(target, beta);
        }
        template <class Energy>
        void add(S beta, double term, Energy&& energy) {
            const double size = std::abs(term);
            if (size < p.pass.threshold || size == 0) return;
            if (p.plain) {
                amplitudes.add(beta, term, energy);
            } else {
                amplitudes.add(beta, term, p.pass.coarse_threshold, energy);
            }
            ++n_contributions;
        }
        // A beta single on determinant (target or linked alpha, b), with its energy from that of b.
        double single_energy(std::int32_t b, double base, int to, int from, S beta) const {
            const double* field = p.net.betas.field(b, p.v.n_orb);
            return base + coulomb[to] - coulomb[from] + field[to] - field[from] -
                   p.v.anti[std::int64_t{to} * p.v.n_orb + from] + penalty(beta);
        }
        double base_energy(std::int32_t b) const {
            return alpha_energy + p.net.betas.energies[b] + coulomb_of(p.net.betas.strings[b]);
        }

        // The target is in the space: its own determinants are marked, then their beta excitations are added.
        void same(std::int32_t a) {
            const std::int64_t begin = p.net.by_alpha.begin(a), end = p.net.by_alpha.end(a);
            for (std::int64_t at = begin; at < end; ++at)
                amplitudes.add(p.net.betas.strings[p.net.beta[p.members[at]]], 0.0, [] { return inside; });
            for (std::int64_t at = begin; at < end; ++at) {
                const std::int32_t i = p.members[at], b = p.net.beta[i];
                const double c = p.pass.c[i];
                if (c == 0) break;
                beta_singles(b, c);
                beta_doubles(b, c);
            }
        }
        void beta_singles(std::int32_t b, double c) {
            const Tables& v = p.v;
            const S string = p.net.betas.strings[b], parities = p.net.betas.parities[b];
            const double base = base_energy(b);
            for (S rest = string; !rest.empty();) {
                const int q = rest.take_lowest();
                for (int r = 0; r < v.n_orb; ++r) {
                    const std::int64_t pair = Tables::pair(r, q);
                    if (string.test(r) || v.single_bound[pair] <= v.options.screen ||
                        v.single_bound[pair] * std::abs(c) < p.pass.threshold)
                        continue;
                    double element = own_single(v, string.flipped(q), r, q) + coulomb_single(v.row(pair), target);
                    if (is_odd(parities, r, q)) element = -element;
                    const S beta = string.flipped(q).flipped(r);
                    add(beta, c * element, [&] { return single_energy(b, base, r, q, beta); });
                }
            }
        }
        void beta_doubles(std::int32_t b, double c) {
            const Tables& v = p.v;
            const S string = p.net.betas.strings[b], parities = p.net.betas.parities[b];
            const double *field = p.net.betas.field(b, v.n_orb), base = base_energy(b);
            const double limit = p.pass.threshold / std::abs(c);
            for (S rest = string; !rest.empty();) {
                const int q1 = rest.take_lowest();
                for (S more = rest; !more.empty();) {
                    const int q2 = more.take_lowest();
                    const std::int64_t from = Tables::pair(q1, q2);
                    const int n = choose(v.same_spin, from, limit, [&](const Strength& x) {
                        return !string.test(x.first) & !string.test(x.second);
                    });
                    for (int k = 0; k < n; ++k) {
                        const int r1 = chosen[k].first, r2 = chosen[k].second;
                        const double element = v.double_element(r1, q1, r2, q2);
                        const S beta = string.flipped(q1).flipped(q2).flipped(r1).flipped(r2);
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
            const Tables& v = p.v;
            const std::int32_t a = route.source;
            const int to = route.to, from = route.from;
            const std::int64_t pair = Tables::pair(to, from);
            const double* row = v.row(pair);
            const double sign = is_odd(p.net.alphas.parities[a], to, from) ? -1 : 1;
            const double own = own_single(v, p.net.alphas.strings[a].flipped(from), to, from);
            const double lambda = v.options.spin_penalty;
            for (std::int64_t at = p.net.by_alpha.begin(a); at < p.net.by_alpha.end(a); ++at) {
                const std::int32_t i = p.members[at], b = p.net.beta[i];
                const double c = sign * p.pass.c[i];
                if (v.alpha_bound[pair] * std::abs(c) < p.pass.threshold || c == 0) break;
                const S string = p.net.betas.strings[b], parities = p.net.betas.parities[b];
                const double base = base_energy(b);
                add(string, c * (own + coulomb_single(row, string)), [&] { return base + penalty(string); });
                const int n = choose(v.opposite_spin, pair, p.pass.threshold / std::abs(c), [&](const Strength& x) {
                    return string.test(x.first) ^ string.test(x.second);
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
            for (std::int64_t at = p.net.by_alpha.begin(a); at < p.net.by_alpha.end(a); ++at) {
                const std::int32_t i = p.members[at], b = p.net.beta[i];
                const double term = p.pass.c[i] * route.element;
                if (std::abs(term) < p.pass.threshold) break;
                const S beta = p.net.betas.strings[b];
                add(beta, term, [&] { return base_energy(b) + penalty(beta); });
            }
        }
    };

    // Epstein-Nesbet energy. Two levels never shift by more than what couples them, however close they lie, so the
    // formula, which would grow without bound, ends there. Levels that are equal but for rounding, as the mirror image of
    // a determinant with open shells has, lower the state.
    static double shift(double coupling, double gap) {
        constexpr double rounding = 1e-9;
        const double size = std::abs(coupling);
        if (std::abs(gap) >= size && std::abs(gap) > rounding) return coupling * coupling / gap;
        return gap > rounding ? size : -size;
    }

    void finish_target(S target, const Amplitudes<S>& amplitudes, Harvest<S>& harvest, PerturbationSums& own) const {
        amplitudes.each([&](const auto& slot, const auto& extra) {
            if (partials != nullptr) {
                partials->add(omp_get_thread_num(),
                              {target, slot.beta, slot.sum, extra.energy, extra.coarse, extra.largest});
            } else {
                take(target, slot.beta, slot.sum, extra, harvest, own);
            }
        });
    }
    template <class Extra>
    void take(S alpha, S beta, double sum, const Extra& extra, Harvest<S>& harvest, PerturbationSums& own) const {
        if (extra.energy == inside) return;
        const double gap = pass.energy - extra.energy;
        const double energy = shift(sum, gap);
        own.energy += energy;
        own.coarse_energy += plain ? energy : shift(extra.coarse, gap);
        ++own.n_outside;
        harvest.add(pass.criterion == Criterion::heat_bath ? extra.largest : std::abs(energy), alpha, beta);
    }

    const Network<S>& net;
    const Tables& v;
    const PerturbationPass& pass;
    int threads;
    bool plain;  // one sum alone
    std::vector<std::int32_t> members;
    std::vector<double> largest;
    Word n_buckets = 64;
    std::vector<std::int64_t> bucket_offsets;
    std::vector<Route<S>> routes;
};

}  // namespace kakehashi::KAKEHASHI_ISA
