from kakehashi.cli.qkd import qkd_app


def test_the_key_network_has_its_parts():
    assert "link" in list(qkd_app)
