// Python sees the part of a determinant space that lies between processes as one class.
#include "blocks.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>

#include <tuple>

namespace nb = nanobind;

namespace kakehashi {
namespace {

using Words = nb::ndarray<const std::uint64_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using WordsOut = nb::ndarray<std::uint64_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using NumbersOut = nb::ndarray<std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using VectorOut = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using MatrixOut = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using CubeOut = nb::ndarray<double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Sums = std::tuple<double, double, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

template <class Array>
std::int64_t length(const Array& array) {
    return static_cast<std::int64_t>(array.shape(0));
}

// Whatever comes from another process is checked: a number out of range would be read as an address.
Shard to_shard(const Words& alphas, const Words& betas, const Numbers& alpha, const Numbers& beta) {
    require(length(alpha) == length(beta), "alpha and beta differ in length");
    const Shard shard{length(alpha), length(alphas), length(betas), alphas.data(), betas.data(), alpha.data(),
                      beta.data()};
    for (std::int64_t i = 0; i < shard.n; ++i) {
        require(shard.alpha[i] >= 0 && shard.alpha[i] < shard.n_alphas, "no such alpha string");
        require(shard.beta[i] >= 0 && shard.beta[i] < shard.n_betas, "no such beta string");
    }
    return shard;
}

Share to_share(int share) {
    require(share >= 0 && share <= 2, "no such share");
    return static_cast<Share>(share);
}

PerturbationPass to_pass(const Blocks& blocks, const Vector& c, double energy, double threshold,
                         double coarse_threshold, std::int64_t n_batches, std::int64_t batch, bool heat_bath,
                         bool half) {
    require(length(c) == blocks.size(), "vector does not have the space's size");
    require(n_batches > 0 && batch >= 0 && batch < n_batches, "no such batch");
    PerturbationPass pass;
    pass.c = c.data(), pass.energy = energy, pass.threshold = threshold, pass.coarse_threshold = coarse_threshold;
    pass.n_batches = n_batches, pass.batch = batch, pass.half = half;
    pass.criterion = heat_bath ? Criterion::heat_bath : Criterion::perturbation;
    return pass;
}

Sums to_tuple(const PerturbationSums& sums) {
    return {sums.energy, sums.coarse_energy, sums.n_outside, sums.n_contributions, sums.n_kept, sums.n_bytes_needed};
}

void apply(const Blocks& blocks, std::int64_t process, const Shard* shard, Share share, int kind, const Vector& x,
           const Vector& guests_x, VectorOut& y, VectorOut& guests_y) {
    require(blocks.is_half() ? kind == 1 || kind == 2 : kind == 0, "the matrix does not take such a vector");
    require(length(x) == blocks.n_rows() && length(y) == blocks.n_rows(), "vector does not have the matrix's size");
    require(length(guests_x) == length(guests_y) && (shard == nullptr || length(guests_x) == shard->n),
            "vector does not have the guests' size");
    nb::gil_scoped_release release;
    blocks.apply(process, shard, share, static_cast<Vectors>(kind), length(guests_x), x.data(), guests_x.data(), y.data(),
                 guests_y.data());
}

}  // namespace

void bind_blocks(nb::module_& m) {
    nb::class_<PartialSums>(m, "PartialSums")
        .def_prop_ro("size", &PartialSums::size)
        .def_prop_ro("full", &PartialSums::full);
    nb::class_<Blocks>(m, "Blocks")
        .def_prop_ro("n_alphas", &Blocks::n_alphas)
        .def_prop_ro("n_betas", &Blocks::n_betas)
        .def_prop_ro("n_bytes", &Blocks::n_bytes)
        .def("copy_shard",
             [](const Blocks& s, WordsOut alphas, WordsOut betas, NumbersOut alpha, NumbersOut beta) {
                 require(length(alphas) == s.n_alphas() && length(betas) == s.n_betas() && length(alpha) == s.size() &&
                             length(beta) == s.size(),
                         "arrays do not have the space's sizes");
                 s.copy_shard(alphas.data(), betas.data(), alpha.data(), beta.data());
             })
        .def("copy_pairs",
             [](const Blocks& s, WordsOut strings, NumbersOut alpha, NumbersOut beta) {
                 require(length(strings) == s.n_alphas() && length(alpha) == s.n_pairs() && length(beta) == s.n_pairs(),
                         "arrays do not have the space's sizes");
                 s.copy_pairs(strings.data(), alpha.data(), beta.data());
             })
        .def("build",
             [](Blocks& s, std::int64_t process, Words alphas, Words betas, Numbers alpha, Numbers beta, int share,
                std::int64_t budget_bytes) {
                 const Shard shard = to_shard(alphas, betas, alpha, beta);
                 BlockSize size;
                 {
                     nb::gil_scoped_release release;
                     size = s.build(process, shard, to_share(share), budget_bytes);
                 }
                 return std::make_tuple(size.n_elements, size.n_bytes, size.complete);
             })
        .def("apply_stored",
             [](const Blocks& s, std::int64_t process, int kind, Vector x, Vector guests_x, VectorOut y,
                VectorOut guests_y) { apply(s, process, nullptr, Share::all, kind, x, guests_x, y, guests_y); })
        .def("apply",
             [](const Blocks& s, std::int64_t process, Words alphas, Words betas, Numbers alpha, Numbers beta,
                int share, int kind, Vector x, Vector guests_x, VectorOut y, VectorOut guests_y) {
                 const Shard shard = to_shard(alphas, betas, alpha, beta);
                 apply(s, process, &shard, to_share(share), kind, x, guests_x, y, guests_y);
             })
        .def("spin_squared",
             [](const Blocks& s, Words alphas, Words betas, Numbers alpha, Numbers beta, int share, Vector c,
                Vector guests_c) {
                 const Shard shard = to_shard(alphas, betas, alpha, beta);
                 require(length(c) == s.size() && length(guests_c) == shard.n, "vectors differ in length");
                 nb::gil_scoped_release release;
                 return s.spin_squared(shard, to_share(share), c.data(), guests_c.data());
             })
        .def("add_densities",
             [](const Blocks& s, Words alphas, Words betas, Numbers alpha, Numbers beta, int share, Vector bra,
                Vector ket, CubeOut one_body, MatrixOut pairs) {
                 const Shard shard = to_shard(alphas, betas, alpha, beta);
                 require(length(bra) == s.size() + shard.n && length(ket) == length(bra), "vectors differ in length");
                 const std::size_t n = one_body.shape(1), n_pair = n * (n + 1) / 2;
                 require(one_body.shape(0) == 2 && one_body.shape(2) == n && pairs.shape(0) == n_pair &&
                             pairs.shape(1) == n_pair,
                         "densities do not have the shape of the orbitals");
                 nb::gil_scoped_release release;
                 s.add_densities(shard, to_share(share), bra.data(), ket.data(), one_body.data(), pairs.data());
             })
        .def("make_partial_sums", &Blocks::make_partial_sums)
        .def("perturb_in_part",
             [](const Blocks& s, PartialSums& parts, Vector c, double energy, double threshold,
                double coarse_threshold, std::int64_t n_batches, std::int64_t batch, bool heat_bath, bool half,
                std::int64_t memory_budget_bytes) {
                 PerturbationPass pass =
                     to_pass(s, c, energy, threshold, coarse_threshold, n_batches, batch, heat_bath, half);
                 pass.memory_budget_bytes = memory_budget_bytes;
                 nb::gil_scoped_release release;
                 return to_tuple(s.perturb_in_part(pass, parts));
             })
        .def("finish_parts", [](const Blocks& s, PartialSums& parts, Vector c, double energy, double threshold,
                                double coarse_threshold, std::int64_t n_batches, std::int64_t batch, bool heat_bath,
                                bool half, double least_importance, WordsOut alpha, WordsOut beta,
                                VectorOut importance) {
            PerturbationPass pass =
                to_pass(s, c, energy, threshold, coarse_threshold, n_batches, batch, heat_bath, half);
            require(length(alpha) == length(importance) && length(beta) == length(importance),
                    "arrays differ in length");
            pass.least_importance = least_importance, pass.n_keep = length(importance);
            pass.alpha = alpha.data(), pass.beta = beta.data(), pass.importance = importance.data();
            nb::gil_scoped_release release;
            return to_tuple(s.finish_parts(pass, parts));
        });
}

}  // namespace kakehashi
