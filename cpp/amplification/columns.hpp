// From 64 rows of bits to elements of GF(2^64) and back: a matrix of 64 x 64 bits is applied to every column.
//
// Eight words of each row at a time. A sum of rows is formed from the sums of groups of four, which all 64 results share;
// which rows is the matrix's to say and does not depend on the bits.
#pragma once

#include "lanes.hpp"
#include "tables.hpp"

namespace kakehashi::KAKEHASHI_ISA {

struct Rows {
    static constexpr int words = 8, pieces = words / Lanes::count;
    alignas(64) Word at[64][words];
};

inline void apply(const Matrix64& matrix, const Rows& in, Rows& out) {
    constexpr int group = 4, sums = 1 << group, pieces = Rows::pieces, count = Lanes::count;
    for (int g = 0; g < 64; g += group) {
        alignas(64) Word sum[sums][Rows::words] = {};
        for (int x = 1; x < sums; ++x) {
            const int last = __builtin_ctz(static_cast<unsigned>(x));
            for (int p = 0; p < pieces; ++p) {
                const Lanes row = Lanes::load(in.at[g + last] + p * count);
                (Lanes::load(sum[x & (x - 1)] + p * count) ^ row).store(sum[x] + p * count);
            }
        }
        for (int i = 0; i < 64; ++i) {
            const Word* const from = sum[matrix[i] >> g & (sums - 1)];
            for (int p = 0; p < pieces; ++p) {
                const Lanes x = Lanes::load(from + p * count);
                (g == 0 ? x : x ^ Lanes::load(out.at[i] + p * count)).store(out.at[i] + p * count);
            }
        }
    }
}

// Exchange bit j of word i with bit i of word j, in each of the columns of words.
template <int distance>
inline void exchange_bits(Rows& r) {
    constexpr Word mask = ~Word{0} / ((Word{1} << distance) + 1);  // runs of `distance` ones and zeros
    const Lanes masked = Lanes::broadcast(mask);
    for (int i = 0; i < 64; ++i) {
        if (i & distance) continue;
        for (int p = 0; p < Rows::words; p += Lanes::count) {
            const Lanes x = Lanes::load(r.at[i] + p), y = Lanes::load(r.at[i + distance] + p);
            const Lanes swap = ((x >> distance) ^ y) & masked;
            (x ^ (swap << distance)).store(r.at[i] + p);
            (y ^ swap).store(r.at[i + distance] + p);
        }
    }
}

inline void transpose_bits(Rows& r) {
    exchange_bits<32>(r);
    exchange_bits<16>(r);
    exchange_bits<8>(r);
    exchange_bits<4>(r);
    exchange_bits<2>(r);
    exchange_bits<1>(r);
}

// Word t of row j is element 64 t + j: to and from the order of elements.
template <bool to_elements>
inline void move_elements(Rows& r, Word* elements, int n_words) {
    constexpr int count = Lanes::count;
    for (int j = 0; j < 64; j += count) {
        for (int t = 0; t < n_words; t += count) {
            Lanes tile[count];
            for (int i = 0; i < count; ++i) {
                if constexpr (to_elements) tile[i] = Lanes::load(r.at[j + i] + t);
                else tile[i] = t + i < n_words ? Lanes::load(elements + 64 * (t + i) + j) : Lanes::broadcast(0);
            }
            Lanes::transpose(tile);
            for (int i = 0; i < count; ++i) {
                if constexpr (!to_elements) tile[i].store(r.at[j + i] + t);
                else if (t + i < n_words) tile[i].store(elements + 64 * (t + i) + j);
            }
        }
    }
}

// 64 rows of `n` words each to 64 n elements.
inline void encode(const Matrix64& matrix, const Word* rows, Word* elements, std::int64_t n, int n_threads) {
#pragma omp parallel for num_threads(n_threads) schedule(static)
    for (std::int64_t first = 0; first < n; first += Rows::words) {
        const int n_words = static_cast<int>(n - first < Rows::words ? n - first : Rows::words);
        Rows in{}, out;
        for (int b = 0; b < 64; ++b) std::memcpy(in.at[b], rows + b * n + first, sizeof(Word) * n_words);
        apply(matrix, in, out);
        transpose_bits(out);
        move_elements<true>(out, elements + 64 * first, n_words);
    }
}

// The way back, with another matrix.
inline void decode(const Matrix64& matrix, const Word* elements, Word* rows, std::int64_t n, int n_threads) {
#pragma omp parallel for num_threads(n_threads) schedule(static)
    for (std::int64_t first = 0; first < n; first += Rows::words) {
        const int n_words = static_cast<int>(n - first < Rows::words ? n - first : Rows::words);
        Rows in{}, out;
        move_elements<false>(in, const_cast<Word*>(elements) + 64 * first, n_words);
        transpose_bits(in);
        apply(matrix, in, out);
        for (int b = 0; b < 64; ++b) std::memcpy(rows + b * n + first, out.at[b], sizeof(Word) * n_words);
    }
}

}  // namespace kakehashi::KAKEHASHI_ISA
