// Change of basis, from powers of x to products of the s_i (Lin, Al-Naffouri, Han and Chung, arXiv:1610.09882): a list of
// steps, each of which takes every block of 2^b bits and adds bit j of its upper half to bit j - 2^(b-1) + 2^q.
//
// The steps for 2^k coefficients that are rows of 2^u bits: with i the largest power of two below k, first the quotients
// and remainders by powers of s_i(x) = x^(2^i) + x; then the same for the 2^(k-i) quotients, whose rows have 2^(u+i) bits,
// and for the 2^i coefficients of each.
#pragma once

#include <omp.h>

#include <algorithm>

#include "lanes.hpp"
#include "workspace.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// Which of the three transforms: that of a polynomial, the transposed inverse, the transposed.
enum class Mode { forward, dual, back };

constexpr int log2_block = 23;  // bits that stay in a core's cache
constexpr int log2_row = 8;     // bits of the innermost change of basis

// Split a step into the top 2^q bits, which go to the upper half, and the others, which go to the lower half. The first
// part is first done, or last undone.
template <Mode mode, class First, class Second>
void in_order(First first, Second second) {
    if constexpr (mode == Mode::back) {
        second();
        first();
    } else {
        first();
        second();
    }
}

inline void add(Word* to, const Word* from, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) to[i] ^= from[i];
}

// A step on one block of 2^b bits, b > 7. Parts of at least 2^15 words are shared by threads.
template <Mode mode>
void step(Word* a, int b, int q, int n_threads) {
    const std::int64_t half = std::int64_t{1} << (b - 7);
    Word* const low = a;
    Word* const high = a + half;
    constexpr std::int64_t piece = 1 << 15;
    const auto in_pieces = [&](std::int64_t n, auto work) {
        if (n <= piece || n_threads == 1) return work(std::int64_t{0}, n);
#pragma omp parallel for num_threads(n_threads) schedule(static)
        for (std::int64_t from = 0; from < n; from += piece) work(from, std::min(from + piece, n));
    };
    if (q >= 6) {
        const std::int64_t shift = std::int64_t{1} << (q - 6);
        in_order<mode>(
            [&] {
                if constexpr (mode == Mode::forward) add(high, high + half - shift, shift);
                else add(high + half - shift, high, shift);
            },
            [&] {
                in_pieces(half - shift, [=](std::int64_t from, std::int64_t to) {
                    if constexpr (mode == Mode::forward) add(low + shift + from, high + from, to - from);
                    else add(high + from, low + shift + from, to - from);
                });
            });
        return;
    }
    const int left = 1 << q, right = 64 - left;
    in_order<mode>(
        [&] {
            if constexpr (mode == Mode::forward) high[0] ^= high[half - 1] >> right;
            else high[half - 1] ^= high[0] << right;
        },
        [&] {
            if constexpr (mode == Mode::forward) {
                low[0] ^= high[0] << left;
                in_pieces(half - 1, [=](std::int64_t from, std::int64_t to) {
                    for (std::int64_t i = from + 1; i <= to; ++i) low[i] ^= high[i] << left | high[i - 1] >> right;
                });
            } else {
                in_pieces(half - 1, [=](std::int64_t from, std::int64_t to) {
                    for (std::int64_t i = from; i < to; ++i) high[i] ^= low[i] >> left | low[i + 1] << right;
                });
                high[half - 1] ^= low[half - 1] >> left;
            }
        });
}

constexpr int largest_power_below(int k) {
    int i = 1;
    while (2 * i < k) i *= 2;
    return i;
}

// A step within words: blocks of 2^b bits, b <= 6.
template <Mode mode, int b, int q>
inline void step_within(Lanes& w) {
    constexpr int shift = (1 << (b - 1)) - (1 << q);
    constexpr auto repeat = [](Word block) {
        for (int n = 1 << b; n < 64; n *= 2) block |= block << n;
        return block;
    };
    constexpr auto ones = [](int n) { return n == 64 ? ~Word{0} : (Word{1} << n) - 1; };
    constexpr Word top = repeat(ones(1 << b) ^ ones((1 << b) - (1 << q)));
    constexpr Word rest = repeat(ones((1 << b) - (1 << q)) ^ ones(1 << (b - 1)));
    const auto move = [&](Word mask) {
        const Lanes masked = Lanes::broadcast(mask);
        if constexpr (mode == Mode::forward) w = w ^ ((w & masked) >> shift);
        else w = w ^ ((w << shift) & masked);
    };
    in_order<mode>([&] { move(top); }, [&] { move(rest); });
}

// A step on pairs (n = 2) or quadruples (n = 4) of words; 2^q bits are less than a word, or one word of four.
template <Mode mode, int n, int q>
inline void step_across(Lanes* w) {
    constexpr bool forward = mode == Mode::forward;
    Lanes *const low = w, *const high = w + n / 2;
    if constexpr (q == 6) {
        in_order<mode>([&] { (forward ? high[0] : high[1]) = high[0] ^ high[1]; },
                       [&] { (forward ? low[1] : high[0]) = low[1] ^ high[0]; });
    } else {
        constexpr int left = 1 << q, right = 64 - left, last = n / 2 - 1;
        in_order<mode>(
            [&] {
                if constexpr (forward) high[0] = high[0] ^ (high[last] >> right);
                else high[last] = high[last] ^ (high[0] << right);
            },
            [&] {
                if constexpr (forward) {
                    low[0] = low[0] ^ (high[0] << left);
                    if constexpr (n == 4) low[1] = low[1] ^ (high[1] << left) ^ (high[0] >> right);
                } else {
                    high[0] = high[0] ^ (low[0] >> left);
                    if constexpr (n == 4) {
                        high[0] = high[0] ^ (low[1] << right);
                        high[1] = high[1] ^ (low[1] >> left);
                    }
                }
            });
    }
}

// The innermost change of basis, k = 8, on rows of four words.
template <Mode mode>
inline void change_row(Lanes* w) {
    const auto pairs = [&]<int q>() {
        step_across<mode, 2, q>(w);
        step_across<mode, 2, q>(w + 2);
    };
    const auto words = [&]<int b, int q>() {
        for (int i = 0; i < 4; ++i) step_within<mode, b, q>(w[i]);
    };
    if constexpr (mode != Mode::back) {
        step_across<mode, 4, 3>(w);
        pairs.template operator()<2>();
        words.template operator()<6, 1>();
        words.template operator()<5, 0>();
        step_across<mode, 4, 5>(w);
        pairs.template operator()<4>();
        step_across<mode, 4, 6>(w);
        words.template operator()<6, 4>();
        words.template operator()<4, 1>();
        words.template operator()<3, 0>();
        words.template operator()<4, 2>();
        words.template operator()<2, 0>();
    } else {
        words.template operator()<2, 0>();
        words.template operator()<4, 2>();
        words.template operator()<3, 0>();
        words.template operator()<4, 1>();
        words.template operator()<6, 4>();
        step_across<mode, 4, 6>(w);
        pairs.template operator()<4>();
        step_across<mode, 4, 5>(w);
        words.template operator()<5, 0>();
        words.template operator()<6, 1>();
        pairs.template operator()<2>();
        step_across<mode, 4, 3>(w);
    }
}

// Rows of four words in `n` words; n is a multiple of 64.
template <Mode mode>
void change_rows(Word* a, std::int64_t n) {
    constexpr int count = Lanes::count, tile = count < 4 ? 4 * count : count * count;
    for (Word* p = a; p < a + n; p += tile) {
        Lanes w[tile / count];
        for (int i = 0; i < tile / count; ++i) w[i] = Lanes::load(p + i * count);
        if constexpr (count == 2) {
            Lanes x[4] = {w[0], w[2], w[1], w[3]};  // rows 0 and 1, words 0 and 1; then words 2 and 3
            Lanes::transpose(x);
            Lanes::transpose(x + 2);
            change_row<mode>(x);
            Lanes::transpose(x);
            Lanes::transpose(x + 2);
            w[0] = x[0], w[2] = x[1], w[1] = x[2], w[3] = x[3];
        } else {
            Lanes::transpose(w);
            for (int i = 0; i < tile / count; i += 4) change_row<mode>(w + i);
            Lanes::transpose(w);
        }
        for (int i = 0; i < tile / count; ++i) w[i].store(p + i * count);
    }
}

// Quotients and remainders by s_i in one block, from those of 2^b coefficients downwards.
template <Mode mode>
void divide(Word* a, int b, int i, int u) {
    if (b <= i) return;
    if constexpr (mode != Mode::back) step<mode>(a, b + u, b - 1 - i + u, 1);
    divide<mode>(a, b - 1, i, u);
    divide<mode>(a + (std::int64_t{1} << (b - 1 + u - 6)), b - 1, i, u);
    if constexpr (mode == Mode::back) step<mode>(a, b + u, b - 1 - i + u, 1);
}

// One block of 2^k coefficients of 2^u bits, by one thread; u = 0 and 13 <= k, or u >= 8.
template <Mode mode>
void change_block(Word* a, int k, int u) {
    if (k <= 1) return;
    const int i = largest_power_below(k);
    const std::int64_t n = std::int64_t{1} << (k + u - 6), inner = std::int64_t{1} << (i + u - 6);
    in_order<mode>(
        [&] { divide<mode>(a, k, i, u); },
        [&] {
            in_order<mode>([&] { change_block<mode>(a, k - i, u + i); },
                           [&] {
                               if (u == 0 && i == log2_row) return change_rows<mode>(a, n);
                               for (Word* p = a; p < a + n; p += inner) change_block<mode>(p, i, u);
                           });
        });
}

// 2^k rows of `n` words each, column by column: a few words of every row are brought together, which stay in the cache.
template <Mode mode>
void change_columns(Word* a, int k, std::int64_t n, int n_threads) {
    std::int64_t width = std::min<std::int64_t>(n, 8);
    while (2 * width <= n && width << (k + 7) <= std::int64_t{1} << (log2_block - 2)) width *= 2;
    int log2_width = 6;
    while (std::int64_t{1} << log2_width < 64 * width) ++log2_width;
    const std::int64_t rows = std::int64_t{1} << k;
    Workspace stripes(rows * width * n_threads);
#pragma omp parallel for num_threads(n_threads) schedule(static)
    for (std::int64_t column = 0; column < n; column += width) {
        Word* const stripe = stripes.at(0) + omp_get_thread_num() * rows * width;
        for (std::int64_t r = 0; r < rows; ++r) std::copy_n(a + r * n + column, width, stripe + r * width);
        change_block<mode>(stripe, k, log2_width);
        for (std::int64_t r = 0; r < rows; ++r) std::copy_n(stripe + r * width, width, a + r * n + column);
    }
}

// All of `a`: 2^total bits in blocks of 2^k.
template <Mode mode>
void change_basis(Word* a, int k, int total, int n_threads) {
    const std::int64_t n = std::int64_t{1} << (total - 6);
    const auto each = [&](int log2_bits, auto work) {
        const std::int64_t words = std::int64_t{1} << (log2_bits - 6);
#pragma omp parallel for num_threads(n_threads) schedule(static) if (n > words)
        for (std::int64_t p = 0; p < n; p += words) work(a + p);
    };
    if (k <= log2_block) return each(k, [&](Word* p) { change_block<mode>(p, k, 0); });
    const int i = largest_power_below(k), cut = std::max(i, std::min(k, log2_block));
    const auto large_steps = [&](int b) {
        const std::int64_t words = std::int64_t{1} << (b - 6);
        for (std::int64_t p = 0; p < n; p += words) step<mode>(a + p, b, b - 1 - i, n_threads);
    };
    in_order<mode>(
        [&] {
            in_order<mode>(
                [&] {
                    for (int b = 0; b < k - cut; ++b) large_steps(mode == Mode::back ? cut + 1 + b : k - b);
                },
                [&] { each(cut, [&](Word* p) { divide<mode>(p, cut, i, 0); }); });
        },
        [&] {
            in_order<mode>(
                [&] {
                    const std::int64_t words = std::int64_t{1} << (k - 6);
                    for (std::int64_t p = 0; p < n; p += words) {
                        change_columns<mode>(a + p, k - i, std::int64_t{1} << (i - 6), n_threads);
                    }
                },
                [&] { change_basis<mode>(a, i, total, n_threads); });
        });
}

}  // namespace kakehashi::KAKEHASHI_ISA
