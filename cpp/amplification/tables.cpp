#include "tables.hpp"

#include <bit>
#include <stdexcept>
#include <utility>

namespace kakehashi {
namespace {

std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
    std::uint64_t product = 0;
    for (; b != 0; b >>= 1) {
        if (b & 1) product ^= a;
        a = (a << 1) ^ (a >> 63 ? 0x1b : 0);
    }
    return product;
}

Matrix64 transpose(const Matrix64& a) {
    Matrix64 out{};
    for (int i = 0; i < 64; ++i) {
        for (int j = 0; j < 64; ++j) out[j] |= (a[i] >> j & 1) << i;
    }
    return out;
}

// The sum of the rows that `bits` names.
std::uint64_t sum_rows(const Matrix64& rows, std::uint64_t bits) {
    std::uint64_t sum = 0;
    for (; bits != 0; bits &= bits - 1) sum ^= rows[std::countr_zero(bits)];
    return sum;
}

Matrix64 multiply(const Matrix64& a, const Matrix64& b) {
    Matrix64 out{};
    for (int i = 0; i < 64; ++i) out[i] = sum_rows(b, a[i]);
    return out;
}

// False where there is no inverse.
bool invert(Matrix64 a, Matrix64& inverse) {
    for (int i = 0; i < 64; ++i) inverse[i] = std::uint64_t{1} << i;
    for (int c = 0; c < 64; ++c) {
        int pivot = c;
        while (pivot < 64 && !(a[pivot] >> c & 1)) ++pivot;
        if (pivot == 64) return false;
        std::swap(a[c], a[pivot]);
        std::swap(inverse[c], inverse[pivot]);
        for (int r = 0; r < 64; ++r) {
            if (r != c && a[r] >> c & 1) {
                a[r] ^= a[c];
                inverse[r] ^= inverse[c];
            }
        }
    }
    return true;
}

Matrix64 inverse_of(const Matrix64& a) {
    Matrix64 inverse;
    if (!invert(a, inverse)) throw std::logic_error("a matrix of the additive transform has no inverse");
    return inverse;
}

std::array<std::uint64_t, 64> cantor_basis() {
    // y -> y^2 + y has the kernel {0, 1}. Row 0, the image of 1, is replaced by an element outside the image, so that
    // the map can be inverted; elements of the image get preimages whose bit 0 is 0.
    Matrix64 rows{}, preimages{};
    for (int j = 1; j < 64; ++j) rows[j] = multiply(std::uint64_t{1} << j, std::uint64_t{1} << j) ^ std::uint64_t{1} << j;
    for (int j = 0; j < 64; ++j) {
        rows[0] = std::uint64_t{1} << j;
        if (invert(rows, preimages)) break;
    }
    std::array<std::uint64_t, 64> basis{1};
    for (int i = 1; i < 64; ++i) basis[i] = sum_rows(preimages, basis[i - 1]);
    return basis;
}

AdditiveTables make_tables() {
    AdditiveTables t{};
    t.basis = cantor_basis();
    for (int k = 0; k < 4; ++k) {
        for (unsigned x = 1; x < 256; ++x) {
            t.spans[k][x] = t.spans[k][x & (x - 1)] ^ t.basis[8 * k + std::countr_zero(x)];
        }
    }
    // Bit b of the input is the coefficient of the product of s_{d+e} over the bits e of b, whose value is v_{32-e}.
    Matrix64 elements{};
    for (int b = 0; b < 64; ++b) {
        elements[b] = 1;
        for (int e = 0; e < 6; ++e) {
            if (b >> e & 1) elements[b] = multiply(elements[b], t.basis[32 - e]);
        }
    }
    t.encode = transpose(elements);
    // (i, j) is bit 63 of x^(i+j). In these coordinates the transpose of a multiplication is that multiplication.
    Matrix64 symmetric{};
    std::uint64_t power = 1;
    for (int k = 0; k < 127; ++k, power = multiply(power, 2)) {
        for (int i = 0; i < 64; ++i) {
            if (k - i >= 0 && k - i < 64) symmetric[i] |= (power >> 63) << (k - i);
        }
    }
    t.decode = multiply(elements, symmetric);
    t.encode_dual = inverse_of(t.decode);
    return t;
}

}  // namespace

const AdditiveTables& additive_tables() {
    static const AdditiveTables tables = make_tables();
    return tables;
}

}  // namespace kakehashi
