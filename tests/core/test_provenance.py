import datetime as dt
import json
import platform

from kakehashi.core.provenance import collect_provenance
from kakehashi.core.resources import n_processors


def test_provenance_is_json_and_true():
    found = collect_provenance()
    assert json.loads(json.dumps(found)) == found
    assert found["python"] == platform.python_version()
    assert found["packages"]["numpy"]
    assert found["machine"]["n_processors"] == n_processors()
    created = dt.datetime.fromisoformat(found["created_utc"])
    assert created.tzinfo is not None
    assert abs((dt.datetime.now(dt.UTC) - created).total_seconds()) < 60


def test_two_results_do_not_share_one_table():
    one, two = collect_provenance(), collect_provenance()
    one["packages"]["numpy"] = "changed"
    assert two["packages"]["numpy"] != "changed"
