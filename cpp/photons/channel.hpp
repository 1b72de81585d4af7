// What a link is to the kernels: tables of probabilities, and what was clicked. Python makes the tables.
#pragma once

#include <cstdint>
#include <vector>

#include "philox.hpp"
#include "scan.hpp"

namespace kakehashi::photons {

// One way in which a pulse can meet the detectors: how many of its photons are detected, and by which disturbance.
struct Outcome {
    std::uint8_t intensity;
    std::uint8_t n_detected;
    std::uint64_t scramble;  // probability, in units of 2^-32, that its photons have forgotten their bit
};

struct Channel {
    // Thresholds are probabilities in units of 2^-32 where nothing else is said; "long" ones in 2^-64, 1 being cut off.
    std::vector<std::uint64_t> joint;      // upper ends of the cells (intensity, photon number); the last is open
    std::vector<std::uint8_t> intensity_of_cell;
    std::vector<std::uint64_t> detected;   // long, per cell: that anything is detected
    // Given that something is detected: outcomes of a cell, or, in the statistical mode, of all cells.
    std::vector<std::int64_t> first_outcome;  // per cell, and one more
    std::vector<Outcome> outcomes;
    std::vector<std::uint64_t> cumulative;    // long, of the outcomes, from 0 in every cell
    std::vector<std::uint64_t> idle;          // long, cumulative over intensities, given that nothing is detected
    double detected_any = 0;                  // of a slot, all intensities together (statistical mode)

    std::uint64_t sender_key = 0, receiver_key = 0;  // that a basis is the key basis
    std::uint64_t flip = 0;                          // that a photon goes to the wrong detector
    std::uint64_t dark_any = 0;                      // long: that any detector fires without a photon
    std::uint64_t dark_one = 0;                      // that a given one does
    std::vector<std::uint64_t> dark_next;            // that the next one does, if none of those before it did but any must
    int n_detectors = 2;
    bool passive = false;       // the basis is chosen by the photon, and each has its own detectors
    bool differential = false;  // a bit is the change of phase from the slot before

    std::int64_t dead_slots = 0;       // after a click, of all detectors
    std::uint64_t afterpulse = 0;      // that a click leaves a carrier behind
    double log_decay = 0;              // log of the factor by which its chance to stay falls from slot to slot
};

struct Setting {
    std::uint8_t intensity, sender_basis, sender_bit, receiver_basis;
};

// A slot in which a detector would click if it were alive.
struct Candidate {
    std::int64_t slot;
    Setting setting;
    std::uint8_t mask;  // bit d: detector d; with passive choice d = 2 * basis + bit
};

struct Click {
    std::int64_t slot;
    std::int64_t candidate;  // -1 where nothing but an afterpulse was seen
    std::uint8_t mask;
};

struct Release {
    std::int64_t slot;
    int detector;
};

// Dead time and afterpulses: what a receiver remembers from slot to slot.
class Receiver {
public:
    Receiver(std::uint64_t seed, std::int64_t first_slot) : seed_(seed), alive_from_(first_slot) {}
    // Clicks among the candidates, which ascend and lie before `end`; later calls must begin there.
    void accept(const Channel& channel, const Candidate* candidates, std::int64_t n, std::int64_t end,
                std::vector<Click>& clicks);

private:
    void remember(const Channel& channel, std::int64_t slot, std::uint8_t mask);
    std::uint64_t seed_;
    std::int64_t alive_from_;
    std::vector<Release> pending_;  // the next one last
};

struct Detection {
    std::int64_t slot;
    Setting setting;
    std::uint8_t bit;
};

// Which bit a click counts as: of several detectors, one by chance.
Detection resolve(const Channel& channel, std::uint64_t seed, std::int64_t slot, Setting setting, std::uint8_t mask);

std::vector<Candidate> scan_pulses(const Channel& channel, Scan scan, std::uint64_t seed, std::int64_t first,
                                   std::int64_t end, int n_threads);
std::vector<Candidate> draw_candidates(const Channel& channel, std::uint64_t seed, std::int64_t first, std::int64_t end,
                                       int n_threads);
// The setting of any slot: as the scan drew it, or, in the statistical mode, given that nothing was detected.
Setting setting_of(const Channel& channel, std::uint64_t seed, std::int64_t slot);
Setting idle_setting(const Channel& channel, std::uint64_t seed, std::int64_t slot);

}  // namespace kakehashi::photons
