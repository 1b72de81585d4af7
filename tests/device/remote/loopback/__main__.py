"""A machine room on loopback: one twin behind the three dialects in which real machines are reached.

    python tests/device/remote/loopback [--port N]

prints its address and serves until it is killed. It holds no results: every program that is submitted is parsed,
refused where the machine would refuse it, and sampled on the twin. ``POST /_fault``
makes it misbehave (see ``machine.py``).
"""

import argparse
import sys
import warnings

warnings.simplefilter("ignore")

import oqtopus  # noqa: E402
import runtime  # noqa: E402
import system  # noqa: E402
from machine import Room  # noqa: E402
from server import serve  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    room = Room(seed=given.seed)
    server = serve(room, (*oqtopus.ROUTES, *system.ROUTES, *runtime.ROUTES), given.port)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
