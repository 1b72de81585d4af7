"""Servers that misread requests or misspell answers, one thing each; and the checks that must see it."""

import json
import secrets

from tests.qkd.conformance.broken.server import NOT_FOUND, Refusal, Server


class IgnoresSize(Server):
    """Every key has the usual size."""

    fails = frozenset({"enc-number-most", "enc-sizes"})

    def new_key(self, n_bytes):
        return secrets.token_bytes(self.key_size // 8)


class GivesMoreBits(Server):
    """Sizes are rounded up to a multiple of 256 bits."""

    fails = frozenset({"enc-number-most", "enc-sizes"})

    def new_key(self, n_bytes):
        return secrets.token_bytes(-(-n_bytes // 32) * 32)


class NoLimits(Server):
    """Numbers and sizes beyond the limits are served."""

    fails = frozenset({"enc-number-over", "enc-size-limits", "abuse-numbers"})

    def check_sizes(self, number, size):
        if type(number) is not int or type(size) is not int or size % 8 or number < 1 or size < 0:
            raise Refusal(400, "size shall be a multiple of 8" if type(size) is int and size % 8 else "bad")


class WrongMessages(Server):
    """Errors are said in other words."""

    fails = frozenset({"enc-size-odd", "extension-mandatory", "extension-both", "dec-unknown", "dec-unknown-get"}) | {
        "once-post",
        "once-get",
        "once-mixed",
        "multicast-same",
        "crash-fetched",
    }

    def error(self, refusal):
        return super().error(Refusal(refusal.status, refusal.message.upper()))


class Says404(Server):
    """Unknown IDs and paths are 404."""

    fails = frozenset(
        {"dec-unknown", "dec-unknown-get", "dec-no-uuid", "once-post", "once-get", "once-mixed", "codes"}
    ) | {
        "race-fetch",
        "multicast-same",
        "crash-fetched",
    }
    warns = frozenset({"abuse-codes"})

    def not_found(self):
        raise Refusal(404, NOT_FOUND)

    def no_such_path(self):
        raise Refusal(404, "nothing here")


class ErrorsAreText(Server):
    """Errors have no Error object."""

    fails = frozenset(
        {"enc-size-odd", "extension-mandatory", "extension-both", "dec-unknown", "dec-unknown-get", "error-form"}
    ) | {"once-post", "once-get", "once-mixed", "multicast-same", "crash-fetched"}
    warns = frozenset({"error-401"})

    def error(self, refusal):
        return refusal.status, refusal.message.encode()


class OddType(Server):
    """Answers are said to be text."""

    fails = frozenset({"content-type"})
    content_type = "text/plain"


class BreaksAtBadJson(Server):
    """A body that is no JSON ends in a 500."""

    fails = frozenset({"abuse-json", "codes"})

    def read(self, body):
        try:
            json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError):
            raise Refusal(500, "traceback") from None
        return super().read(body)


class IgnoresMandatory(Server):
    """Mandatory extensions are ignored."""

    fails = frozenset({"extension-mandatory", "extension-mandatory-shape", "extension-both"})

    def check_extensions(self, request):
        pass


class ServesStrangers(Server):
    """Keys are given for SAEs that nobody knows."""

    warns = frozenset({"status-stranger", "enc-stranger", "multicast-nobody", "abuse-paths"})

    def know(self, sae):
        self.homes = self.homes if sae in self.homes else {**self.homes, sae: "kme-b"}


class IgnoresQuery(Server):
    """A GET gives one key, whatever its query says."""

    fails = frozenset({"enc-get-query", "enc-query-types"})
    warns = frozenset({"enc-get-more"})

    def read_query(self, query, names):
        return {}


class StatusLacksFields(Server):
    """Two fields of the status are missing."""

    fails = frozenset({"status-fields"})

    def status(self, caller, slave):
        found = super().status(caller, slave)
        del found["max_SAE_ID_count"], found["min_key_size"]
        return found


class StatusSwapsNames(Server):
    """Caller and slave stand in each other's place."""

    fails = frozenset({"status-names"})

    def status(self, caller, slave):
        self.know(slave)
        return super().status(slave, caller)


class NamesItselfAsSource(Server):
    """One and the same KME is the source, whoever asks."""

    fails = frozenset({"status-kmes"})

    def status(self, caller, slave):
        return super().status(caller, slave) | {"source_KME_ID": "kme-a", "target_KME_ID": "kme-b"}


class CountStaysTheSame(Server):
    """The number of stored keys is what it was when the server started."""

    fails = frozenset({"status-count"})

    def status(self, caller, slave):
        return super().status(caller, slave) | {"stored_key_count": 5000}


class CountsRequests(Server):
    """The number of stored keys falls by one with each request, however many keys that takes."""

    warns = frozenset({"status-count"})
    n_requests = 0

    def put(self, made):
        self.n_requests += 1
        super().put(made)

    def status(self, caller, slave):
        return super().status(caller, slave) | {"stored_key_count": 5000 - self.n_requests}


class HeadHasABody(Server):
    """HEAD is answered with a body, which a kept connection takes for the next answer."""

    fails = frozenset({"head-body"})
    head_has_body = True


class CapitalKeys(Server):
    """The container is spelt as the standard's own table misprints it."""

    fails = frozenset({"enc-get", "enc-post", "enc-get-query", "enc-number", "enc-number-most", "enc-sizes"}) | {
        "extension-mandatory-none",
        "extension-optional",
        "race-ask",
    }
    container_name = "Keys"


class PathIsNotDecoded(Server):
    """Percent signs in the path are taken as they are."""

    fails = frozenset({"status-path"})

    def decode(self, text):
        return text


class CountsMoreThanThereMayBe(Server):
    """More keys are in store than the status says that there may be."""

    fails = frozenset({"status-limits"})

    def status(self, caller, slave):
        return super().status(caller, slave) | {"max_key_count": 1}


class TakesAnyType(Server):
    """What has the wrong type, or is 0, counts as left out."""

    fails = frozenset({"enc-types", "abuse-json"})
    warns = frozenset({"enc-number-none"})

    def enc(self, caller, slave, request):
        kept = {n: v for n, v in request.items() if n not in ("number", "size") or (type(v) is int and v > 0)}
        if request.get("size", 8) in (0, -8):
            raise Refusal(400, "size")
        return super().enc(caller, slave, kept)


class GivesNothingForNothing(Server):
    """A body without key IDs is answered with an empty container."""

    fails = frozenset({"dec-malformed", "abuse-json"})
    warns = frozenset({"dec-empty"})

    def read_ids(self, body):
        found = self.read(body)
        return super().read_ids(body) if found.get("key_IDs") else []


class SaysMultipleOf8(Server):
    """One sentence stands for every wrong size."""

    warns = frozenset({"enc-size-sentence"})

    def check_sizes(self, number, size):
        try:
            super().check_sizes(number, size)
        except Refusal:
            raise Refusal(400, "size shall be a multiple of 8") from None
