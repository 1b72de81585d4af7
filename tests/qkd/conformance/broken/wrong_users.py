"""Servers that serve those whom they should not, and connections; and the checks that must see it."""

import ssl
import warnings
from http.server import HTTPServer
from itertools import takewhile

from tests.qkd.conformance.broken.server import Refusal, Server


class AnyoneMayFetch(Server):
    """Whoever knows an ID gets the key."""

    fails = frozenset({"dec-master", "tenant-read", "tenant-pretend", "tenant-mixed", "multicast-master"})
    warns = frozenset({"dec-other-master"})

    def authorize(self, caller, master, key_id):
        if key_id in self.waiting and caller not in self.waiting[key_id].slaves:
            self.waiting[key_id].left.add(caller)


class MasterMayFetch(Server):
    """The master may fetch, as in a server with one certificate for both."""

    fails = frozenset({"dec-master", "multicast-master"})

    def authorize(self, caller, master, key_id):
        place = self.waiting.get(key_id)
        if place and place.master == caller:
            place.left.add(caller)
        else:
            super().authorize(caller, master, key_id)


class PathIsNotLookedAt(Server):
    """The master in the path of dec_keys is ignored."""

    warns = frozenset({"dec-other-master"})

    def authorize(self, caller, master, key_id):
        place = self.waiting.get(key_id) or self.gone.get(key_id)
        if place and caller not in place.slaves:
            raise Refusal(401, "not yours")


class GivesWhatIsGone(Server):
    """Keys that were delivered are kept for whoever asks next, but for their slave."""

    fails = frozenset({"tenant-gone"})

    def dec(self, caller, master, ids):
        found = {key_id: self.gone[key_id].value for key_id in ids if key_id in self.gone}
        strangers = [key_id for key_id in found if caller not in {*self.gone[key_id].slaves, self.gone[key_id].master}]
        return self.container(found) if ids and len(strangers) == len(ids) else super().dec(caller, master, ids)


class OneCopyForAll(Server):
    """The first of several slaves takes the key from all."""

    fails = frozenset({"multicast-same", "multicast-race"})

    def take(self, caller, key_id):
        self.waiting[key_id].left.clear()
        return super().take(caller, key_id)


class NoMulticastLimit(Server):
    """Additional slaves are accepted, and forgotten, where the status says that there may be none."""

    fails = frozenset({"multicast-limit"})
    max_slaves = 0

    def enc(self, caller, slave, request):
        request.pop("additional_slave_SAE_IDs", None) if isinstance(
            request.get("additional_slave_SAE_IDs"), list
        ) else None
        return super().enc(caller, slave, request)


class OldTls(Server):
    """TLS 1.1 is spoken."""

    fails = frozenset({"tls-old"})

    def tls(self):
        context = super().tls()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        return context


class AsksNobody(Server):
    """No certificate is asked for; who asks is guessed from the path."""

    fails = frozenset({"tls-no-certificate", "tls-foreign", "dec-master"})
    warns = frozenset({"dec-other-master"})
    third = False
    verify_mode = ssl.CERT_NONE

    def caller(self, connection, headers, what, sae):
        return "bob" if sae == "alice" else "alice"

    def authorize(self, caller, master, key_id):
        place = self.waiting.get(key_id)
        if place:
            place.left.add(caller)


class TrustsHeaders(Server):
    """A header names the caller, as behind a proxy that was left out."""

    fails = frozenset({"tls-header"})

    def caller(self, connection, headers, what, sae):
        return headers.get("X-SSL-Client-CN") or super().caller(connection, headers, what, sae)


class RefusesLate(Server):
    """Without a certificate the connection stands, and the answer is 401."""

    warns = frozenset({"tls-no-certificate"})
    verify_mode = ssl.CERT_OPTIONAL


class ServesOneAtATime(Server):
    """One thread for all, so that one slow client stops it."""

    warns = frozenset({"abuse-slow-hello", "abuse-slow-body"})
    http_class = HTTPServer
    protocol = "HTTP/1.0"


class TakesLongBodies(Server):
    """A body may have any length."""

    warns = frozenset({"abuse-long-body"})
    max_body = 2**30


class ReadsAnyHead(Server):
    """A parser of HTTP of its own: heads of any length, and the last of several lengths counts."""

    fails = frozenset({"abuse-length"})
    warns = frozenset({"abuse-long-head"})

    def read_head(self, stream):
        lines = takewhile(lambda line: line not in (b"\r\n", b""), iter(stream.readline, None))
        first = next(lines, b"").decode("latin-1").split()
        headers = [line.decode("latin-1").partition(":")[::2] for line in lines]
        found = {name.lower(): value.strip() for name, value in headers}
        return (first[0], first[1], found) if len(first) == 3 else None


class TakesEveryMethod(Server):
    """Whatever is no GET is a POST."""

    warns = frozenset({"abuse-methods", "abuse-codes"})

    def route(self, caller, method, path, query, body):
        if path.endswith("/status"):
            method = "GET"
        return super().route(caller, "GET" if method == "GET" else "POST", path, query, body)
