"""All broken servers."""

from tests.qkd.conformance.broken import wrong_keys, wrong_requests, wrong_users
from tests.qkd.conformance.broken.server import Server

FAILURES = tuple(
    kind
    for module in (wrong_keys, wrong_users, wrong_requests)
    for kind in vars(module).values()
    if isinstance(kind, type) and kind.__base__ is Server
)
