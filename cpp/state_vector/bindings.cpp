// Python sees the trajectories of a circuit as one class. Python plans and allocates; the kernels fill.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/unique_ptr.h>

#include <algorithm>
#include <complex>

#include "front.hpp"
#include "program.hpp"

namespace nb = nanobind;

namespace kakehashi {
namespace {

using Signs = nb::ndarray<const std::uint64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Code = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using IndicesOut = nb::ndarray<std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Codes = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Matrices = nb::ndarray<const std::complex<double>, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Bytes = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using BytesOut = nb::ndarray<std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using NumbersOut = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

void require_signs(const TrajectorySampler& sampler, const Signs& signs) {
    require(static_cast<std::int64_t>(signs.shape(1)) == sampler.n_words(), "signs do not have the program's width");
    const std::int64_t n = static_cast<std::int64_t>(signs.shape(0)), n_words = sampler.n_words();
    for (std::int64_t k = 1; k < n; ++k) {
        const std::uint64_t* const x = signs.data() + (k - 1) * n_words;
        const std::uint64_t* const y = x + n_words;
        require(std::lexicographical_compare(x, y, y, y + n_words), "rows of signs must ascend");
    }
}

void require_draws(const Indices& first_draw, std::size_t n, std::size_t n_draws) {
    require(first_draw.shape(0) == n + 1, "first_draw must have one number more than there are rows of signs");
    require(first_draw(0) == 0 && first_draw(n) == static_cast<std::int64_t>(n_draws), "draws do not belong to rows");
    for (std::size_t k = 0; k < n; ++k) require(first_draw(k) <= first_draw(k + 1), "first_draw must ascend");
}

}  // namespace

void bind_state_vector(nb::module_& m) {
    nb::class_<TrajectorySampler>(m, "TrajectorySampler")
        .def_prop_ro("n_words", &TrajectorySampler::n_words)
        .def("sample",
             [](const TrajectorySampler& s, Signs signs, Indices first_draw, Numbers uniforms, IndicesOut out,
                int n_branches, int n_threads, int max_states) {
                 require_signs(s, signs);
                 require_draws(first_draw, signs.shape(0), uniforms.shape(0));
                 require(out.shape(0) == uniforms.shape(0), "arrays differ in length");
                 require(n_branches > 0 && n_threads > 0 && max_states > 0, "numbers of threads must be positive");
                 nb::gil_scoped_release release;
                 s.sample(signs.data(), static_cast<std::int64_t>(signs.shape(0)), first_draw.data(), uniforms.data(),
                          out.data(), {n_branches, n_threads, max_states});
             })
        .def("fill_parities",
             [](const TrajectorySampler& s, Signs signs, std::int64_t mask, NumbersOut out, int n_branches,
                int n_threads, int max_states) {
                 require_signs(s, signs);
                 require(out.shape(0) == signs.shape(0), "arrays differ in length");
                 require(n_branches > 0 && n_threads > 0 && max_states > 0, "numbers of threads must be positive");
                 nb::gil_scoped_release release;
                 s.parities(signs.data(), static_cast<std::int64_t>(signs.shape(0)), mask, out.data(),
                            {n_branches, n_threads, max_states});
             })
        .def("fill_amplitudes", [](const TrajectorySampler& s, Signs signs, NumbersOut real, NumbersOut imaginary,
                                   int n_threads) {
            require_signs(s, signs);
            require(signs.shape(0) == 1, "amplitudes are those of one trajectory");
            require(static_cast<std::int64_t>(real.shape(0)) == s.size() && imaginary.shape(0) == real.shape(0),
                    "amplitudes do not have the state's size");
            require(n_threads > 0, "numbers of threads must be positive");
            nb::gil_scoped_release release;
            s.amplitudes(signs.data(), real.data(), imaginary.data(), n_threads);
        });
    nb::class_<FrontProgram>(m, "FrontProgram")
        .def_ro("width", &FrontProgram::width)
        .def("sample", [](const FrontProgram& program, Bytes signs, Rows uniforms, BytesOut bits, int n_threads,
                          bool single) {
            require(signs.shape(0) == program.steps.size(), "signs do not have a row for each step");
            require(static_cast<int>(bits.shape(0)) == program.n_qubits, "bits do not have a row for each qubit");
            require(uniforms.shape(0) == bits.shape(0), "uniform numbers do not have a row for each qubit");
            require(signs.shape(1) == bits.shape(1) && uniforms.shape(1) == bits.shape(1), "shots differ in number");
            require(n_threads > 0, "numbers of threads must be positive");
            nb::gil_scoped_release release;
            sample_front(program, {static_cast<std::int64_t>(bits.shape(1)), signs.data(), uniforms.data(), bits.data()},
                         n_threads, single);
        });
    m.def("make_front", [](int n_qubits, Codes code, Matrices matrices) {
        require(code.shape(1) == 4, "a step has four numbers");
        require(matrices.shape(1) == 4, "a matrix has four numbers");
        return read_front(n_qubits, code.data(), static_cast<std::int64_t>(code.shape(0)), matrices.data(),
                          static_cast<std::int64_t>(matrices.shape(0)));
    });
    m.def(
        "make_trajectories",
        [](int n_qubits, Code code, Numbers angles, Numbers scales, bool single) {
            require(n_qubits >= 4, "at least 4 qubits");
            auto program = std::make_shared<const Program>(
                read_program(n_qubits, {code.data(), code.data() + code.shape(0)},
                             {angles.data(), angles.data() + angles.shape(0)},
                             {scales.data(), scales.data() + scales.shape(0)}));
            return make_sampler(std::move(program), single);
        },
        nb::arg("n_qubits"), nb::arg("code"), nb::arg("angles"), nb::arg("scales"), nb::arg("single"));
}

}  // namespace kakehashi
