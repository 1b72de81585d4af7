// What one spin's set of strings contributes to the Hamiltonian, computed once per subspace.
#pragma once

#include <cstdint>
#include <vector>

#include "integrals.hpp"
#include "strings.hpp"

namespace kakehashi {

// Single excitation between two strings of the set: <row| a+_p a_q |column> = sign.
struct Single {
    std::int32_t row;
    std::int32_t column;
    std::int16_t p;
    std::int16_t q;
    std::int32_t sign;
};

// Rows of a sparse matrix over the strings; entries of a row are offsets[row] to offsets[row + 1].
struct SparseRows {
    std::vector<std::int64_t> offsets;
    std::vector<std::int32_t> columns;
    std::vector<double> values;
};

// Single excitations whose element depends on the other spin's occupation through (pq|rr).
struct CoulombLinks {
    std::vector<std::int64_t> offsets;   // per row
    std::vector<std::int32_t> columns;   // per link
    std::vector<std::int32_t> slots;     // per link: index into `pairs`
    std::vector<double> signs;           // per link
    std::vector<std::int64_t> pairs;     // per slot: pair index of (p, q)
};

struct Sector {
    std::vector<String> strings;
    std::vector<double> diagonal;        // same-spin energy of each string
    std::vector<Single> singles;         // ascending by row, then column
    std::vector<std::int64_t> single_offsets;  // per row
    SparseRows same_spin;                // off-diagonal same-spin elements that are not zero
    CoulombLinks coulomb;
    std::int64_t n_connected = 0;        // ordered pairs of strings one or two excitations apart
    std::int64_t n_nonzero = 0;          // those whose element is not zero for some other-spin string

    std::int64_t size() const { return static_cast<std::int64_t>(strings.size()); }
};

// The two creations (ascending), two annihilations (ascending) and the sign that lead from ket to bra:
// <bra| a+_p1 a_q1 a+_p2 a_q2 |ket> for strings that differ in two places.
struct Double {
    int p1, p2, q1, q2, sign;
};

inline Double find_double(String bra, String ket) {
    String created = bra & (bra ^ ket);
    String annihilated = ket & (bra ^ ket);
    const int p1 = created.take_lowest(), p2 = created.take_lowest();
    const int q1 = annihilated.take_lowest(), q2 = annihilated.take_lowest();
    const int first = excitation_sign(ket, p1, q1);
    String middle = ket;
    middle.flip(q1);
    middle.flip(p1);
    return {p1, p2, q1, q2, first * excitation_sign(middle, p2, q2)};
}

double single_element(const Integrals& integrals, String ket, int p, int q);  // without the sign
double double_element(const Integrals& integrals, const Double& change);
double same_spin_diagonal(const Integrals& integrals, String string);

Sector build_sector(const Integrals& integrals, std::vector<String> strings, int n_threads);

// Pairs of strings that differ by a double excitation, for density matrices.
template <class Visit>
void visit_doubles(const Sector& sector, std::int64_t row, Visit&& visit) {
    const String bra = sector.strings[row];
    for (std::int64_t column = 0; column < sector.size(); ++column) {
        const String ket = sector.strings[column];
        if ((bra ^ ket).count() == 4) visit(column, bra, ket);
    }
}

}  // namespace kakehashi
