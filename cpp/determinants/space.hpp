// A space of determinants without any structure: what the rest of the program sees of it.
//
// The templates behind it (strings of one or two words, one set per instruction set) are in network.hpp and the files
// beside it; space.cpp picks the words, ../dispatch.cpp the instruction set.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>

namespace kakehashi {

struct DeterminantOptions {
    int n_orb = 0;
    double screen = 0;        // elements of smaller size are taken to be zero
    double spin_penalty = 0;  // weight of S^2 in the Hamiltonian
    int n_threads = 1;
};

// What the matrix takes; rows that do not fit are computed anew in every product.
struct MatrixSize {
    std::int64_t n_elements = 0;  // stored, one triangle, without the diagonal
    std::int64_t n_rows = 0;      // stored
    std::int64_t n_bytes = 0;
};

enum class Criterion : int { perturbation = 0, heat_bath = 1 };

// One pass over the determinants outside the space, or over one batch of them.
struct PerturbationPass {
    const double* c = nullptr;     // normalised, shape (size)
    double energy = 0;             // of c, without the constant
    double threshold = 0;          // contributions |H c| below are left out
    double coarse_threshold = 0;   // the same for the coarse sum, at least `threshold`
    std::int64_t n_batches = 1;    // outside determinants are dealt into so many batches by their alpha string
    std::int64_t batch = 0;
    Criterion criterion = Criterion::perturbation;
    bool half = false;             // look at one of each two mirror images outside, which have the same energy
    double least_importance = 0;
    std::int64_t n_keep = 0;       // most important outside determinants to return
    std::uint64_t* alpha = nullptr;   // (n_keep, 2)
    std::uint64_t* beta = nullptr;    // (n_keep, 2)
    double* importance = nullptr;     // (n_keep)
    std::int64_t memory_budget_bytes = std::numeric_limits<std::int64_t>::max();  // beside the arrays above
};

struct PerturbationSums {
    double energy = 0;         // Epstein-Nesbet, with `threshold`
    double coarse_energy = 0;  // with `coarse_threshold`
    std::int64_t n_outside = 0;
    std::int64_t n_contributions = 0;
    std::int64_t n_kept = 0;
    std::int64_t n_bytes_needed = 0;  // where the budget was too small for anything to be done: the least that would do
};

// What a vector of a product is: all determinants, or the pairs of mirror images (spins exchanged) with a sign. In the
// latter case there is one number for each pair.
enum class Vectors : int { whole = 0, even = 1, odd = 2 };

class Blocks;  // blocks.hpp: for spaces that are spread over processes

class DeterminantSpace {
public:
    virtual ~DeterminantSpace() = default;
    virtual std::int64_t size() const = 0;
    // Adds the determinants that are not there yet, in this order; how many were new.
    virtual std::int64_t append(const std::uint64_t* alpha, const std::uint64_t* beta, std::int64_t n) = 0;
    virtual void copy_strings(std::uint64_t* alpha, std::uint64_t* beta) const = 0;
    // Positions of determinants, -1 where they are not in the space.
    virtual void find(const std::uint64_t* alpha, const std::uint64_t* beta, std::int64_t n,
                      std::int64_t* positions) const = 0;
    // Whether every determinant has its mirror image in the space; how many such pairs there are.
    virtual bool is_mirrored() const = 0;
    virtual std::int64_t n_pairs() const = 0;
    // Computes the matrix rows of determinants that were added since the last call, as far as the budget reaches. With
    // `half` rows are those of one of each two mirror images; where that changes, the matrix is forgotten first.
    virtual MatrixSize build(bool half, std::int64_t budget_bytes) = 0;
    virtual bool is_half() const = 0;
    // Gives the memory of the matrix back, blocks.hpp's included; `build` computes it anew.
    virtual void forget_matrix() = 0;
    virtual void fill_diagonal(double* out) const = 0;
    // Squared norms of twice the even and twice the odd part of a vector, in a mirrored space.
    virtual void parity_sums(const double* c, double* sums) const = 0;
    // H c (penalty included) is the diagonal's product and, for each part of c: the part as the rows take it, what they
    // make of it, and that added to the product. The part that is the whole is taken as it is.
    virtual void apply_diagonal(const double* c, double* out) const = 0;
    virtual void fold(Vectors kind, const double* c, double* x) const = 0;
    virtual void multiply(Vectors kind, const double* x, double* y) const = 0;
    virtual void unfold(Vectors kind, const double* y, double* out) const = 0;
    virtual void apply_spin_squared(Vectors kind, const double* c, double* out) const = 0;
    // Derivatives of <bra|H|ket> (no penalty) by the one-body integrals of each spin, shape (2, n_orb, n_orb), and by
    // the pair matrix, shape (n_pair, n_pair).
    virtual void fill_densities(const double* bra, const double* ket, double* one_body, double* pairs) const = 0;
    virtual PerturbationSums perturb(const PerturbationPass& pass) const = 0;
    virtual Blocks& blocks() = 0;
    // An empty space of the same Hamiltonian, which shares its tables.
    virtual std::unique_ptr<DeterminantSpace> another() const = 0;
};

// `two_body` is the whole array (pq|rs), of which the pair matrix of integrals.hpp is kept.
std::unique_ptr<DeterminantSpace> make_determinants(const DeterminantOptions& options, const double* one_body,
                                                    const double* two_body);

}  // namespace kakehashi
