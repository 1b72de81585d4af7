// Python sees the kernels over GF(2) as functions on arrays of bytes. Python checks and allocates; the kernels fill.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include "kernels.hpp"

namespace nb = nanobind;

namespace kakehashi {
namespace {

using Bytes = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using BytesOut = nb::ndarray<std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

std::size_t bytes_of(std::int64_t n_bits) { return static_cast<std::size_t>((n_bits + 7) / 8); }

void hash(Bytes key, Bytes seed, std::int64_t n, BytesOut out, std::int64_t n_out, int log2_length, int n_threads) {
    require(n > 0 && n_out >= 0 && n_out <= n, "numbers of bits do not belong together");
    require(key.shape(0) == bytes_of(n) && seed.shape(0) == bytes_of(n - 1) && out.shape(0) == bytes_of(n_out),
            "arrays do not have the numbers of bits");
    require(log2_length == 0 || (log2_length >= 13 && log2_length <= 37 && std::int64_t{1} << log2_length >= n_out),
            "no transform has that length");
    require(n_threads > 0, "numbers of threads must be positive");
    const ToeplitzTask task{key.data(), seed.data(), out.data(), n, n_out, log2_length, n_threads};
    nb::gil_scoped_release release;
    carryless_kernels().toeplitz(task);
}

}  // namespace

void bind_amplification(nb::module_& m) {
    m.def("carryless_kernel_name", [] { return std::string(carryless_kernels().name); },
          "Instruction set of the kernels over GF(2) in use.");
    m.def("select_carryless_kernels", [](const std::string& name) { return select_carryless_kernels(name.c_str()); },
          nb::arg("name"), "Use the kernels over GF(2) of another instruction set; False where this machine lacks it.");
    m.def("plan_toeplitz", &plan_toeplitz, nb::arg("n"), nb::arg("n_out"));
    m.def("toeplitz_bytes", &toeplitz_bytes, nb::arg("n"), nb::arg("n_out"), nb::arg("log2_length"),
          nb::arg("n_threads"));
    m.def("toeplitz_into_buffer", &hash, nb::arg("key"), nb::arg("seed"), nb::arg("n"), nb::arg("out"),
          nb::arg("n_out"), nb::arg("log2_length"), nb::arg("n_threads"));
    nb::class_<Polynomial>(m, "Polynomial")
        .def("__init__",
             [](Polynomial* p, Bytes key) {
                 require(key.shape(0) == 16, "a key has 16 bytes");
                 new (p) Polynomial;
                 carryless_kernels().start_polynomial(*p, key.data());
             })
        .def("extend",
             [](Polynomial& p, Bytes blocks) {
                 require(blocks.shape(0) % 16 == 0, "blocks have 16 bytes each");
                 nb::gil_scoped_release release;
                 carryless_kernels().extend_polynomial(p, blocks.data(), blocks.shape(0) / 16);
             })
        .def("value", [](const Polynomial& p) {
            return nb::bytes(reinterpret_cast<const char*>(p.sum), sizeof p.sum);
        })
        .def("copy", [](const Polynomial& p) { return Polynomial(p); });
}

}  // namespace kakehashi
