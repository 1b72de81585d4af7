// The native module `kakehashi._native`. Python checks and allocates; the kernels fill.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include "product.hpp"

namespace nb = nanobind;

namespace kakehashi {

void bind_amplification(nb::module_& m);  // amplification/bindings.cpp
void bind_determinants(nb::module_& m);  // determinants/bindings.cpp
void bind_reconciliation(nb::module_& m);  // reconciliation/bindings.cpp
void bind_sifting(nb::module_& m);         // sifting/bindings.cpp
void bind_state_vector(nb::module_& m);  // state_vector/bindings.cpp
void bind_photons(nb::module_& m);       // photons/bindings.cpp
void bind_routing(nb::module_& m);       // routing/bindings.cpp

namespace {

using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using MatrixOut = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using TensorOut = nb::ndarray<double, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using IndexArray = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using StringArray = nb::ndarray<const std::uint64_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;

std::vector<String> read_strings(const StringArray& array) {
    std::vector<String> strings(array.shape(0));
    for (std::size_t i = 0; i < strings.size(); ++i) strings[i] = {array(i, 0), array(i, 1)};
    return strings;
}

void require_shape(const ProductSpace& space, std::size_t n_rows, std::size_t n_columns) {
    if (static_cast<std::int64_t>(n_rows) != space.n_alpha() || static_cast<std::int64_t>(n_columns) != space.n_beta())
        throw std::invalid_argument("array does not have the shape of the product space");
}

// Every dimension must be the number of orbitals.
template <class Array>
void require_orbitals(const ProductSpace& space, const Array& array) {
    for (std::size_t i = 0; i < array.ndim(); ++i) {
        if (static_cast<int>(array.shape(i)) != space.integrals.n_orb)
            throw std::invalid_argument("array does not have the shape of the orbitals");
    }
}

}  // namespace
}  // namespace kakehashi

NB_MODULE(_native, m) {
    using namespace kakehashi;
    m.doc() = "Native kernels of kakehashi.";
    m.def("kernel_name", [] { return std::string(kernels().name); }, "Instruction set of the kernels in use.");
    m.def("select_kernels", [](const std::string& name) { return select_kernels(name.c_str()); }, nb::arg("name"),
          "Use the kernels of another instruction set; False where this machine lacks it.");
    nb::class_<ProductSpace>(m, "ProductSpace")
        .def_prop_ro("same_strings", [](const ProductSpace& s) { return s.same_strings; })
        .def_prop_ro("n_classes", [](const ProductSpace& s) { return s.classes.size(); })
        .def("fill_diagonal",
             [](const ProductSpace& s, MatrixOut out) {
                 require_shape(s, out.shape(0), out.shape(1));
                 nb::gil_scoped_release release;
                 fill_diagonal(s, out.data());
             })
        .def("fill_block",
             [](const ProductSpace& s, IndexArray indices, MatrixOut out, bool spin) {
                 const auto n = static_cast<std::int64_t>(indices.shape(0));
                 if (static_cast<std::int64_t>(out.shape(0)) != n || static_cast<std::int64_t>(out.shape(1)) != n)
                     throw std::invalid_argument("block does not have the shape of the indices");
                 for (std::int64_t i = 0; i < n; ++i) {
                     if (indices(i) < 0 || indices(i) >= s.size()) throw std::out_of_range("determinant index");
                 }
                 nb::gil_scoped_release release;
                 (spin ? fill_spin_block : fill_block)(s, indices.data(), n, out.data());
             })
        .def("apply_hamiltonian_into_buffer",
             [](const ProductSpace& s, Matrix diagonal, Matrix c, MatrixOut out, int symmetry) {
                 require_shape(s, diagonal.shape(0), diagonal.shape(1));
                 require_shape(s, c.shape(0), c.shape(1));
                 require_shape(s, out.shape(0), out.shape(1));
                 if (symmetry < -1 || symmetry > 1) throw std::invalid_argument("symmetry must be -1, 0 or 1");
                 if (symmetry != 0 && !s.same_strings)
                     throw std::invalid_argument("symmetry needs the same strings for both spins");
                 nb::gil_scoped_release release;
                 apply_hamiltonian(s, diagonal.data(), c.data(), out.data(), static_cast<Symmetry>(symmetry));
             })
        .def("apply_spin_squared_into_buffer",
             [](const ProductSpace& s, Matrix c, MatrixOut out) {
                 require_shape(s, c.shape(0), c.shape(1));
                 require_shape(s, out.shape(0), out.shape(1));
                 nb::gil_scoped_release release;
                 apply_spin_squared(s, c.data(), out.data());
             })
        .def("fill_opposite_density",
             [](const ProductSpace& s, Matrix c, TensorOut out) {
                 require_shape(s, c.shape(0), c.shape(1));
                 require_orbitals(s, out);
                 nb::gil_scoped_release release;
                 fill_opposite_density(s, c.data(), out.data());
             })
        .def("fill_same_spin_density",
             [](const ProductSpace& s, bool beta, Matrix string_density, MatrixOut one_body, TensorOut two_body) {
                 const Sector& sector = beta ? s.beta() : s.alpha;
                 if (static_cast<std::int64_t>(string_density.shape(0)) != sector.size() ||
                     static_cast<std::int64_t>(string_density.shape(1)) != sector.size())
                     throw std::invalid_argument("string_density does not have the shape of the sector");
                 require_orbitals(s, one_body);
                 require_orbitals(s, two_body);
                 nb::gil_scoped_release release;
                 fill_same_spin_density(sector, s.integrals.n_orb, string_density.data(), one_body.data(),
                                        two_body.data());
             })
        .def("count_elements", [](const ProductSpace& s) {
            const ElementCount count = count_elements(s);
            return std::pair<double, double>(count.connected, count.nonzero);
        });
    m.def(
        "build_product",
        [](Matrix one_body, Matrix pair_matrix, StringArray alpha, StringArray beta, double screen, int n_threads) {
            const std::size_t n_orb = one_body.shape(0), n_pair = n_orb * (n_orb + 1) / 2;
            if (one_body.shape(1) != n_orb || pair_matrix.shape(0) != n_pair || pair_matrix.shape(1) != n_pair)
                throw std::invalid_argument("integrals do not have the shape of the orbitals");
            std::vector<String> a = read_strings(alpha), b = read_strings(beta);
            nb::gil_scoped_release release;
            return build_product(static_cast<int>(one_body.shape(0)), one_body.data(), pair_matrix.data(),
                                 std::move(a), std::move(b), screen, n_threads);
        },
        nb::arg("one_body"), nb::arg("pair_matrix"), nb::arg("alpha"), nb::arg("beta"), nb::arg("screen"),
        nb::arg("n_threads"));
    bind_amplification(m);
    bind_determinants(m);
    bind_reconciliation(m);
    bind_sifting(m);
    bind_state_vector(m);
    bind_photons(m);
    bind_routing(m);
}
