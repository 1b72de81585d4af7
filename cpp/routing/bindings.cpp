// Python sees the router as two classes and one function; Python checks what a user gave, here sizes are checked.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <stdexcept>

#include "program.hpp"

namespace nb = nanobind;

namespace kakehashi {
namespace {

using namespace routing;

template <class T>
using Row = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Table = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using TableOut = nb::ndarray<nb::numpy, std::int32_t, nb::ndim<2>>;

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

template <class T, class A>
std::vector<T> copied(const A& array) {
    return {array.data(), array.data() + array.size()};
}

TableOut table_of(const std::vector<std::int32_t>& values, std::size_t n_columns) {
    auto* const owned = new std::vector<std::int32_t>(values);
    nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<std::int32_t>*>(p); });
    return TableOut(owned->data(), {owned->size() / n_columns, n_columns}, owner);
}

Program read_program(int n_qubits, Row<std::int32_t> first, Row<std::int32_t> qubits, Row<std::int8_t> axis,
                     Row<std::int8_t> kind, Row<std::int8_t> cost, Row<std::int8_t> swapped) {
    const std::size_t n = kind.shape(0);
    require(first.shape(0) == n + 1 && cost.shape(0) == n && swapped.shape(0) == n, "arrays differ in length");
    require(axis.shape(0) == qubits.shape(0), "axis and qubits differ in length");
    require(first(0) == 0 && first(n) == static_cast<std::int32_t>(qubits.shape(0)), "first does not fit qubits");
    for (std::size_t k = 0; k < n; ++k) require(first(k) <= first(k + 1), "first must ascend");
    for (std::size_t k = 0; k < n; ++k) require(kind(k) >= 0 && kind(k) <= 2, "kind must be 0, 1 or 2");
    for (std::size_t k = 0; k < qubits.shape(0); ++k)
        require(qubits(k) >= 0 && qubits(k) < n_qubits, "a qubit is out of range");
    Program made{n_qubits, copied<std::int32_t>(first), copied<std::int32_t>(qubits), copied<std::int8_t>(axis), {},
                 copied<std::int8_t>(cost), copied<std::int8_t>(swapped)};
    for (std::size_t k = 0; k < n; ++k) made.kind.push_back(static_cast<Kind>(kind(k)));
    return made;
}

Machine read_machine(Table<std::int16_t> distance, Table<double> loss, Row<double> read, Row<double> decay,
                     double gate_ns, double turn_ns) {
    const std::size_t n = distance.shape(0);
    require(n > 0 && distance.shape(1) == n && loss.shape(0) == n && loss.shape(1) == n, "tables must be square");
    require(read.shape(0) == n && decay.shape(0) == n, "arrays differ in length");
    Machine made{static_cast<int>(n), {}, copied<std::int16_t>(distance), copied<double>(loss), copied<double>(read),
                 copied<double>(decay), gate_ns, turn_ns};
    made.near.resize(n);
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b)
            if (distance(a, b) == 1) made.near[a].push_back(static_cast<std::int32_t>(b));
    for (std::size_t k = 0; k < n * n; ++k) require(made.distance[k] >= 0, "the processor must be connected");
    return made;
}

}  // namespace

void bind_routing(nb::module_& m) {
    nb::class_<Program>(m, "RoutingProgram")
        .def_static("from_arrays", &read_program, nb::arg("n_qubits"), nb::arg("first"), nb::arg("qubits"),
                    nb::arg("axis"), nb::arg("kind"), nb::arg("cost"), nb::arg("swapped"));
    nb::class_<Machine>(m, "RoutingMachine")
        .def_static("from_arrays", &read_machine, nb::arg("distance"), nb::arg("loss"), nb::arg("read"),
                    nb::arg("decay"), nb::arg("gate_ns"), nb::arg("turn_ns"));
    m.def(
        "search_route",
        [](const Program& program, const Machine& machine, Table<std::int32_t> starts, Row<double> pull,
           Row<double> lookahead, double price, double crowding, double chance, bool as_listed, int rounds, int tries,
           std::uint64_t seed) {
            const auto n = static_cast<std::size_t>(machine.n_qubits);
            require(starts.shape(0) > 0 && starts.shape(1) == n, "starts must hold layouts of the whole processor");
            require(program.n_qubits <= machine.n_qubits, "the circuit has more qubits than the processor");
            require(pull.shape(0) > 1 && rounds >= 0 && tries >= 0, "a setting is out of range");
            std::vector<std::vector<std::int32_t>> layouts;
            for (std::size_t k = 0; k < starts.shape(0); ++k) {
                layouts.emplace_back(starts.data() + k * n, starts.data() + (k + 1) * n);
                auto sorted = layouts.back();
                std::sort(sorted.begin(), sorted.end());
                for (std::size_t q = 0; q < n; ++q)
                    require(sorted[q] == static_cast<std::int32_t>(q), "a layout must be a permutation");
            }
            const Setting setting{copied<double>(pull), copied<double>(lookahead), price, crowding, chance, as_listed};
            Routed made;
            {
                nb::gil_scoped_release release;
                made = search(program, machine, setting, layouts, {rounds, tries}, seed);
            }
            std::vector<std::int32_t> entries;
            for (const Entry& entry : made.entries) entries.insert(entries.end(), {entry.op, entry.a, entry.b});
            return nb::make_tuple(table_of(entries, 3), table_of(made.start, n), table_of(made.end, n), made.loss,
                                  made.n_native);
        },
        nb::arg("program"), nb::arg("machine"), nb::arg("starts"), nb::arg("pull"), nb::arg("lookahead"),
        nb::arg("price"), nb::arg("crowding"), nb::arg("chance"), nb::arg("as_listed"),
        nb::arg("rounds"), nb::arg("tries"), nb::arg("seed"));
}

}  // namespace kakehashi
