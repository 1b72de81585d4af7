import json
import re
import urllib.error
import urllib.request
from importlib import resources

import pytest

from kakehashi.core.errors import InputError
from kakehashi.qkd.network.page import PageServer


@pytest.fixture
def server():
    server = PageServer("127.0.0.1", 0)
    server.start()
    yield server
    server.close()


def get(server, path):
    return urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5)


def test_the_page_needs_nothing_from_elsewhere(server):
    answer = get(server, "/")
    page = answer.read().decode()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    addresses = set(re.findall(r"https?://[^\"' ]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert "innerHTML" not in page  # what nodes report is text


def test_the_state_is_the_newest(server):
    for n in range(2):
        server.show({"n": n})
        assert json.loads(get(server, "/state.json").read()) == {"n": n}


@pytest.mark.parametrize("path", ["/other", "/../x", "/state.json?x"])
def test_there_is_nothing_else(server, path):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(server, path)


def test_a_port_that_is_taken_is_an_error(server):
    with pytest.raises(InputError):
        PageServer("127.0.0.1", server.port)


def test_the_page_is_in_the_package():
    assert resources.files("kakehashi.qkd.network").joinpath("page.html").is_file()
