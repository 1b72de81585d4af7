// The levels of the additive transform on elements of GF(2^64), d of them on 2^d elements.
//
// Level i pairs element j of the lower half of a block of 2^(i+1) with that of the upper half; block b of level i has the
// constant s_i of its first point, which is v_{32+d-i} plus the span of the bits of 2b. The values are those of the
// polynomial at the points v_{32+d} + span(v_0 .. v_{d-1}), in an order of our own within tiles: products are taken point
// by point, and no order is asked for.
#pragma once

#include <algorithm>

#include "basis.hpp"
#include "lanes.hpp"
#include "tables.hpp"

namespace kakehashi::KAKEHASHI_ISA {

template <Mode mode>
inline void turn(Lanes& x, Lanes& y, Lanes constant) {
    if constexpr (mode == Mode::forward) {
        x = x ^ y * constant;
        y = y ^ x;
    } else if constexpr (mode == Mode::dual) {
        y = y ^ x * constant;
        x = x ^ y;
    } else {
        x = x ^ y;
        y = y ^ x * constant;
    }
}

template <Mode mode>
class Levels {
public:
    // d is at least twice the logarithm of the lanes.
    Levels(const AdditiveTables& tables, int d) : tables_(tables), d_(d) {}

    // All levels of 2^d elements.
    void run(Word* z, int n_threads) const {
        // One level first where their number is odd, then two at a time; the large blocks by all threads together.
        int size = d_;
        const bool is_odd = (d_ - log2_tile) % 2;
        if (is_odd) --size;
        const int first = size;
        while (size > log2_part) size -= 2;
        const auto single = [&] {
            if (is_odd) in_pieces(d_ - 1, n_threads, [&](std::int64_t from, std::int64_t to) { one(z, from, to); });
        };
        const auto shared = [&](int s) {
            for (std::int64_t b = 0; b < std::int64_t{1} << (d_ - s); ++b) {
                in_pieces(s - 2, n_threads, [&](std::int64_t from, std::int64_t to) {
                    two(z + (b << s), s, b, from, to);
                });
            }
        };
        const auto parts = [&] {
#pragma omp parallel for num_threads(n_threads) schedule(static)
            for (std::int64_t b = 0; b < std::int64_t{1} << (d_ - size); ++b) part(z + (b << size), size, b);
        };
        if constexpr (mode == Mode::back) {
            parts();
            for (int s = size + 2; s <= first; s += 2) shared(s);
            single();
        } else {
            single();
            for (int s = first; s > size; s -= 2) shared(s);
            parts();
        }
    }

private:
    static constexpr int count = Lanes::count, bits = Lanes::bits, log2_tile = 2 * bits;
    static constexpr int log2_part = 14;  // elements that stay in a core's cache

    Word constant(int level, std::int64_t block) const {
        return tables_.basis[static_cast<std::size_t>(32 + d_ - level)] ^
               tables_.span(2 * static_cast<std::uint64_t>(block));
    }

    template <class Work>
    static void in_pieces(int log2_n, int n_threads, Work work) {
        const std::int64_t n = std::int64_t{1} << log2_n, piece = std::max<std::int64_t>(count, 1 << 12);
#pragma omp parallel for num_threads(n_threads) schedule(static) if (n > piece)
        for (std::int64_t from = 0; from < n; from += piece) work(from, std::min(from + piece, n));
    }

    // The level of all 2^d elements.
    void one(Word* z, std::int64_t from, std::int64_t to) const {
        Word* const upper = z + (std::int64_t{1} << (d_ - 1));
        const Lanes c = Lanes::broadcast(constant(d_ - 1, 0));
        for (std::int64_t j = from; j < to; j += count) {
            Lanes x = Lanes::load(z + j), y = Lanes::load(upper + j);
            turn<mode>(x, y, c);
            x.store(z + j);
            y.store(upper + j);
        }
    }

    // Two levels of block b of 2^size elements, from one element of its quarters to another.
    void two(Word* z, int size, std::int64_t b, std::int64_t from, std::int64_t to) const {
        const std::int64_t quarter = std::int64_t{1} << (size - 2);
        const Word below = constant(size - 2, 2 * b);
        const Lanes c = Lanes::broadcast(constant(size - 1, b));
        const Lanes left = Lanes::broadcast(below), right = Lanes::broadcast(below ^ tables_.basis[1]);
        for (std::int64_t j = from; j < to; j += count) {
            Lanes x[4];
            for (int i = 0; i < 4; ++i) x[i] = Lanes::load(z + i * quarter + j);
            in_order<mode>(
                [&] {
                    turn<mode>(x[0], x[2], c);
                    turn<mode>(x[1], x[3], c);
                },
                [&] {
                    turn<mode>(x[0], x[1], left);
                    turn<mode>(x[2], x[3], right);
                });
            for (int i = 0; i < 4; ++i) x[i].store(z + i * quarter + j);
        }
    }

    // All levels within block b of 2^size elements.
    void part(Word* z, int size, std::int64_t b) const {
        if (size <= log2_tile + 2) {
            in_order<mode>(
                [&] {
                    if (size > log2_tile) two(z, size, b, 0, std::int64_t{1} << (size - 2));
                },
                [&] {
                    const int n = 1 << (size - log2_tile);
                    for (int k = 0; k < n; ++k) tile(z + (k << log2_tile), b * n + k);
                });
            return;
        }
        in_order<mode>([&] { two(z, size, b, 0, std::int64_t{1} << (size - 2)); },
                       [&] {
                           for (int k = 0; k < 4; ++k) part(z + (std::int64_t{k} << (size - 2)), size - 2, 4 * b + k);
                       });
    }

    // The innermost levels: half of them among vectors, the other half after an exchange of rows and columns.
    void tile(Word* z, std::int64_t b) const {
        if constexpr (bits > 0) {
            Lanes x[count];
            for (int j = 0; j < count; ++j) x[j] = Lanes::load(z + j * count);
            in_order<mode>(
                [&] {
                    levels(x, [&](int i, int block) {
                        const int level = i + bits;
                        return Lanes::broadcast(constant(level, (b << (log2_tile - 1 - level)) + block));
                    });
                },
                [&] {
                    in_order<mode>([&] { Lanes::transpose(x); },
                                   [&] {
                                       levels(x, [&](int i, int block) {
                                           const Word base = constant(i, (b << (log2_tile - 1 - i)) + block);
                                           return Lanes::broadcast(base) ^ lane_constants(i);
                                       });
                                   });
                });
            for (int j = 0; j < count; ++j) x[j].store(z + j * count);
        }
    }

    // Lane l holds elements l * count onwards of the tile.
    Lanes lane_constants(int level) const {
        Word each[count];
        for (int l = 0; l < count; ++l) each[l] = tables_.span(static_cast<std::uint64_t>(l) << (bits - level));
        return Lanes::load(each);
    }

    template <class Constant>
    static void levels(Lanes* x, Constant constant_of) {
        for (int k = 0; k < bits; ++k) {
            const int i = mode == Mode::back ? k : bits - 1 - k, half = 1 << i;
            for (int block = 0; block < count >> (i + 1); ++block) {
                const Lanes c = constant_of(i, block);
                for (int j = 0; j < half; ++j) turn<mode>(x[2 * block * half + j], x[(2 * block + 1) * half + j], c);
            }
        }
    }

    const AdditiveTables& tables_;
    int d_;
};

}  // namespace kakehashi::KAKEHASHI_ISA
