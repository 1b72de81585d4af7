// Pieces of packed strings of bits, at any bit.
#pragma once

#include <algorithm>

#include "lanes.hpp"

namespace kakehashi::KAKEHASHI_ISA {

inline Word low_bits(std::int64_t n) { return n >= 64 ? ~Word{0} : (Word{1} << n) - 1; }

inline Word reverse(Word x) {
    x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
    x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
    x = (x >> 4 & 0x0f0f0f0f0f0f0f0f) | (x & 0x0f0f0f0f0f0f0f0f) << 4;
    return __builtin_bswap64(x);
}

// Words from one bit onwards, where 16 bytes can be read at each.
struct Inside {
    const std::uint8_t* bytes;
    int shift;

    Word at(std::int64_t i) const {
        Word word, next;
        std::memcpy(&word, bytes + 8 * i, 8);
        std::memcpy(&next, bytes + 8 * i + 8, 8);
        return word >> shift | next << 1 << (63 - shift);
    }
};

// Bits `begin` to `end` of a packed string; bits outside are 0.
class Piece {
public:
    Piece(const std::uint8_t* bytes, std::int64_t begin, std::int64_t end) : bytes_(bytes), begin_(begin), end_(end) {}

    std::int64_t size() const { return end_ - begin_; }

    // 64 bits from `first`, counted from the beginning of the piece; it may lie before the beginning.
    Word at(std::int64_t first) const {
        if (first <= -64 || first >= size()) return 0;
        if (first < 0) return at(0) << -first;
        const std::int64_t bit = begin_ + first, byte = bit / 8, last = (end_ + 7) / 8, shift = bit % 8;
        Word word = 0, next = 0;
        if (byte + 9 <= last) {
            std::memcpy(&word, bytes_ + byte, 8);
            next = bytes_[byte + 8];
        } else {
            const std::int64_t n = std::min<std::int64_t>(last - byte, 8);
            std::memcpy(&word, bytes_ + byte, static_cast<std::size_t>(n));
            if (byte + 8 < last) next = bytes_[byte + 8];
        }
        if (shift != 0) word = word >> shift | next << (64 - shift);
        return word & low_bits(size() - first);
    }

    // Whether all words from bit `from` to bit `to` may be read as by `inside`.
    bool is_inside(std::int64_t from, std::int64_t to) const {
        return from >= 0 && to <= size() && (begin_ + to) / 8 + 8 <= (end_ + 7) / 8;
    }

    Inside inside(std::int64_t from) const {
        return {bytes_ + (begin_ + from) / 8, static_cast<int>((begin_ + from) % 8)};
    }

private:
    const std::uint8_t* bytes_;
    std::int64_t begin_, end_;
};

template <class Work>
void in_runs(std::int64_t n, int n_threads, Work work) {
    constexpr std::int64_t run = 4096;
#pragma omp parallel for num_threads(n_threads) schedule(static) if (n > run)
    for (std::int64_t from = 0; from < n; from += run) work(from, std::min(from + run, n));
}

// The piece, then zeros, in n words.
inline void copy_bits(const Piece& piece, Word* out, std::int64_t n, int n_threads) {
    in_runs(n, n_threads, [&](std::int64_t from, std::int64_t to) {
        if (!piece.is_inside(64 * from, 64 * to)) {
            for (std::int64_t w = from; w < to; ++w) out[w] = piece.at(64 * w);
            return;
        }
        const Inside inside = piece.inside(64 * from);
        for (std::int64_t w = from; w < to; ++w) out[w] = inside.at(w - from);
    });
}

// The same with the order of the piece's bits turned round.
inline void copy_reversed(const Piece& piece, Word* out, std::int64_t n, int n_threads) {
    in_runs(n, n_threads, [&](std::int64_t from, std::int64_t to) {
        const std::int64_t first = piece.size() - 64 * to;
        if (!piece.is_inside(first, first + 64 * (to - from))) {
            for (std::int64_t w = from; w < to; ++w) out[w] = reverse(piece.at(piece.size() - 64 * (w + 1)));
            return;
        }
        const Inside inside = piece.inside(first);
        for (std::int64_t w = from; w < to; ++w) out[w] = reverse(inside.at(to - 1 - w));
    });
}

// Write bits [64 w, n) of key + word, whole bytes of it.
inline void put(std::uint8_t* out, std::int64_t w, std::int64_t n, Word word) {
    word &= low_bits(n - 64 * w);
    std::memcpy(out + 8 * w, &word, static_cast<std::size_t>(std::min<std::int64_t>(8, (n + 7) / 8 - 8 * w)));
}

}  // namespace kakehashi::KAKEHASHI_ISA
