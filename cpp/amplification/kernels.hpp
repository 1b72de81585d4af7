// What the kernels over GF(2) offer, and the choice among instruction sets at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace kakehashi {

// Hash `n` bits of key to `n_out`, bit i of the result being
//     key[i] + sum over j < n - n_out of seed[i - j + n - n_out - 1] key[n_out + j]      modulo 2.
// Bit i of a string is bit i % 8 of byte i / 8, and spare bits are 0, in the result too. The seed has n - 1 bits.
// `log2_length` is the transform's length, 0 for products word by word.
struct ToeplitzTask {
    const std::uint8_t* key;
    const std::uint8_t* seed;
    std::uint8_t* out;
    std::int64_t n, n_out;
    int log2_length, n_threads;
};

// Powers of the key for eight blocks at a time, and the sum so far; two words each, the low one first. Overwritten when it
// goes.
struct Polynomial {
    Polynomial() = default;
    Polynomial(const Polynomial&) = default;
    Polynomial& operator=(const Polynomial&) = delete;
    ~Polynomial() {
        std::memset(powers, 0, sizeof powers);
        std::memset(sum, 0, sizeof sum);
        asm volatile("" : : "r"(this) : "memory");
    }

    std::uint64_t powers[8][2];  // H^8 .. H
    std::uint64_t sum[2];
};

struct CarrylessKernels {
    const char* name;
    int rank;             // later ones need more of a processor
    double product_cost;  // of a word by word product, beside what a transform does to a word at one level
    void (*toeplitz)(const ToeplitzTask&);
    void (*start_polynomial)(Polynomial&, const std::uint8_t* key);
    void (*extend_polynomial)(Polynomial&, const std::uint8_t* blocks, std::size_t n_blocks);
};

const CarrylessKernels& carryless_kernels();

// Use those of another instruction set, "widest" for the best; false where this machine lacks it.
bool select_carryless_kernels(const char* name);

// The shortest way for a hash: what ToeplitzTask calls log2_length.
int plan_toeplitz(std::int64_t n, std::int64_t n_out);

// Memory that a hash takes beside its arguments and its result.
std::int64_t toeplitz_bytes(std::int64_t n, std::int64_t n_out, int log2_length, int n_threads);

}  // namespace kakehashi
