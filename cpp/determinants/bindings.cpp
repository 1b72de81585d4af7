// Python sees a determinant space as one class. Python checks and allocates; the kernels fill.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>

#include <string>
#include <tuple>

#include "blocks.hpp"
#include "space.hpp"

namespace nb = nanobind;

namespace kakehashi {

void bind_blocks(nb::module_& m);  // blocks.cpp

namespace {

using Words = nb::ndarray<const std::uint64_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using WordsOut = nb::ndarray<std::uint64_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using VectorOut = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using IndexOut = nb::ndarray<std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using FourIndices = nb::ndarray<const double, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using MatrixOut = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using CubeOut = nb::ndarray<double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

template <class Array>
std::int64_t length(const Array& array) {
    return static_cast<std::int64_t>(array.shape(0));
}

// Vectors of the pairs have a meaning only where the matrix is one of pairs.
void require_length(const DeterminantSpace& s, int kind, std::int64_t n) {
    require(s.is_half() ? kind == 1 || kind == 2 : kind == 0, "the matrix does not take such a vector");
    require(n == (s.is_half() ? s.n_pairs() : s.size()), "vector does not have the matrix's size");
}

}  // namespace

void bind_determinants(nb::module_& m) {
    bind_blocks(m);
    nb::class_<DeterminantSpace>(m, "DeterminantSpace")
        .def_prop_ro("size", &DeterminantSpace::size)
        .def("another", &DeterminantSpace::another)
        .def_prop_ro("blocks", &DeterminantSpace::blocks, nb::rv_policy::reference_internal)
        .def("append",
             [](DeterminantSpace& s, Words alpha, Words beta) {
                 require(length(alpha) == length(beta), "alpha and beta differ in length");
                 nb::gil_scoped_release release;
                 return s.append(alpha.data(), beta.data(), length(alpha));
             })
        .def("copy_strings",
             [](const DeterminantSpace& s, WordsOut alpha, WordsOut beta) {
                 require(length(alpha) == s.size() && length(beta) == s.size(), "strings do not have the space's size");
                 s.copy_strings(alpha.data(), beta.data());
             })
        .def("find",
             [](const DeterminantSpace& s, Words alpha, Words beta, IndexOut out) {
                 require(length(alpha) == length(beta) && length(out) == length(alpha), "arrays differ in length");
                 nb::gil_scoped_release release;
                 s.find(alpha.data(), beta.data(), length(alpha), out.data());
             })
        .def("build",
             [](DeterminantSpace& s, bool half, std::int64_t budget_bytes) {
                 require(!half || s.is_mirrored(), "a determinant has no mirror image");
                 MatrixSize size;
                 {
                     nb::gil_scoped_release release;
                     size = s.build(half, budget_bytes);
                 }
                 return std::make_tuple(size.n_elements, size.n_rows, size.n_bytes);
             })
        .def("forget_matrix", &DeterminantSpace::forget_matrix)
        .def("fill_diagonal",
             [](const DeterminantSpace& s, VectorOut out) {
                 require(length(out) == s.size(), "vector does not have the space's size");
                 s.fill_diagonal(out.data());
             })
        .def_prop_ro("is_mirrored", &DeterminantSpace::is_mirrored)
        .def_prop_ro("n_pairs", &DeterminantSpace::n_pairs)
        .def("parity_sums",
             [](const DeterminantSpace& s, Vector c, VectorOut sums) {
                 require(length(c) == s.size() && length(sums) == 2, "vector does not have the space's size");
                 require(s.is_mirrored(), "a determinant has no mirror image");
                 nb::gil_scoped_release release;
                 s.parity_sums(c.data(), sums.data());
             })
        .def("apply_diagonal",
             [](const DeterminantSpace& s, Vector c, VectorOut out) {
                 require(length(c) == s.size() && length(out) == s.size(), "vector does not have the space's size");
                 nb::gil_scoped_release release;
                 s.apply_diagonal(c.data(), out.data());
             })
        .def("fold",
             [](const DeterminantSpace& s, int kind, Vector c, VectorOut x) {
                 require_length(s, kind, length(x));
                 require(length(c) == s.size(), "vector does not have the space's size");
                 nb::gil_scoped_release release;
                 s.fold(static_cast<Vectors>(kind), c.data(), x.data());
             })
        .def("multiply",
             [](const DeterminantSpace& s, int kind, Vector x, VectorOut y) {
                 require_length(s, kind, length(x));
                 require_length(s, kind, length(y));
                 nb::gil_scoped_release release;
                 s.multiply(static_cast<Vectors>(kind), x.data(), y.data());
             })
        .def("unfold",
             [](const DeterminantSpace& s, int kind, Vector y, VectorOut out) {
                 require_length(s, kind, length(y));
                 require(length(out) == s.size(), "vector does not have the space's size");
                 nb::gil_scoped_release release;
                 s.unfold(static_cast<Vectors>(kind), y.data(), out.data());
             })
        .def("apply_spin_squared",
             [](const DeterminantSpace& s, int kind, Vector c, VectorOut out) {
                 require(length(c) == s.size() && length(out) == s.size(), "vector does not have the space's size");
                 require(kind == 0 || s.is_mirrored(), "a determinant has no mirror image");
                 nb::gil_scoped_release release;
                 s.apply_spin_squared(static_cast<Vectors>(kind), c.data(), out.data());
             })
        .def("fill_densities",
             [](const DeterminantSpace& s, Vector bra, Vector ket, CubeOut one_body, MatrixOut pairs) {
                 require(length(bra) == s.size() && length(ket) == s.size(), "vector does not have the space's size");
                 const std::size_t n = one_body.shape(1), n_pair = n * (n + 1) / 2;
                 require(one_body.shape(0) == 2 && one_body.shape(2) == n && pairs.shape(0) == n_pair &&
                             pairs.shape(1) == n_pair,
                         "densities do not have the shape of the orbitals");
                 nb::gil_scoped_release release;
                 s.fill_densities(bra.data(), ket.data(), one_body.data(), pairs.data());
             })
        .def("perturb",
             [](const DeterminantSpace& s, Vector c, double energy, double threshold, double coarse_threshold,
                std::int64_t n_batches, std::int64_t batch, bool heat_bath, bool half, double least_importance,
                WordsOut alpha, WordsOut beta, VectorOut importance, std::int64_t memory_budget_bytes) {
                 require(length(c) == s.size(), "vector does not have the space's size");
                 require(length(alpha) == length(importance) && length(beta) == length(importance),
                         "arrays differ in length");
                 require(n_batches > 0 && batch >= 0 && batch < n_batches, "no such batch");
                 PerturbationPass pass{c.data(), energy, threshold, coarse_threshold, n_batches, batch,
                                       heat_bath ? Criterion::heat_bath : Criterion::perturbation, half, least_importance,
                                       length(importance), alpha.data(), beta.data(), importance.data(),
                                       memory_budget_bytes};
                 PerturbationSums sums;
                 {
                     nb::gil_scoped_release release;
                     sums = s.perturb(pass);
                 }
                 return std::make_tuple(sums.energy, sums.coarse_energy, sums.n_outside, sums.n_contributions,
                                        sums.n_kept, sums.n_bytes_needed);
             });
    m.def(
        "make_determinants",
        [](Matrix one_body, FourIndices two_body, double screen, double spin_penalty, int n_threads) {
            const std::size_t n_orb = one_body.shape(0);
            bool fits = one_body.shape(1) == n_orb;
            for (std::size_t i = 0; i < 4; ++i) fits = fits && two_body.shape(i) == n_orb;
            require(fits, "integrals do not have the shape of the orbitals");
            require(n_orb <= 128, "at most 128 orbitals");
            nb::gil_scoped_release release;
            return make_determinants({static_cast<int>(n_orb), screen, spin_penalty, n_threads}, one_body.data(),
                                     two_body.data());
        },
        nb::arg("one_body"), nb::arg("two_body"), nb::arg("screen"), nb::arg("spin_penalty"),
        nb::arg("n_threads"));
}

}  // namespace kakehashi
