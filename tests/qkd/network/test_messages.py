import pydantic
import pytest

from kakehashi.qkd.network.messages import LinkReport, NodeReport, Note, Orders


def test_a_report_survives_the_wire():
    note = Note(kind="relay", at_utc=1.0, text="4096 bits", route=("a", "b", "c"), bits=4096)
    link = LinkReport(link="a-b", state="running", qber=0.02)
    report = NodeReport(node="a", at_utc=2.0, stock_bits={"b": 8}, links=(link,), notes=(note,))
    assert NodeReport.model_validate_json(report.model_dump_json()) == report


def test_orders_survive_the_wire():
    orders = Orders(routes={"c": (("a", "b", "c"),)})
    assert Orders.model_validate_json(orders.model_dump_json()) == orders


@pytest.mark.parametrize("bad", ['{"node": "a"}', "[]", '{"node": "a", "at_utc": 1, "stock_bits": {"b": -1}}'])
def test_what_makes_no_sense_is_refused(bad):
    with pytest.raises(pydantic.ValidationError):
        NodeReport.model_validate_json(bad)
