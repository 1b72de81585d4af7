// A product space of alpha and beta strings with everything that its Hamiltonian needs, computed once.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "determinants/space.hpp"
#include "integrals.hpp"
#include "photons/scan.hpp"
#include "reconciliation/cascade.hpp"
#include "reconciliation/ldpc.hpp"
#include "sifting/planes.hpp"
#include "sector.hpp"

namespace kakehashi {

// Pairs (p > q) fall into classes such that (pq|rs) is zero between classes: point-group symmetry, found from the
// integrals themselves. Within a class the opposite-spin part is alpha links times a sparse beta operator.
struct PairClass {
    std::vector<std::int64_t> alpha_pairs;   // pair indices that have alpha links
    std::vector<std::int64_t> beta_pairs;    // pair indices that have beta links, in slot order
    std::vector<std::int64_t> beta_offsets;  // per beta string
    struct Entry {
        std::int32_t column;
        std::int32_t slot;  // 2 * index into beta_pairs + (1 where the sign is negative)
    };
    std::vector<Entry> beta_entries;
};

// Alpha links of one pair, ascending by row: each row occurs at most once.
struct PairLinks {
    std::vector<std::int32_t> rows;
    std::vector<std::int32_t> columns;
    std::vector<std::int8_t> signs;
    std::vector<std::int8_t> raises;  // 1 where row holds p (the higher orbital), 0 where it holds q
};

std::vector<PairLinks> group_by_pair(const Sector& sector, std::int64_t n_pair);

enum class Symmetry : int { none = 0, even = 1, odd = -1 };

struct ProductSpace {
    std::vector<double> one_body;
    std::vector<double> pair_matrix;
    Integrals integrals;
    Sector alpha;
    Sector beta_own;                         // empty where both spins have the same strings
    bool same_strings = false;
    std::vector<PairLinks> alpha_links;      // by pair index
    std::vector<PairClass> classes;
    int n_threads = 1;

    const Sector& beta() const { return same_strings ? alpha : beta_own; }
    std::int64_t n_alpha() const { return alpha.size(); }
    std::int64_t n_beta() const { return beta().size(); }
    std::int64_t size() const { return n_alpha() * n_beta(); }
};

std::unique_ptr<ProductSpace> build_product(int n_orb, const double* one_body, const double* pair_matrix,
                                            std::vector<String> alpha, std::vector<String> beta, double screen,
                                            int n_threads);

// Diagonal of the Hamiltonian, shape (n_alpha, n_beta).
void fill_diagonal(const ProductSpace& space, double* diagonal);

// Element between two determinants by the Slater-Condon rules.
double matrix_element(const Integrals& integrals, String bra_alpha, String bra_beta, String ket_alpha,
                      String ket_beta);

double spin_squared_element(String bra_alpha, String bra_beta, String ket_alpha, String ket_beta);

// Dense blocks of the Hamiltonian and of S^2 between the determinants at the given flat indices, shape (n, n).
void fill_block(const ProductSpace& space, const std::int64_t* indices, std::int64_t n, double* block);
void fill_spin_block(const ProductSpace& space, const std::int64_t* indices, std::int64_t n, double* block);

// sigma = H c. Symmetry even or odd promises c(a, b) = +-c(b, a) over the same strings, and halves the work.
void apply_hamiltonian(const ProductSpace& space, const double* diagonal, const double* c, double* sigma,
                       Symmetry symmetry);

// out = S^2 c, projected on the product space.
void apply_spin_squared(const ProductSpace& space, const double* c, double* out);

// Opposite-spin two-body density <a+_p,alpha a_q,alpha a+_r,beta a_s,beta>, shape (n_orb,) * 4, from c and itself.
void fill_opposite_density(const ProductSpace& space, const double* c, double* density);

// One-body and two-body density of one spin from the string density matrix R = c c^T, shape (n, n).
void fill_same_spin_density(const Sector& sector, int n_orb, const double* string_density, double* one_body,
                            double* two_body);

// Number of ordered pairs of determinants that a one- or two-body operator connects (diagonal included), and how
// many of them have an element that is not zero.
struct ElementCount {
    double connected;
    double nonzero;
};
ElementCount count_elements(const ProductSpace& space);

class TrajectorySampler;  // state_vector/program.hpp
struct Program;
struct FrontProgram;      // state_vector/front.hpp
struct FrontShots;

// The hot loops, one set per instruction set.
struct Kernels {
    const char* name;
    int width;
    // out(I, x) = sum_J H(I, J) c(J, x) for one spin, the other spin's occupation included through Coulomb links.
    void (*same_spin)(const Integrals&, const Sector& sector, const Sector& other, const double* c, double* out,
                      int n_threads);
    // sigma(Ia, Ib) += alpha single times beta single; with `lower`, only where Ib <= Ia.
    void (*opposite_spin)(const ProductSpace&, const double* c, double* sigma, bool lower);
    // to(j, i) = from(i, j) for a matrix of shape (n_rows, n_columns).
    void (*transpose)(const double* from, double* to, std::int64_t n_rows, std::int64_t n_columns, int n_threads);
    std::unique_ptr<DeterminantSpace> (*make_space)(const DeterminantOptions&, const double* one_body,
                                                    const double* pairs);
    std::unique_ptr<TrajectorySampler> (*make_sampler)(std::shared_ptr<const Program>, bool single);
    void (*sample_front)(const FrontProgram&, const FrontShots&, int n_threads, bool single);
    photons::Scan scan_pulses;
    std::unique_ptr<CascadeEnd> (*make_cascade)(const CascadePlan&, const std::uint64_t* words, bool corrects);
    void (*fill_syndrome)(const LdpcCode&, const std::uint8_t* bits, std::uint8_t* out);
    int (*decode_ldpc)(const LdpcCode&, const std::uint8_t* syndrome, std::int16_t* belief, int max_iterations);
    sifting::PickBits pick_bits;
    sifting::GapWidth gap_width;
    sifting::FillGaps fill_gaps;
    sifting::LookUpClicks look_up_clicks;
};

const Kernels& kernels();
bool select_kernels(const char* name);  // for tests; false where this machine lacks them

}  // namespace kakehashi
