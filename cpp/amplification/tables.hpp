// Constants of the Frobenius additive transform over GF(2^64) = GF(2)[x] / (x^64 + x^4 + x^3 + x + 1).
//
// Cantor's basis: v_0 = 1 and v_{i+1}^2 + v_{i+1} = v_i. With s_i(x) = s_1(s_{i-1}(x)), s_1(x) = x^2 + x, the roots of s_i
// are the span of v_0 .. v_{i-1}, and s_i(v_j) = v_{j-i}.
#pragma once

#include <array>
#include <cstdint>

namespace kakehashi {

// 64 rows of 64 bits; bit j of row i is the element (i, j).
using Matrix64 = std::array<std::uint64_t, 64>;

struct AdditiveTables {
    std::array<std::uint64_t, 64> basis;  // Cantor's
    // The span of the basis in steps of 8: spans[k][x] is the sum of v_{8k+j} over the bits j of x.
    std::array<std::array<std::uint64_t, 256>, 4> spans;
    Matrix64 encode;       // 64 bits, one of each row, to the element that the first six levels make of them
    Matrix64 encode_dual;  // the inverse of the transpose of `encode`, in coordinates in which products are symmetric
    Matrix64 decode;       // the inverse of `encode_dual`

    // Sum of v_j over the bits j of `index`, which is below 2^32.
    std::uint64_t span(std::uint64_t index) const {
        return spans[0][index & 255] ^ spans[1][index >> 8 & 255] ^ spans[2][index >> 16 & 255] ^
               spans[3][index >> 24 & 255];
    }
};

const AdditiveTables& additive_tables();

}  // namespace kakehashi
