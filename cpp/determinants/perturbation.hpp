// Epstein-Nesbet perturbation theory over the determinants outside the space, and the choice of the best of them.
//
// Work goes by the alpha string of the outside determinants. All that reach one alpha string are summed in a small
// hash table keyed by the beta string, which stays in the cache, so that the whole set of outside determinants is never
// held at once, none is met twice, and the sum over any share of the alpha strings is exact. A memory budget bounds the
// routes to alpha strings that are held at once (routes.hpp) and the table: an alpha string with more beta strings than
// it has room for is worked on in shares of these. Either way every determinant has its amplitude from the same terms
// in the same order.
//
// Outside a mirrored space (network.hpp) a state that is even or odd under exchange of the spins gives mirror images the
// same energy. One of the two can then be looked at.
#pragma once

#include <omp.h>

#include <bit>
#include <cmath>

#include "amplitudes.hpp"
#include "contributions.hpp"
#include "failure.hpp"
#include "partials.hpp"
#include "routes.hpp"

namespace kakehashi::KAKEHASHI_ISA {

template <class S>
class Perturber {
public:
    Perturber(const Network<S>& network, const PerturbationPass& the_pass)
        : net(network),
          v(network.v),
          pass(the_pass),
          threads(network.v.options.n_threads),
          plain(the_pass.coarse_threshold <= the_pass.threshold && the_pass.criterion == Criterion::perturbation) {}

    PerturbationSums run() {
        Sources<S> sources{net, pass};
        sources.sort();
        Routes<S> routes(sources);
        routes.count();
        const Layout layout = lay_out(routes, sources.bytes());
        if (layout.n_bytes_needed != 0) {
            PerturbationSums none;
            none.n_bytes_needed = layout.n_bytes_needed;
            return none;
        }
        std::vector<Tally> tallies = make_tallies();
        std::vector<std::unique_ptr<Worker<S>>> workers(threads);
        for (auto& worker : workers) worker = std::make_unique<Worker<S>>(free_mark(), layout.n_slots, v.n_orb);
        Failure failure;
        routes.each_range(layout.routes_bytes, [&] {
#pragma omp parallel num_threads(threads)
            {
                Worker<S>& worker = *workers[omp_get_thread_num()];
                Tally& tally = tallies[omp_get_thread_num()];
#pragma omp for schedule(dynamic, 1) nowait
                for (Word bucket = 0; bucket < routes.size(); ++bucket) {
                    failure.guard([&] {
                        visit_bucket(sources, routes.begin(bucket), routes.end(bucket), worker, tally);
                    });
                }
            }
        });
        failure.rethrow();
        PerturbationSums total = deliver(tallies);
        for (const auto& worker : workers) total.n_contributions += worker->n_contributions;
        return total;
    }

    // Finishes what passes over all shares of the space have left in `parts`.
    PerturbationSums finish(Partials<S>& parts) const {
        std::vector<Tally> tallies = make_tallies();
        Failure failure;
#pragma omp parallel num_threads(threads)
        {
            Tally& tally = tallies[omp_get_thread_num()];
#pragma omp for schedule(dynamic, 1) nowait
            for (std::size_t bucket = 0; bucket < Partials<S>::n_buckets; ++bucket) {
                failure.guard([&] {
                    parts.finish(bucket, [&](const auto& whole) {
                        take(whole.alpha, whole.beta, whole.sum, whole, tally, tally.harvest);
                    });
                });
            }
        }
        failure.rethrow();
        return deliver(tallies);
    }

    Partials<S>* partials = nullptr;  // where `run` leaves the sums of a share of the space, to be finished later

private:
    // What one thread has found.
    struct Found {
        Sum energy, coarse_energy;
        std::int64_t n_outside = 0;
    };
    struct alignas(64) Tally : Found {
        Harvest<S> harvest;
    };
    std::vector<Tally> make_tallies() const {
        std::vector<Tally> tallies(threads);
        for (Tally& tally : tallies) {
            tally.harvest.n_keep = static_cast<std::size_t>(pass.n_keep);
            tally.harvest.least = pass.least_importance;
        }
        return tallies;
    }
    PerturbationSums deliver(std::vector<Tally>& tallies) const {
        Tally all = std::move(tallies[0]);
        for (std::size_t i = 1; i < tallies.size(); ++i) {
            all.energy.add(tallies[i].energy);
            all.coarse_energy.add(tallies[i].coarse_energy);
            all.n_outside += tallies[i].n_outside;
            all.harvest.merge(tallies[i].harvest);
        }
        std::vector<typename Harvest<S>::Item>& items = all.harvest.items;
        all.harvest.shrink();
        if (pass.half) {
            const std::size_t n = items.size();
            for (std::size_t i = 0; i < n; ++i) {
                if (!(items[i].alpha == items[i].beta)) items.push_back({items[i].importance, items[i].beta, items[i].alpha});
            }
            all.harvest.shrink();
        }
        std::sort(items.begin(), items.end());
        for (std::size_t i = 0; i < items.size(); ++i) {
            items[i].alpha.write(pass.alpha + 2 * i);
            items[i].beta.write(pass.beta + 2 * i);
            pass.importance[i] = items[i].importance;
        }
        PerturbationSums total;
        total.energy = all.energy.value();
        total.coarse_energy = plain ? total.energy : all.coarse_energy.value();
        total.n_outside = all.n_outside;
        total.n_kept = static_cast<std::int64_t>(items.size());
        return total;
    }

    // How the budget is spent.
    struct Layout {
        std::int64_t n_bytes_needed = 0;  // where it is too small, the least that would do
        std::int64_t routes_bytes = 0;
        Word n_slots = 0;  // of each thread's table
    };
    // Fewer slots would cost too much time, unless they hold all beta strings that there are.
    static constexpr Word least_slots = 1 << 14, most_slots = Word{1} << 26;
    Word enough_slots() const {
        const int n_elec = net.betas.size() > 0 ? net.betas.strings[0].count() : 0;
        double n_strings = 1;
        for (int k = 0; k < n_elec; ++k) n_strings *= double(v.n_orb - k) / (k + 1);
        return n_strings < most_slots / 4 ? std::max<Word>(256, std::bit_ceil(2 * Word(n_strings) + 4)) : most_slots;
    }
    Layout lay_out(const Routes<S>& routes, std::int64_t sources_bytes) const {
        const std::int64_t fixed = sources_bytes + routes.own_bytes() +
                                   threads * (Harvest<S>::bytes(pass.n_keep) + std::int64_t{12} * v.n_pair + 4096);
        const auto tables = [&](Word n_slots) { return threads * Amplitudes<S>::bytes(n_slots); };
        Layout layout;
        const Word enough = enough_slots();
        layout.n_slots = std::min(enough, least_slots);
        const std::int64_t least = fixed + routes.least_bytes() + tables(layout.n_slots);
        if (least > pass.memory_budget_bytes) {
            layout.n_bytes_needed = least;
            return layout;
        }
        const std::int64_t left = pass.memory_budget_bytes - fixed;
        while (layout.n_slots < enough && tables(2 * layout.n_slots) <= left / 2 &&
               tables(2 * layout.n_slots) + routes.least_bytes() <= left)
            layout.n_slots *= 2;
        layout.routes_bytes = std::min(left - tables(layout.n_slots), routes.all_bytes());
        return layout;
    }

    // A string that no beta string of the space or outside it can be: the numbers of electrons differ.
    S free_mark() const { return net.betas.size() > 0 && net.betas.strings[0].empty() ? ~S{} : S{}; }

    void visit_bucket(const Sources<S>& sources, Route<S>* begin, Route<S>* end, Worker<S>& worker,
                      Tally& tally) const {
        if (partials != nullptr && partials->full()) return;
        // A total order: what is added up, and in which order, must not depend on the threads.
        std::sort(begin, end, [](const Route<S>& x, const Route<S>& y) {
            if (!(x.target == y.target)) return x.target < y.target;
            return x.kind != y.kind ? x.kind < y.kind : x.source < y.source;
        });
        for (auto first = begin, last = begin; first != end; first = last) {
            while (last != end && last->target == first->target) ++last;
            visit_target(sources, first, last, worker, tally);
        }
    }

    void visit_target(const Sources<S>& sources, const Route<S>* first, const Route<S>* last, Worker<S>& worker,
                      Tally& tally) const {
        const S target = first->target;
        double* coulomb = worker.coulomb.data();
        std::fill_n(coulomb, v.n_orb, 0.0);
        double energy = 0;
        for (S rest = target; !rest.empty();) {
            const int k = rest.take_lowest();
            const double* j = v.coulomb.data() + std::int64_t{k} * v.n_orb;
            const double* anti = v.anti.data() + std::int64_t{k} * v.n_orb;
            for (int r = 0; r < v.n_orb; ++r) coulomb[r] += j[r];
            energy += v.h(k, k);
            for (S more = rest; !more.empty();) energy += anti[more.take_lowest()];
        }
        if (Contributions<S, false>{sources, target, energy, worker, plain, pass.half}.visit(first, last)) {
            finish_target(target, worker.amplitudes, tally);
        } else {
            visit_in_shares(sources, first, last, energy, worker, tally);
        }
    }
    void visit_in_shares(const Sources<S>& sources, const Route<S>* first, const Route<S>* last, double energy,
                         Worker<S>& worker, Tally& tally) const {
        static const Codes codes;
        const S target = first->target;
        for (BetaShare share;;) {
            if (!Contributions<S, true>{sources, target, energy, worker, plain, pass.half, share, &codes}.visit(first, last)) {
                share.halve();
                continue;
            }
            finish_target(target, worker.amplitudes, tally);
            if (!share.next()) return;
        }
    }

    // Epstein-Nesbet energy. Two levels never shift by more than what couples them, however close they lie, so the
    // formula, which would grow without bound, ends there. Levels that are equal but for rounding, as the mirror image of
    // a determinant with open shells has, lower the state.
    static double shift(double coupling, double gap) {
        constexpr double rounding = 1e-9;
        const double size = std::abs(coupling);
        if (std::abs(gap) >= size && std::abs(gap) > rounding) return coupling * coupling / gap;
        return gap > rounding ? size : -size;
    }

    void finish_target(S target, const Amplitudes<S>& amplitudes, Tally& tally) const {
        if (partials == nullptr) {
            Found found = tally;  // in registers: one sum waits for the other
            amplitudes.each([&](const auto& slot, const auto& extra) {
                take(target, slot.beta, slot.sum, extra, found, tally.harvest);
            });
            static_cast<Found&>(tally) = found;
            return;
        }
        partials->add(omp_get_thread_num(), target, amplitudes.size(), [&](auto&& add) {
            amplitudes.each([&](const auto& slot, const auto& extra) {
                add({target, slot.beta, slot.sum, extra.energy, extra.coarse, extra.largest});
            });
        });
    }
    template <class Extra>
    void take(S alpha, S beta, double sum, const Extra& extra, Found& found, Harvest<S>& harvest) const {
        if (extra.energy == inside) return;
        const double gap = pass.energy - extra.energy;
        const double energy = shift(sum, gap);
        const int n = pass.half && !(alpha == beta) ? 2 : 1;
        found.energy.add(n * energy);
        if (!plain) found.coarse_energy.add(n * shift(extra.coarse, gap));
        found.n_outside += n;
        const double importance = pass.criterion == Criterion::heat_bath ? extra.largest : std::abs(energy);
        // Of two mirror images that one which comes first among equals, so that none is kept in vain.
        if (pass.half) {
            harvest.add(importance, beta, alpha);
        } else {
            harvest.add(importance, alpha, beta);
        }
    }

    const Network<S>& net;
    const Tables& v;
    const PerturbationPass& pass;
    int threads;
    bool plain;  // one sum alone
};

}  // namespace kakehashi::KAKEHASHI_ISA
