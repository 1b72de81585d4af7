// What a pass over the outside determinants keeps: the amplitudes that share one alpha string, the ways that lead there,
// and the best determinants so far.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "words.hpp"

namespace kakehashi::KAKEHASHI_ISA {

constexpr double inside = std::numeric_limits<double>::infinity();  // "energy" of determinants of the space

// Amplitudes of the outside determinants that share one alpha string: a hash table over their beta strings that is as
// small as they allow, so that it stays in the nearest cache. A string with another number of electrons than all that
// come marks a free slot.
template <class S>
class Amplitudes {
public:
    struct Slot {
        S beta;
        double sum;
    };
    struct Extra {  // in the order in which the determinants came
        std::uint32_t slot;
        double energy, coarse, largest;
    };
    explicit Amplitudes(S free) : free_(free) {}
    void clear() {
        for (const Extra& extra : extras_) slots_[extra.slot].beta = free_;
        extras_.clear();
        resize(256);
    }
    // Adds to a beta string's amplitude; a new one gets the energy that the function returns.
    template <class Energy>
    void add(S beta, double term, Energy&& energy) {
        find(beta, energy).sum += term;
    }
    // The same with the sums that not every pass needs.
    template <class Energy>
    void add(S beta, double term, double coarse, Energy&& energy) {
        Slot& slot = find(beta, energy);
        slot.sum += term;
        Extra& extra = extras_[places_[&slot - slots_.data()]];
        const double size = std::abs(term);
        if (size >= coarse) extra.coarse += term;
        extra.largest = std::max(extra.largest, size);
    }
    template <class Call>
    void each(Call&& call) const {
        for (const Extra& extra : extras_) call(slots_[extra.slot], extra);
    }

private:
    template <class Energy>
    Slot& find(S beta, Energy&& energy) {
        for (Word i = beta.hash() >> shift_;; i = (i + 1) & mask_) {
            Slot& slot = slots_[i];
            if (slot.beta == beta) return slot;
            if (slot.beta == free_) {
                if (2 * extras_.size() > mask_) {
                    grow();
                    return find(beta, energy);
                }
                slot = {beta, 0};
                places_[i] = static_cast<std::uint32_t>(extras_.size());
                extras_.push_back({static_cast<std::uint32_t>(i), energy(), 0, 0});
                return slot;
            }
        }
    }
    void resize(Word n) {
        if (slots_.size() < n) {
            slots_.resize(n, Slot{free_, 0});
            places_.resize(n);
        }
        mask_ = n - 1;
        shift_ = 64 - std::bit_width(mask_);
    }
    void grow() {
        std::vector<Slot> kept;
        kept.reserve(extras_.size());
        for (const Extra& extra : extras_) {
            kept.push_back(slots_[extra.slot]);
            slots_[extra.slot].beta = free_;
        }
        resize(4 * (mask_ + 1));
        for (std::size_t k = 0; k < kept.size(); ++k) {
            Word i = kept[k].beta.hash() >> shift_;
            while (!(slots_[i].beta == free_)) i = (i + 1) & mask_;
            slots_[i] = kept[k];
            places_[i] = static_cast<std::uint32_t>(k);
            extras_[k].slot = static_cast<std::uint32_t>(i);
        }
    }
    S free_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> places_;  // of each slot among the extras
    std::vector<Extra> extras_;
    Word mask_ = 0;
    int shift_ = 0;
};

// How an alpha string of the space reaches the alpha string of outside determinants.
template <class S>
struct Route {
    S target;
    std::int32_t source;
    std::int16_t to, from;   // of a single excitation
    double element;          // of a double excitation, sign included
    enum Kind : std::int8_t { same = 0, single = 1, twice = 2 } kind;
};

// The best outside determinants met so far.
template <class S>
struct Harvest {
    struct Item {
        double importance;
        S alpha, beta;
        friend bool operator<(const Item& x, const Item& y) {  // the better first; ties by string
            if (x.importance != y.importance) return x.importance > y.importance;
            return x.alpha == y.alpha ? x.beta < y.beta : x.alpha < y.alpha;
        }
    };
    std::size_t n_keep = 0;
    double least = 0;
    std::vector<Item> items;

    void add(double importance, S alpha, S beta) {
        importance = static_cast<float>(importance);  // sums in another order shall choose the same
        if (n_keep == 0 || importance < least || importance <= 0) return;
        items.push_back({importance, alpha, beta});
        if (items.size() >= 2 * n_keep + 1024) shrink();
    }
    void shrink() {
        if (items.size() <= n_keep) return;
        std::nth_element(items.begin(), items.begin() + n_keep, items.end());
        items.resize(n_keep);
        least = std::max(least, std::max_element(items.begin(), items.end())->importance);
    }
};

}  // namespace kakehashi::KAKEHASHI_ISA
