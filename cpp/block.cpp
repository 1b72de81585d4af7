// Elements between single determinants by the Slater-Condon rules: the small dense block that starts the eigensolver.
#include <cstdint>

#include "product.hpp"

namespace kakehashi {
namespace {

double same_spin_change(const Integrals& v, String bra, String ket) {
    const String changed = bra ^ ket;
    if (changed.count() == 4) return double_element(v, find_double(bra, ket));
    const int p = (bra & changed).lowest(), q = (ket & changed).lowest();
    return excitation_sign(ket, p, q) * single_element(v, ket, p, q);
}

double coulomb(const Integrals& v, String occupied, int p, int q) {
    double sum = 0;
    while (!occupied.empty()) {
        const int r = occupied.take_lowest();
        sum += v.g(p, q, r, r);
    }
    return sum;
}

// One spin changes from ket to bra, the other stays as it is.
double one_spin_element(const Integrals& v, String bra, String ket, String other) {
    const String changed = bra ^ ket;
    double element = same_spin_change(v, bra, ket);
    if (changed.count() == 2) {
        const int p = (bra & changed).lowest(), q = (ket & changed).lowest();
        element += excitation_sign(ket, p, q) * coulomb(v, other, p, q);
    }
    return element;
}

double diagonal_element(const Integrals& v, String alpha, String beta) {
    double element = same_spin_diagonal(v, alpha) + same_spin_diagonal(v, beta);
    for (String occupied = alpha; !occupied.empty();) {
        const int p = occupied.take_lowest();
        element += coulomb(v, beta, p, p);
    }
    return element;
}

}  // namespace

double matrix_element(const Integrals& v, String bra_alpha, String bra_beta, String ket_alpha, String ket_beta) {
    const int n_alpha = (bra_alpha ^ ket_alpha).count(), n_beta = (bra_beta ^ ket_beta).count();
    if (n_alpha + n_beta > 4) return 0;
    if (n_alpha == 0 && n_beta == 0) return diagonal_element(v, bra_alpha, bra_beta);
    if (n_beta == 0) return one_spin_element(v, bra_alpha, ket_alpha, ket_beta);
    if (n_alpha == 0) return one_spin_element(v, bra_beta, ket_beta, ket_alpha);
    const String changed_alpha = bra_alpha ^ ket_alpha, changed_beta = bra_beta ^ ket_beta;
    const int p = (bra_alpha & changed_alpha).lowest(), q = (ket_alpha & changed_alpha).lowest();
    const int r = (bra_beta & changed_beta).lowest(), s = (ket_beta & changed_beta).lowest();
    return excitation_sign(ket_alpha, p, q) * excitation_sign(ket_beta, r, s) * v.g(p, q, r, s);
}

double spin_squared_element(String bra_alpha, String bra_beta, String ket_alpha, String ket_beta) {
    const String changed_alpha = bra_alpha ^ ket_alpha, changed_beta = bra_beta ^ ket_beta;
    if (changed_alpha.empty() && changed_beta.empty()) {
        const double s_z = 0.5 * (ket_alpha.count() - ket_beta.count());
        return s_z * (s_z + 1) + ket_beta.count() - (ket_alpha & ket_beta).count();
    }
    // a+_p a_q on alpha with a+_q a_p on beta
    if (changed_alpha.count() != 2 || !(changed_alpha == changed_beta)) return 0;
    const int p = (bra_alpha & changed_alpha).lowest(), q = (ket_alpha & changed_alpha).lowest();
    if (!bra_beta.test(q) || !ket_beta.test(p)) return 0;
    return -excitation_sign(ket_alpha, p, q) * excitation_sign(ket_beta, q, p);
}

namespace {

template <class Element>
void fill(const ProductSpace& space, const std::int64_t* indices, std::int64_t n, double* block, Element&& element) {
    const std::int64_t n_beta = space.n_beta();
    const Sector& beta = space.beta();
#pragma omp parallel for num_threads(space.n_threads) schedule(dynamic, 16)
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j <= i; ++j) {
            block[i * n + j] = block[j * n + i] =
                element(space.alpha.strings[indices[i] / n_beta], beta.strings[indices[i] % n_beta],
                        space.alpha.strings[indices[j] / n_beta], beta.strings[indices[j] % n_beta]);
        }
    }
}

}  // namespace

void fill_block(const ProductSpace& space, const std::int64_t* indices, std::int64_t n, double* block) {
    fill(space, indices, n, block, [&](String bra_alpha, String bra_beta, String ket_alpha, String ket_beta) {
        return matrix_element(space.integrals, bra_alpha, bra_beta, ket_alpha, ket_beta);
    });
}

void fill_spin_block(const ProductSpace& space, const std::int64_t* indices, std::int64_t n, double* block) {
    fill(space, indices, n, block, spin_squared_element);
}

}  // namespace kakehashi
