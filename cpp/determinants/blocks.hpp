// What a space of determinants needs beside the rest when it is spread over processes: each holds a shard of the
// determinants, its rows within the shard (space.hpp), and blocks of the Hamiltonian with other shards.
#pragma once

#include "space.hpp"

namespace kakehashi {

// The determinants of one process as another one receives them: the guests.
struct Shard {
    std::int64_t n = 0, n_alphas = 0, n_betas = 0;
    const std::uint64_t* alphas = nullptr;  // distinct strings, (n_alphas, 2)
    const std::uint64_t* betas = nullptr;   // (n_betas, 2)
    const std::int32_t* alpha = nullptr;    // strings of each determinant, (n)
    const std::int32_t* beta = nullptr;
};

// What is worked on here: of two processes that hold each other's determinants, one takes half of its rows, the other
// all of its own with that half of its guests for which they are not (guests.hpp).
enum class Share : int { all = 0, half_of_the_rows = 1, half_of_the_guests = 2 };

// What is stored of the blocks with all other processes, and whether the last one built is stored as a whole.
struct BlockSize {
    std::int64_t n_elements = 0;
    std::int64_t n_bytes = 0;
    bool complete = false;
};

// Sums over outside determinants that come in parts, from one share of the space after the other.
class PartialSums {
public:
    virtual ~PartialSums() = default;
    virtual std::int64_t size() const = 0;
    // Whether the budget was too small: something is missing then.
    virtual bool full() const = 0;
};

class Blocks {
public:
    virtual ~Blocks() = default;
    virtual std::int64_t size() const = 0;
    virtual std::int64_t n_alphas() const = 0;
    virtual std::int64_t n_betas() const = 0;
    virtual std::int64_t n_bytes() const = 0;  // stored with all processes
    // The own determinants, as arrays of the sizes above.
    virtual void copy_shard(std::uint64_t* alphas, std::uint64_t* betas, std::int32_t* alpha,
                            std::int32_t* beta) const = 0;
    // The same of a mirrored space, one of each two mirror images; all strings are among the alpha strings.
    virtual void copy_pairs(std::uint64_t* strings, std::int32_t* alpha, std::int32_t* beta) const = 0;
    virtual std::int64_t n_pairs() const = 0;
    // Whether the matrix has rows for one of each two mirror images; how many. Shards of `build` and `apply` are then such
    // ones, and vectors have a number for each pair.
    virtual bool is_half() const = 0;
    virtual std::int64_t n_rows() const = 0;
    // Stores the elements with a process's guests that were not stored before. Guests only ever come behind the known.
    virtual BlockSize build(std::int64_t process, const Shard& shard, Share share, std::int64_t budget_bytes) = 0;
    // Adds to both products; `shard` may be null where the block is stored as a whole.
    virtual void apply(std::int64_t process, const Shard* shard, Share share, Vectors kind, std::int64_t n_guests,
                       const double* x, const double* guests_x, double* y, double* guests_y) const = 0;
    // What pairs of an own determinant and a guest add to <c|S^2|c>.
    virtual double spin_squared(const Shard& shard, Share share, const double* c, const double* guests_c) const = 0;
    // Adds what the pairs give to densities. `bra` and `ket` hold the own coefficients and then the guests'.
    virtual void add_densities(const Shard& shard, Share share, const double* bra, const double* ket, double* one_body,
                               double* pairs) const = 0;
    // A pass whose sums are finished only after other shares of the space have added to them.
    virtual std::unique_ptr<PartialSums> make_partial_sums(std::int64_t budget_bytes) const = 0;
    virtual PerturbationSums perturb_in_part(const PerturbationPass& pass, PartialSums& sums) const = 0;
    virtual PerturbationSums finish_parts(const PerturbationPass& pass, PartialSums& sums) const = 0;
};

}  // namespace kakehashi
