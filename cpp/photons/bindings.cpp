// Python sees a link's photons as three classes: the tables, the stream of exposures, and a receiver by itself.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/unique_ptr.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "channel.hpp"
#include "../product.hpp"

namespace nb = nanobind;

namespace kakehashi {
namespace {

using namespace photons;

template <class T>
using Column = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using ColumnOut = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

template <class T>
std::vector<T> read(const Column<T>& column) {
    return {column.data(), column.data() + column.shape(0)};
}

void set_cells(Channel& c, Column<std::uint64_t> joint, Column<std::uint8_t> intensity, Column<std::uint64_t> detected,
               Column<std::uint64_t> idle) {
    require(joint.shape(0) > 0 && joint.shape(0) == intensity.shape(0) && joint.shape(0) == detected.shape(0),
            "cells differ in number");
    require(idle.shape(0) > 0, "there must be an intensity");
    c.joint = read(joint);
    c.intensity_of_cell = read(intensity);
    c.detected = read(detected);
    c.idle = read(idle);
    require(std::is_sorted(c.joint.begin(), c.joint.end()), "cells must ascend");
}

void set_outcomes(Channel& c, Column<std::int64_t> first, Column<std::uint8_t> intensity,
                  Column<std::uint8_t> n_detected, Column<std::uint64_t> scramble, Column<std::uint64_t> cumulative) {
    const std::size_t n = intensity.shape(0);
    require(n > 0 && n == n_detected.shape(0) && n == scramble.shape(0) && n == cumulative.shape(0),
            "outcomes differ in number");
    c.first_outcome = read(first);
    for (std::size_t i = 0; i < first.shape(0); ++i) {
        const std::int64_t before = i ? first(i - 1) + 1 : 0;
        require(first(i) >= before && first(i) <= static_cast<std::int64_t>(n), "first outcomes must ascend");
    }
    for (std::size_t i = 0; i < n; ++i) c.outcomes.push_back({intensity(i), n_detected(i), scramble(i)});
    c.cumulative = read(cumulative);
}

std::unique_ptr<Channel> make_channel() { return std::make_unique<Channel>(); }

// What was detected on a link, exposure by exposure.
class PhotonLink {
public:
    explicit PhotonLink(std::uint64_t seed) : seed_(seed), receiver_(seed, 0) {}

    std::int64_t run(const Channel& channel, std::int64_t first, std::int64_t end, bool statistical, int n_threads) {
        require(first == next_ && end >= first, "slots must follow on those of the call before");
        require(n_threads > 0, "numbers of threads must be positive");
        next_ = end;
        const auto candidates = statistical
                                    ? draw_candidates(channel, seed_, first, end, n_threads)
                                    : scan_pulses(channel, kernels().scan_pulses, seed_, first, end, n_threads);
        std::vector<Click> clicks;
        receiver_.accept(channel, candidates.data(), static_cast<std::int64_t>(candidates.size()), end, clicks);
        detections_.clear();
        detections_.reserve(clicks.size());
        for (const Click& click : clicks) {
            const Setting setting = click.candidate >= 0 ? candidates[static_cast<std::size_t>(click.candidate)].setting
                                    : statistical        ? idle_setting(channel, seed_, click.slot)
                                                         : setting_of(channel, seed_, click.slot);
            detections_.push_back(resolve(channel, seed_, click.slot, setting, click.mask));
        }
        return static_cast<std::int64_t>(detections_.size());
    }

    void fill(ColumnOut<std::int64_t> slot, ColumnOut<std::uint8_t> intensity, ColumnOut<std::uint8_t> sender_basis,
              ColumnOut<std::uint8_t> sender_bit, ColumnOut<std::uint8_t> receiver_basis,
              ColumnOut<std::uint8_t> receiver_bit) const {
        const std::size_t n = detections_.size();
        require(slot.shape(0) == n && intensity.shape(0) == n && sender_basis.shape(0) == n && sender_bit.shape(0) == n &&
                    receiver_basis.shape(0) == n && receiver_bit.shape(0) == n,
                "columns do not have the number of detections");
        for (std::size_t i = 0; i < n; ++i) {
            const Detection& d = detections_[i];
            slot(i) = d.slot;
            intensity(i) = d.setting.intensity;
            sender_basis(i) = d.setting.sender_basis;
            sender_bit(i) = d.setting.sender_bit;
            receiver_basis(i) = d.setting.receiver_basis;
            receiver_bit(i) = d.bit;
        }
    }

    void fill_settings(const Channel& channel, std::int64_t first, ColumnOut<std::uint8_t> intensity,
                       ColumnOut<std::uint8_t> basis, ColumnOut<std::uint8_t> bit) const {
        const std::size_t n = intensity.shape(0);
        require(basis.shape(0) == n && bit.shape(0) == n, "columns differ in length");
        for (std::size_t i = 0; i < n; ++i) {
            const Setting s = setting_of(channel, seed_, first + static_cast<std::int64_t>(i));
            intensity(i) = s.intensity;
            basis(i) = s.sender_basis;
            bit(i) = s.sender_bit;
        }
    }

private:
    std::uint64_t seed_;
    std::int64_t next_ = 0;
    photons::Receiver receiver_;
    std::vector<Detection> detections_;
};

// A receiver by itself: what it accepts of the slots in which its detectors would click.
class PhotonReceiver {
public:
    explicit PhotonReceiver(std::uint64_t seed) : seed_(seed), receiver_(seed, 0) {}

    std::int64_t accept(const Channel& channel, Column<std::int64_t> slot, Column<std::uint8_t> mask,
                        Column<std::uint8_t> basis, std::int64_t end) {
        const std::size_t n = slot.shape(0);
        require(mask.shape(0) == n && basis.shape(0) == n, "columns differ in length");
        std::vector<Candidate> candidates;
        candidates.reserve(n);
        for (std::size_t i = 0; i < n; ++i) {
            require(slot(i) < end && (i == 0 || slot(i - 1) < slot(i)), "slots must ascend");
            candidates.push_back({slot(i), {0, 0, 0, basis(i)}, mask(i)});
        }
        std::vector<Click> clicks;
        receiver_.accept(channel, candidates.data(), static_cast<std::int64_t>(n), end, clicks);
        detections_.clear();
        for (const Click& click : clicks) {
            const Setting setting = click.candidate >= 0 ? candidates[static_cast<std::size_t>(click.candidate)].setting
                                                         : idle_setting(channel, seed_, click.slot);
            detections_.push_back(resolve(channel, seed_, click.slot, setting, click.mask));
        }
        return static_cast<std::int64_t>(detections_.size());
    }

    void fill(ColumnOut<std::int64_t> slot, ColumnOut<std::uint8_t> basis, ColumnOut<std::uint8_t> bit) const {
        const std::size_t n = detections_.size();
        require(slot.shape(0) == n && basis.shape(0) == n && bit.shape(0) == n, "columns differ in length");
        for (std::size_t i = 0; i < n; ++i) {
            slot(i) = detections_[i].slot;
            basis(i) = detections_[i].setting.receiver_basis;
            bit(i) = detections_[i].bit;
        }
    }

private:
    std::uint64_t seed_;
    photons::Receiver receiver_;
    std::vector<Detection> detections_;
};

}  // namespace

void bind_photons(nb::module_& m) {
    nb::class_<Channel>(m, "PhotonChannel")
        .def("set_cells", &set_cells)
        .def("set_outcomes", &set_outcomes)
        .def("set_bases",
             [](Channel& c, std::uint64_t sender_key, std::uint64_t receiver_key, std::uint64_t flip, bool passive,
                bool differential) {
                 c.sender_key = sender_key;
                 c.receiver_key = receiver_key;
                 c.flip = flip;
                 c.passive = passive;
                 c.differential = differential;
                 c.n_detectors = passive ? 4 : 2;
             })
        .def("set_dark",
             [](Channel& c, std::uint64_t any, std::uint64_t one, Column<std::uint64_t> next) {
                 require(static_cast<int>(next.shape(0)) == c.n_detectors, "one dark count for each detector");
                 c.dark_any = any;
                 c.dark_one = one;
                 c.dark_next = read(next);
             })
        .def("set_memory",
             [](Channel& c, std::int64_t dead_slots, std::uint64_t afterpulse, double log_decay) {
                 require(dead_slots >= 0 && log_decay < 0, "dead time and decay must be positive");
                 c.dead_slots = dead_slots;
                 c.afterpulse = afterpulse;
                 c.log_decay = log_decay;
             })
        .def("set_detected_any", [](Channel& c, double p) {
            require(p >= 0 && p < 1, "a probability below 1");
            c.detected_any = p;
        });
    m.def("make_photon_channel", &make_channel);
    nb::class_<PhotonLink>(m, "PhotonLink")
        .def(nb::init<std::uint64_t>(), nb::arg("seed"))
        .def("run", &PhotonLink::run, nb::call_guard<nb::gil_scoped_release>())
        .def("fill", &PhotonLink::fill)
        .def("fill_settings", &PhotonLink::fill_settings);
    nb::class_<PhotonReceiver>(m, "PhotonReceiver")
        .def(nb::init<std::uint64_t>(), nb::arg("seed"))
        .def("accept", &PhotonReceiver::accept)
        .def("fill", &PhotonReceiver::fill);
}

}  // namespace kakehashi
