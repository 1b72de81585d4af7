// Python sees the router as two classes and one function; Python checks what a user gave, here sizes are checked.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <stdexcept>

#include "place.hpp"
#include "program.hpp"
#include "schedule.hpp"

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

nb::ndarray<nb::numpy, double, nb::ndim<1>> row_of(std::vector<double> values) {
    auto* const owned = new std::vector<double>(std::move(values));
    nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<double>*>(p); });
    return {owned->data(), {owned->size()}, owner};
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
    m.def(
        "estimate_schedule",
        [](Row<std::int8_t> step, Row<std::int16_t> row, Row<std::int32_t> first, Row<std::int32_t> qubits,
           Row<double> wait_ns, Table<double> pair_log, Table<double> pair_ns, Table<double> turn_log,
           Table<double> turn_ns, Table<double> read, Table<double> decay) {
            const std::size_t n = read.shape(1), n_steps = step.shape(0);
            require(row.shape(0) == n_steps && wait_ns.shape(0) == n_steps && first.shape(0) == n_steps + 1,
                    "arrays differ in length");
            require(first(0) == 0 && first(n_steps) == static_cast<std::int32_t>(qubits.shape(0)),
                    "first does not fit qubits");
            require(pair_log.shape(0) == n && pair_log.shape(1) == n && pair_ns.shape(0) == n &&
                        pair_ns.shape(1) == n && turn_log.shape(1) == n && turn_ns.shape(1) == n &&
                        turn_ns.shape(0) == turn_log.shape(0) && read.shape(0) == 2 && decay.shape(0) == 2 &&
                        decay.shape(1) == n,
                    "tables do not fit each other");
            for (std::size_t k = 0; k < n_steps; ++k) {
                const auto kind = static_cast<Step>(step(k));
                const std::int32_t width = first(k + 1) - first(k);
                require(width >= 0 && step(k) >= 0 && kind <= Step::impossible, "a step is out of range");
                require(kind != Step::pair || width == 2, "a gate on two qubits must have two");
                require((kind != Step::turn && kind != Step::measure) || width == 1, "a step must have one qubit");
                require(kind != Step::turn || (row(k) >= 0 && static_cast<std::size_t>(row(k)) < turn_log.shape(0)),
                        "a row is out of range");
            }
            for (std::size_t k = 0; k < qubits.shape(0); ++k)
                require(qubits(k) >= 0 && static_cast<std::size_t>(qubits(k)) < n, "a qubit is out of range");
            Estimate made =
                estimate({static_cast<std::int64_t>(n_steps), step.data(), row.data(), first.data(), qubits.data(),
                          wait_ns.data()},
                         {static_cast<int>(n), pair_log.data(), pair_ns.data(), turn_log.data(), turn_ns.data(),
                          read.data(), read.data() + n, decay.data(), decay.data() + n});
            return nb::make_tuple(made.gates, made.readout, made.idle, made.duration_ns, made.n_pairs, made.depth,
                                  row_of(std::move(made.idle_ns)));
        },
        nb::arg("step"), nb::arg("row"), nb::arg("first"), nb::arg("qubits"), nb::arg("wait_ns"), nb::arg("pair_log"),
        nb::arg("pair_ns"), nb::arg("turn_log"), nb::arg("turn_ns"), nb::arg("read"), nb::arg("decay"));
    m.def(
        "find_places",
        [](Table<std::int32_t> edges, Row<double> weights, Table<double> vertex_loss, Table<double> edge_log,
           int width) {
            const std::size_t n = edge_log.shape(0), n_vertices = vertex_loss.shape(0);
            require(edge_log.shape(1) == n && vertex_loss.shape(1) == n, "tables do not fit each other");
            require(edges.shape(1) == 2 && edges.shape(0) == weights.shape(0), "arrays differ in length");
            require(width > 0 && n_vertices > 0 && n_vertices <= n, "the pattern has no room");
            for (std::size_t k = 0; k < edges.size(); ++k)
                require(edges.data()[k] >= 0 && static_cast<std::size_t>(edges.data()[k]) < n_vertices,
                        "a vertex is out of range");
            const Pattern pattern{static_cast<int>(n_vertices), copied<std::int32_t>(edges), copied<double>(weights),
                                  vertex_loss.data()};
            std::vector<Place> places;
            {
                nb::gil_scoped_release release;
                places = find_places(pattern, static_cast<int>(n), edge_log.data(), width);
            }
            std::vector<std::int32_t> hosts;
            for (const Place& place : places) hosts.insert(hosts.end(), place.host.begin(), place.host.end());
            return table_of(hosts, n_vertices);
        },
        nb::arg("edges"), nb::arg("weights"), nb::arg("vertex_loss"), nb::arg("edge_log"), nb::arg("width"));
}

}  // namespace kakehashi
