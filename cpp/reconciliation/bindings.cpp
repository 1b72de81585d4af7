// Python sees one end of a Cascade as a class that takes and gives packed bits. Python plans and checks messages.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <bit>

#include "cascade.hpp"
#include "ldpc.hpp"

namespace nb = nanobind;

namespace kakehashi {
namespace {

using Words = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using WordsOut = nb::ndarray<std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Small = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using SmallOut = nb::ndarray<std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Beliefs = nb::ndarray<std::int16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using IndicesOut = nb::ndarray<std::uint16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

nb::bytes to_bytes(const Packed& bits, std::int64_t n) {
    return nb::bytes(reinterpret_cast<const char*>(bits.data()), static_cast<std::size_t>((n + 7) / 8));
}

const std::uint8_t* read_bits(const nb::bytes& bits, std::int64_t n) {
    require(static_cast<std::int64_t>(bits.size()) == (n + 7) / 8, "there must be one bit for each pending parity");
    return reinterpret_cast<const std::uint8_t*>(bits.c_str());
}

void require_plan(const CascadePlan& plan, std::int64_t n_words) {
    require(plan.log_frame >= 6 && plan.log_frame <= 16, "frames have 2^6 to 2^16 bits");
    require(!plan.log_blocks.empty() && plan.log_blocks.size() <= 8, "there are 1 to 8 passes of blocks");
    int smallest = 1;
    for (const int log_block : plan.log_blocks) {
        require(log_block >= smallest && log_block < plan.log_frame, "blocks must grow, and be smaller than a frame");
        smallest = log_block;
    }
    require(plan.n_halves >= 0 && plan.n_halves <= 64 && plan.n_checks >= 0 && plan.n_checks <= 64,
            "there are at most 64 passes of halves and 64 checks");
    require(plan.group_frames >= 1, "a group has at least one frame");
    require(plan.n_bits >= 0 && n_words == (plan.n_bits + 63) / 64, "the bits do not have the length of the plan");
    require(plan.n_frames >= 0 && plan.n_frames < (std::int64_t{1} << 31), "too many frames");
    require(n_words <= (plan.n_frames << (plan.log_frame - 6)), "the frames do not hold all bits");
    require(plan.n_frames <= n_words, "there are more frames than words");
}

LdpcCode read_code(int z, int n_columns, const Indices& row_start, const Indices& column, const Indices& shift) {
    require(z >= 1 && z <= 1 << 15 && n_columns >= 1 && row_start.shape(0) >= 1, "a code has rows, columns and a size");
    require(column.shape(0) == shift.shape(0), "columns and shifts differ in length");
    LdpcCode code{z, n_columns, {row_start.data(), row_start.data() + row_start.shape(0)}, {}};
    require(code.row_start.front() == 0 && code.row_start.back() == static_cast<int>(column.shape(0)),
            "entries do not belong to rows");
    for (int row = 0; row < code.n_rows(); ++row) {
        require(code.row_start[row] <= code.row_start[row + 1], "row_start must ascend");
        for (int e = code.row_start[row]; e < code.row_start[row + 1]; ++e) {
            require(column(e) >= 0 && column(e) < n_columns && shift(e) >= 0 && shift(e) < z, "an entry is outside");
            require(e == code.row_start[row] || column(e - 1) < column(e), "columns of a row must ascend");
            code.entries.push_back({column(e), shift(e)});
        }
    }
    return code;
}

void require_sizes(const LdpcCode& code, std::size_t n_bits, std::size_t n_checks) {
    require(n_bits == static_cast<std::size_t>(code.n_columns) * static_cast<std::size_t>(code.z) &&
                n_checks == static_cast<std::size_t>(code.n_rows()) * static_cast<std::size_t>(code.z),
            "arrays do not have the code's size");
}

}  // namespace

void bind_reconciliation(nb::module_& m) {
    nb::class_<CascadeEnd>(m, "CascadeEnd")
        .def_prop_ro("n_pending", &CascadeEnd::n_pending)
        .def_prop_ro("n_flips", &CascadeEnd::n_flips)
        .def_prop_ro("n_resumed", &CascadeEnd::n_resumed)
        .def("begin",
             [](const CascadeEnd& end) {
                 Packed out;
                 {
                     nb::gil_scoped_release release;
                     end.begin(out);
                 }
                 return to_bytes(out, end.n_pending());
             })
        .def("take",
             [](CascadeEnd& end, nb::bytes parities) {
                 const std::int64_t n = end.n_pending();
                 const std::uint8_t* const in = read_bits(parities, n);
                 Packed out;
                 {
                     nb::gil_scoped_release release;
                     end.take(in, out);
                 }
                 return to_bytes(out, n);
             })
        .def("answer",
             [](CascadeEnd& end, nb::bytes differ) {
                 const std::uint8_t* const in = read_bits(differ, end.n_pending());
                 Packed out;
                 {
                     nb::gil_scoped_release release;
                     end.answer(in, out);
                 }
                 return to_bytes(out, end.n_pending());
             })
        .def("copy_bits", [](const CascadeEnd& end, WordsOut out, std::int64_t n_bits) {
            require(static_cast<std::int64_t>(out.shape(0)) == (n_bits + 63) / 64, "array does not hold the bits");
            require(n_bits == end.n_bits(), "array does not hold the bits");
            end.copy_bits(out.data());
        });
    m.def(
        "make_cascade",
        [](Words words, std::int64_t n_bits, std::int64_t n_frames, int log_frame, std::vector<int> log_blocks,
           int n_halves, int n_checks, int group_frames, std::uint64_t seed, bool corrects) {
            const CascadePlan plan{log_frame,    std::move(log_blocks), n_halves, n_checks,
                                   group_frames, n_frames,              n_bits,   seed};
            require_plan(plan, static_cast<std::int64_t>(words.shape(0)));
            nb::gil_scoped_release release;
            return make_cascade(plan, words.data(), corrects);
        },
        nb::arg("words"), nb::kw_only(), nb::arg("n_bits"), nb::arg("n_frames"), nb::arg("log_frame"),
        nb::arg("log_blocks"), nb::arg("n_halves"), nb::arg("n_checks"), nb::arg("group_frames"), nb::arg("seed"),
        nb::arg("corrects"));
    m.def(
        "fill_permutation",
        [](std::uint64_t seed, int pass, IndicesOut out) {
            const std::size_t n = out.shape(0);
            require(n >= 1 && n <= 65536 && (n & (n - 1)) == 0, "a permutation has a power of two of places");
            fill_permutation(seed, pass, std::bit_width(n) - 1, out.data());
        },
        nb::arg("seed"), nb::arg("number"), nb::arg("out"));
    m.def(
        "fill_syndrome",
        [](int z, int n_columns, Indices row_start, Indices column, Indices shift, Small bits, SmallOut out) {
            const LdpcCode code = read_code(z, n_columns, row_start, column, shift);
            require_sizes(code, bits.shape(0), out.shape(0));
            nb::gil_scoped_release release;
            fill_syndrome(code, bits.data(), out.data());
        },
        nb::arg("z"), nb::arg("n_columns"), nb::arg("row_start"), nb::arg("column"), nb::arg("shift"), nb::arg("bits"),
        nb::arg("out"));
    m.def(
        "decode_ldpc",
        [](int z, int n_columns, Indices row_start, Indices column, Indices shift, Small syndrome, Beliefs belief,
           int max_iterations) {
            const LdpcCode code = read_code(z, n_columns, row_start, column, shift);
            require_sizes(code, belief.shape(0), syndrome.shape(0));
            nb::gil_scoped_release release;
            return decode_ldpc(code, syndrome.data(), belief.data(), max_iterations);
        },
        nb::arg("z"), nb::arg("n_columns"), nb::arg("row_start"), nb::arg("column"), nb::arg("shift"),
        nb::arg("syndrome"), nb::arg("belief"), nb::arg("max_iterations"));
}

}  // namespace kakehashi
