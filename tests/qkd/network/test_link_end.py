import secrets
import socket
import time

import pytest

from kakehashi.core.errors import DeviceError, ResourceError
from kakehashi.qkd.bits import Bits
from kakehashi.qkd.distill.agreement import agree_on
from kakehashi.qkd.distill.events import Made, Restarted
from kakehashi.qkd.distill.stock import Stock
from kakehashi.qkd.link.library import load_link
from kakehashi.qkd.link.source import SourceProcess
from kakehashi.qkd.network.link_end import LinkEnd
from kakehashi.qkd.network.stock_file import StockFile

LINK = "tokyo-koganei-loop-ntt"
SECRET = Bits.from_bytes(bytes(range(256)) * 8)


def wait(condition, seconds=60.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def make_files(folder):
    files = {}
    for role in ("sender", "receiver"):
        files[role] = StockFile(folder / f"{role}.stock", secrets.token_bytes(32))
        files[role].write(Stock.from_secret(SECRET, is_sender=role == "sender", forgery=1e-15))
    return files


def make_ends(folder, files, events, open_channel):
    agreement = agree_on(LINK, load_link(LINK), block_bits=100_000)
    return [
        LinkEnd(
            role=role,
            agreement=agreement,
            stock_file=files[role],
            photons=str(folder),
            open_channel=lambda role=role: open_channel(role),
            on_event=lambda _, event, role=role: events[role].append(event),
        )
        for role in ("sender", "receiver")
    ]


def test_without_the_other_end_it_waits_and_says_why(tmp_path):
    def nobody(_):
        raise DeviceError("nobody is there.", transient=True)

    ends = make_ends(tmp_path, make_files(tmp_path), {"sender": [], "receiver": []}, nobody)
    with SourceProcess(LINK, tmp_path):
        ends[0].start()
        wait(lambda: ends[0].report.why)
        assert (ends[0].report.state, ends[0].report.why) == ("waiting", "nobody is there.")
    assert ends[0].report.bound == "differential"  # the link of NTT sends differential phases
    ends[0].stop()
    ends[0].join(5)
    assert not ends[0].is_alive()


@pytest.mark.parametrize("is_told", [True, False])
def test_a_fault_of_our_own_stops_the_link_with_an_alarm(tmp_path, is_told):
    def faulty(_):
        raise ZeroDivisionError

    def take(_, event):
        told.append(event)
        if not is_told:
            raise ZeroDivisionError

    told = []
    end = make_ends(tmp_path, make_files(tmp_path), {}, faulty)[0]
    end._on_event = take
    with SourceProcess(LINK, tmp_path):
        end.start()
        end.join(30)
    assert not end.is_alive()
    assert end.report.state == "stopped"
    assert [(event.reason, event.is_alarm) for event in told] == [
        ("The link has stopped: a fault of kakehashi: ZeroDivisionError.", True)
    ]


def test_why_a_link_is_down_is_said_once_and_the_other_end_is_not_called_in_vain(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("kakehashi.qkd.network.link_end.RETRY_S", 0.01)
    calls = []

    def channel(_):
        calls.append(1)
        if len(calls) < 3:
            raise DeviceError("nobody is there.", transient=True)
        here, there = socket.socketpair()
        there.close()
        return here

    end = make_ends(tmp_path, make_files(tmp_path), {"sender": [], "receiver": []}, channel)[0]
    end.start()
    time.sleep(0.3)
    assert not calls
    assert end.report.state == "waiting"
    dark = f"Link '{LINK}' waits: No simulated link answers at unix:{tmp_path}/sender.sock: No such file or directory."
    assert caplog.messages == [dark]
    with SourceProcess(LINK, tmp_path, exposure_s=0.01):
        wait(lambda: len(calls) > 5)
        end.stop()
        end.join(5)
    gone = "The other end of the classical channel is gone."
    # between the moment in which a socket has its name and that in which somebody listens, it refuses
    said = [message for message in caplog.messages[1:] if not message.endswith("sender.sock: Connection refused.")]
    assert said == [f"Link '{LINK}' waits: {why}" for why in ("nobody is there.", gone)]


def test_what_cannot_be_put_in_a_safe_place_is_kept_until_it_can(tmp_path):
    kept, is_full = [], True

    def on_event(_, event):
        if is_full:
            raise ResourceError("the disk is full.")
        kept.append(event)

    def channel(_):
        raise DeviceError("nobody is there.", transient=True)

    end = make_ends(tmp_path, make_files(tmp_path), {"sender": [], "receiver": []}, channel)[0]
    end._on_event = on_event
    events = [Restarted(reason=reason, is_alarm=False) for reason in "ab"]
    end._waiting.extend(events)
    end.start()
    wait(lambda: end.report.why == "the disk is full.")
    assert end.report.state == "waiting"
    is_full = False
    wait(lambda: "No simulated link answers" in end.report.why)
    assert kept == events
    end.stop()
    end.join(5)


def test_wrong_test_bits_are_an_alarm_before_their_block_is_whole(tmp_path):
    sender, receiver = make_ends(tmp_path, make_files(tmp_path), {"sender": [], "receiver": []}, lambda _: None)
    session = receiver._session

    def see(n, wrong):
        session.tested = session.tested[0] + n, session.tested[1] + wrong
        return receiver.early_alarm()

    assert see(5000, 200) is None
    assert see(0, 0) is None
    assert see(900, 300) is None  # too few to say
    assert see(900, 300) == "33.33 % of the newest 1,800 test bits were wrong, more than 8.00 %."
    assert receiver.report.qber == pytest.approx(1 / 3)
    assert see(0, 0) is None  # no light, no news
    assert see(1000, 90) is None  # 1 % above the limit is chance
    assert see(3000, 90) is None
    assert sender.early_alarm() is None


@pytest.mark.slow
def test_keys_go_on_after_both_ends_were_started_anew_and_no_pad_comes_twice(tmp_path):
    files, made = make_files(tmp_path), []
    with SourceProcess(LINK, tmp_path / "photons", seed=1, exposure_s=1.0):
        for turn in range(2):
            pair = dict(zip(("sender", "receiver"), socket.socketpair(), strict=True))
            events = {"sender": [], "receiver": []}
            before = {role: file.read(forgery=1e-15)[0].state for role, file in files.items()}
            ends = make_ends(tmp_path / "photons", files, events, pair.__getitem__)
            for end in ends:
                end.start()
            wait(lambda events=events: all(sum(isinstance(e, Made) for e in said) >= 2 for said in events.values()))
            for end in ends:
                end.stop()
            for end in ends:
                end.join(10)
            keys = [{e.block_id: e.key for e in said if isinstance(e, Made)} for said in events.values()]
            common = keys[0].keys() & keys[1].keys()
            assert len(common) >= 2 - turn
            assert all(keys[0][name] == keys[1][name] for name in common)
            made += common
            for role, file in files.items():
                after = file.read(forgery=1e-15)[0].state
                assert after.own.first_left > before[role].own.first_left
    assert len(set(made)) == len(made)
