// What a pass over the outside determinants keeps: the amplitudes that share one alpha string, and the best determinants
// so far.
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
    // The table has at most `most_slots`, a power of two from 256 up.
    Amplitudes(S free, Word most_slots) : free_(free), most_slots_(most_slots) {}
    // Memory of a table of so many slots, while it grows to them from a quarter.
    static std::int64_t bytes(Word n_slots) {
        const auto n = static_cast<std::int64_t>(n_slots);
        constexpr std::int64_t slot = sizeof(Slot) + sizeof(std::uint32_t), extra = sizeof(Extra);
        return n * slot + (n / 2 + 2) * extra + n / 4 * slot + (n / 8 + 2) * (extra + std::int64_t{sizeof(Slot)});
    }
    void clear() {
        for (const Extra& extra : extras_) slots_[extra.slot].beta = free_;
        extras_.clear();
        full_ = false;
        resize(256);
    }
    std::size_t size() const { return extras_.size(); }
    // Whether a determinant had to be left out: the sums are of no use then.
    bool full() const { return full_; }
    // Adds to a beta string's amplitude; a new one gets the energy that the function returns.
    template <class Energy>
    void add(S beta, double term, Energy&& energy) {
        if (Slot* slot = find(beta, energy)) slot->sum += term;
    }
    // The same with the sums that not every pass needs.
    template <class Energy>
    void add(S beta, double term, double coarse, Energy&& energy) {
        Slot* slot = find(beta, energy);
        if (slot == nullptr) return;
        slot->sum += term;
        Extra& extra = extras_[places_[slot - slots_.data()]];
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
    Slot* find(S beta, Energy&& energy) {
        for (Word i = beta.hash() >> shift_;; i = (i + 1) & mask_) {
            Slot& slot = slots_[i];
            if (slot.beta == beta) return &slot;
            if (slot.beta == free_) {
                if (2 * extras_.size() > mask_) return grow() ? find(beta, energy) : nullptr;
                slot = {beta, 0};
                places_[i] = static_cast<std::uint32_t>(extras_.size());
                extras_.push_back({static_cast<std::uint32_t>(i), energy(), 0, 0});
                return &slot;
            }
        }
    }
    void resize(Word n) {
        if (slots_.size() < n) {
            slots_.resize(n, Slot{free_, 0});
            places_.resize(n);
            extras_.reserve(n / 2 + 2);
        }
        mask_ = n - 1;
        shift_ = 64 - std::bit_width(mask_);
    }
    bool grow() {
        if (mask_ + 1 >= most_slots_) {
            full_ = true;
            return false;
        }
        std::vector<Slot> kept;
        kept.reserve(extras_.size());
        for (const Extra& extra : extras_) {
            kept.push_back(slots_[extra.slot]);
            slots_[extra.slot].beta = free_;
        }
        resize(std::min(4 * (mask_ + 1), most_slots_));
        for (std::size_t k = 0; k < kept.size(); ++k) {
            Word i = kept[k].beta.hash() >> shift_;
            while (!(slots_[i].beta == free_)) i = (i + 1) & mask_;
            slots_[i] = kept[k];
            places_[i] = static_cast<std::uint32_t>(k);
            extras_[k].slot = static_cast<std::uint32_t>(i);
        }
        return true;
    }
    S free_;
    Word most_slots_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> places_;  // of each slot among the extras
    std::vector<Extra> extras_;
    Word mask_ = 0;
    int shift_ = 0;
    bool full_ = false;
};

// A sum that does not depend, but for its last bit once in a million sums, on the order in which its terms come: what
// rounding loses is summed by itself (T. J. Dekker, Numer. Math. 18, 224 (1971), doi:10.1007/BF01397083).
class Sum {
public:
    void add(double x) {
        const double sum = high_ + x, added = sum - high_;
        low_ += (high_ - (sum - added)) + (x - added);
        high_ = sum;
    }
    void add(const Sum& other) {
        add(other.high_);
        low_ += other.low_;
    }
    double value() const { return high_ + low_; }

private:
    double high_ = 0, low_ = 0;
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

    // Most that the items take, while their room grows.
    static std::int64_t bytes(std::int64_t n_keep) {
        return n_keep == 0 ? 0 : 2 * (2 * n_keep + 1024) * std::int64_t{sizeof(Item)};
    }
    void add(double importance, S alpha, S beta) {
        importance = static_cast<float>(importance);  // sums in another order shall choose the same
        if (n_keep == 0 || importance < least || importance <= 0) return;
        if (items.size() == items.capacity())
            items.reserve(std::clamp<std::size_t>(2 * items.size(), 256, 2 * n_keep + 1024));
        items.push_back({importance, alpha, beta});
        if (items.size() >= 2 * n_keep + 1024) shrink();
    }
    // Takes in what another one has found, and leaves it empty.
    void merge(Harvest& other) {
        shrink();
        other.shrink();
        items.insert(items.end(), other.items.begin(), other.items.end());
        std::vector<Item>().swap(other.items);
        shrink();
    }
    void shrink() {
        if (items.size() <= n_keep) return;
        std::nth_element(items.begin(), items.begin() + n_keep, items.end());
        items.resize(n_keep);
        least = std::max(least, std::max_element(items.begin(), items.end())->importance);
    }
};

}  // namespace kakehashi::KAKEHASHI_ISA
