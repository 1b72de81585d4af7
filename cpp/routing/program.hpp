// A circuit and a processor as a router sees them: numbers in flat arrays.
#pragma once

#include <cstdint>
#include <vector>

namespace kakehashi::routing {

// What an operation does to a qubit: operations of equal axis on a qubit commute there.
constexpr std::int8_t kNoAxis = 0;

enum class Kind : std::int8_t { gate, measure, other };

struct Program {
    int n_qubits;
    std::vector<std::int32_t> first;   // of each operation's qubits; one more than there are operations
    std::vector<std::int32_t> qubits;  // of all operations, one after the other
    std::vector<std::int8_t> axis;     // of each of them
    std::vector<Kind> kind;
    std::vector<std::int8_t> cost;     // native gates on two qubits that a gate on two qubits needs
    std::vector<std::int8_t> swapped;  // that it needs together with a swap

    int size() const { return static_cast<int>(kind.size()); }
    bool is_pair(int op) const { return kind[op] == Kind::gate && first[op + 1] - first[op] == 2; }
};

// On each qubit the operations stand in groups that commute: those of a group may come in any order.
struct Order {
    // Where `as_listed`, nothing commutes.
    Order(const Program& program, bool backward, bool as_listed);

    std::vector<std::int32_t> group;               // of each operation on each of its qubits, parallel to `qubits`
    std::vector<std::vector<std::int32_t>> begin;  // for each qubit: where each group begins in `members`
    std::vector<std::vector<std::int32_t>> members;
};

struct Machine {
    int n_qubits;
    std::vector<std::vector<std::int32_t>> near;
    std::vector<std::int16_t> distance;      // n x n
    std::vector<double> loss;                // n x n: minus the logarithm of what a native gate leaves
    std::vector<double> read;                // of each qubit: minus the logarithm of what its readout leaves
    std::vector<double> decay;               // of each qubit: loss per nanosecond of waiting
    double gate_ns;                          // a native gate on two qubits with the gates on one qubit beside it
    double turn_ns;                          // a gate on one qubit

    int hops(int a, int b) const { return distance[static_cast<std::size_t>(a) * n_qubits + b]; }
};

struct Setting {
    std::vector<double> pull;       // of a gate whose qubits are so far apart; the last for all that are farther
    std::vector<double> lookahead;  // weight of each layer behind the front
    double price;                   // of one native gate, in units of the pull
    double crowding;                // for each recent swap of a qubit
    double chance;                  // width of what is added by chance, which makes runs differ
    bool as_listed;                 // whether operations keep the order of the list, though they commute
};

struct Entry {
    std::int32_t op;  // -1 for a swap
    std::int32_t a, b;
};

struct Routed {
    std::vector<Entry> entries;
    std::vector<std::int32_t> start, end;  // physical qubit of each qubit
    double loss = 0.0;                     // estimate of minus the logarithm of the success probability
    std::int64_t n_native = 0;             // estimate of the native gates on two qubits
};

// One pass over the circuit from a layout, in an order; `freedom` says what could be moved.
Routed route(const Program& program, const Order& order, const Order& freedom, const Machine& machine, const Setting& setting,
             const std::vector<std::int32_t>& start, std::uint64_t seed);

// How much to try.
struct Effort {
    int rounds;  // forward and backward over the circuit from each layout; the better half goes on to the next round
    int tries;   // passes from the best layout in the end
};

// The best of passes from several layouts, each improved by passes backward.
Routed search(const Program& program, const Machine& machine, const Setting& setting,
              const std::vector<std::vector<std::int32_t>>& starts, const Effort& effort, std::uint64_t seed);

}  // namespace kakehashi::routing
