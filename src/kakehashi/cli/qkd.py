"""The commands about the key network; each part of it has a file of its own."""

from __future__ import annotations

from cyclopts import App

from kakehashi.cli.qkd_conformance import conformance_app
from kakehashi.cli.qkd_demo import demo
from kakehashi.cli.qkd_distill import distill_app
from kakehashi.cli.qkd_keys import keys_app
from kakehashi.cli.qkd_link import link_app
from kakehashi.cli.qkd_network import network_app
from kakehashi.cli.qkd_use import use_app
from kakehashi.cli.usage import begin_with

__all__ = ["qkd_app"]

qkd_app = App(
    name="qkd",
    help="The key network: links, keys, and those who use them.",
    help_epilogue=begin_with(
        "kakehashi qkd link list", "kakehashi qkd link simulate laboratory-50km", "kakehashi qkd demo"
    ),
    result_action="return_value",
)
qkd_app.command(link_app)
qkd_app.command(distill_app)
qkd_app.command(network_app)
qkd_app.command(demo)
qkd_app.update(keys_app)
qkd_app.command(use_app)
qkd_app.command(conformance_app)
