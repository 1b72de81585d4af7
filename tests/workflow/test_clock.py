from __future__ import annotations

import time

import pytest

from kakehashi.workflow.clock import Clock


def test_each_stage_has_its_seconds() -> None:
    clock = Clock()
    with clock.stage("sample"):
        time.sleep(0.02)
    with clock.stage("loop"):
        pass
    assert clock.stage_s["sample"] >= 0.02
    assert 0 <= clock.stage_s["loop"] < clock.stage_s["sample"]


def test_a_stage_that_comes_again_adds_up() -> None:
    clock = Clock()
    clock.stage_s["loop"] = 100.0  # as a run that is resumed puts it in
    with clock.stage("loop"):
        time.sleep(0.01)
    assert 100.01 <= clock.stage_s["loop"] < 110


def test_a_stage_that_fails_has_taken_its_time() -> None:
    clock = Clock()

    def fail() -> None:
        with clock.stage("sample"):
            time.sleep(0.01)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert clock.stage_s["sample"] >= 0.01


def test_two_clocks_share_nothing() -> None:
    one, other = Clock(), Clock()
    with one.stage("sample"):
        pass
    assert other.stage_s == {}
