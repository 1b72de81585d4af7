// Python hands over arrays that it has made; what could write or read beyond them is checked here.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>

#include "../product.hpp"

namespace nb = nanobind;

namespace kakehashi {
namespace {

using Slots = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Small = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using SmallOut = nb::ndarray<std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using PlanesOut = nb::ndarray<std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

bool is_width(int width) { return width == 1 || width == 2 || width == 4 || width == 8; }

}  // namespace

void bind_sifting(nb::module_& m) {
    m.def(
        "pick_bits",
        [](Small values, Small mask, SmallOut out) {
            require(values.shape(0) == mask.shape(0) && out.shape(0) >= mask.shape(0) + 8, "arrays do not fit");
            nb::gil_scoped_release release;
            return kernels().pick_bits(values.data(), mask.data(), static_cast<std::int64_t>(mask.shape(0)), out.data());
        },
        nb::arg("values"), nb::arg("mask"), nb::arg("out"));
    m.def(
        "gap_width",
        [](Slots slot, std::int64_t first) {
            return kernels().gap_width(slot.data(), static_cast<std::int64_t>(slot.shape(0)), first);
        },
        nb::arg("slot"), nb::arg("first"));
    m.def(
        "fill_gaps",
        [](Slots slot, std::int64_t first, int width, SmallOut out) {
            require(is_width(width) && out.shape(0) == slot.shape(0) * static_cast<std::size_t>(width),
                    "arrays do not fit");
            nb::gil_scoped_release release;
            kernels().fill_gaps(slot.data(), static_cast<std::int64_t>(slot.shape(0)), first, width, out.data());
        },
        nb::arg("slot"), nb::arg("first"), nb::arg("width"), nb::arg("out"));
    m.def(
        "look_up_clicks",
        [](Slots slot, Small bit, Small basis, Small intensity, std::int64_t first, bool is_dense, Small gaps, int width,
           PlanesOut out) {
            const std::size_t n = slot.shape(0);
            require(bit.shape(0) == n && basis.shape(0) == n && intensity.shape(0) == n, "arrays do not fit");
            require(is_width(width) && gaps.shape(0) % static_cast<std::size_t>(width) == 0, "arrays do not fit");
            const std::size_t n_clicks = gaps.shape(0) / static_cast<std::size_t>(width);
            require(out.shape(0) == sifting::n_planes && out.shape(1) == (n_clicks + 7) / 8, "arrays do not fit");
            const sifting::Prepared prepared{slot.data(),      bit.data(), basis.data(),
                                             intensity.data(), static_cast<std::int64_t>(n), first, is_dense};
            nb::gil_scoped_release release;
            kernels().look_up_clicks(prepared, gaps.data(), width, static_cast<std::int64_t>(n_clicks), out.data());
        },
        nb::arg("slot"), nb::arg("bit"), nb::arg("basis"), nb::arg("intensity"), nb::arg("first"), nb::arg("is_dense"),
        nb::arg("gaps"), nb::arg("width"), nb::arg("out"));
}

}  // namespace kakehashi
