// Low-density parity checks made of circulants: syndromes, and a layered min-sum decoder.
#pragma once

#include <cstdint>
#include <vector>

namespace kakehashi {

// Rows and columns of a base matrix, each entry a circulant of size z: check i of a row touches bit (i + shift) mod z of
// a column.
struct LdpcCode {
    struct Entry {
        std::int32_t column, shift;
    };
    int z = 0;
    int n_columns = 0;
    std::vector<std::int32_t> row_start;  // one more than there are rows
    std::vector<Entry> entries;

    int n_rows() const { return static_cast<int>(row_start.size()) - 1; }
};

// out[row * z + i] = parity of the bits that check i of a row touches; bits are one a byte.
void fill_syndrome(const LdpcCode& code, const std::uint8_t* bits, std::uint8_t* out);

// Log-likelihoods in, positive for 0, and out after decoding. Gives the number of iterations, or -1 where no string with
// this syndrome was found.
int decode_ldpc(const LdpcCode& code, const std::uint8_t* syndrome, std::int16_t* belief, int max_iterations);

}  // namespace kakehashi
