// Parities of a permuted frame's dyadic blocks, as a heap of bits: node 1 is the frame, nodes 2h and 2h + 1 halve node
// h, and leaves n to 2n - 1, which are not stored, are the permuted bits.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#if defined(__BMI2__)
#include <immintrin.h>
#endif

#include "../simd.hpp"
#include "arena.hpp"

namespace kakehashi::KAKEHASHI_ISA {

// What is held of 64 nodes, together, so that a node costs one line of the cache. A node is open where both ends know its
// parity but not those of its halves; every open node is odd or even in its number of errors, and the odd ones are listed
// to be halved.
struct Nodes {
    std::uint64_t own, open, odd, listed;
};

inline bool bit_of(const std::uint64_t* words, std::uint32_t i) { return words[i >> 6] >> (i & 63) & 1; }

// Parities of neighbouring pairs of bits, 32 of them.
inline std::uint32_t pair_parities(std::uint64_t x) {
    x ^= x >> 1;
#if defined(__BMI2__)
    return static_cast<std::uint32_t>(_pext_u64(x, 0x5555555555555555ULL));
#else
    x &= 0x5555555555555555ULL;
    x = (x | x >> 1) & 0x3333333333333333ULL;
    x = (x | x >> 2) & 0x0F0F0F0F0F0F0F0FULL;
    x = (x | x >> 4) & 0x00FF00FF00FF00FFULL;
    x = (x | x >> 8) & 0x0000FFFF0000FFFFULL;
    return static_cast<std::uint32_t>(x | x >> 16);
#endif
}

inline constexpr int max_words = 1024;  // frames of at most 2^16 bits

// What frames share while one after the other is worked on, and the memory of their trees.
struct Scratch {
    explicit Scratch(std::size_t n_bytes) : arena(n_bytes) {}

    Arena arena;
    std::array<std::uint8_t, 64 * max_words> bytes;
    std::array<std::uint64_t, 2 * max_words> heap;
};

inline void unpack(const std::uint64_t* bits, int n_words, std::uint8_t* bytes) {
    for (int w = 0; w < n_words; ++w) {
        for (int b = 0; b < 8; ++b) {
            // Eight bits to eight bytes: copies of the byte, of which each keeps its own bit.
            std::uint64_t x = (bits[w] >> (8 * b) & 255) * 0x0101010101010101ULL & 0x8040201008040201ULL;
            x = ((x + 0x7F7F7F7F7F7F7F7FULL) | x) >> 7 & 0x0101010101010101ULL;
            std::memcpy(bytes + 64 * w + 8 * b, &x, 8);
        }
    }
}

// Own parities of every node under a permutation.
inline void build_tree(const std::uint64_t* bits, const std::uint16_t* permutation, int n_words, Scratch& scratch,
                       Nodes* nodes) {
    std::uint8_t* const bytes = scratch.bytes.data();
    std::uint64_t* const heap = scratch.heap.data();
    unpack(bits, n_words, bytes);
    for (int w = 0; w < n_words; ++w) {
        std::uint64_t low = 0, high = 0;  // two chains, so that shifts do not wait for each other
        const std::uint16_t* const from = permutation + 64 * w;
        for (int b = 31; b >= 0; --b) {
            low = 2 * low + bytes[from[b]];
            high = 2 * high + bytes[from[b + 32]];
        }
        heap[n_words + w] = high << 32 | low;
    }
    for (int w = 2 * n_words - 1; w >= 1; --w) {
        const std::uint64_t parents = pair_parities(heap[w]);
        heap[w / 2] = w % 2 ? parents << 32 : heap[w / 2] | parents;
    }
    // Nodes below 32: word 0 got its upper half above.
    std::uint64_t top = heap[0] & 0xFFFFFFFF00000000ULL;
    for (int h = 31; h >= 1; --h) top |= ((top >> (2 * h) ^ top >> (2 * h + 1)) & 1) << h;
    heap[0] = top;
    for (int w = 0; w < n_words; ++w) nodes[w] = {heap[w], 0, 0, 0};
}

// Parity of the bits under a mask.
inline bool masked_parity(const std::uint64_t* bits, const std::uint64_t* mask, int n_words) {
    std::uint64_t sum = 0;
    for (int w = 0; w < n_words; ++w) sum ^= bits[w] & mask[w];
    return std::popcount(sum) & 1;
}

}  // namespace kakehashi::KAKEHASHI_ISA
