"""What we make of raw shots: post-selection, recovery, strings by weight, and the control's random strings."""

from kakehashi.samples.merge import check_sector, merge_configurations
from kakehashi.samples.model import Configurations
from kakehashi.samples.postselect import in_sector_fraction, postselect, split_shots
from kakehashi.samples.random import all_strings, random_configurations, random_strings
from kakehashi.samples.recovery import flip_weights, initial_occupancies, recover_configurations
from kakehashi.samples.spec import SamplesSpec
from kakehashi.samples.strings import (
    WeightedStrings,
    carry_over,
    combine_spins,
    draw_strings,
    strings_by_weight,
)

__all__ = [
    "Configurations",
    "SamplesSpec",
    "WeightedStrings",
    "all_strings",
    "carry_over",
    "check_sector",
    "combine_spins",
    "draw_strings",
    "flip_weights",
    "in_sector_fraction",
    "initial_occupancies",
    "merge_configurations",
    "postselect",
    "random_configurations",
    "random_strings",
    "recover_configurations",
    "split_shots",
    "strings_by_weight",
]
