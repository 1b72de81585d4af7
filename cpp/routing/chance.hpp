// Random numbers that are the same on every machine.
#pragma once

#include <cstdint>

namespace kakehashi::routing {

struct Chance {
    std::uint64_t state;

    double operator()() {  // splitmix64, Steele, Lea, Flood, doi:10.1145/2714064.2660195
        std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
    }
};

}  // namespace kakehashi::routing
