"""POSTs of events to a server on loopback that is well, slow, broken or away."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lrdoctor.alerts import Alerts, Webhook
from lrdoctor.alerts.webhook import SIGNATURE, THRESHOLDS, signature
from lrdoctor.errors import LrdoctorError
from lrdoctor.streaming import StreamEvent, StreamingJudge

ALARM = StreamEvent(
    kind="alarm", run="run", step=9, verdict="unstable", before="stable", rule="LRD101", message="train_loss is nan",
    first_step=9, size=math.nan, look=3, alpha=0.001,
)  # fmt: skip


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may keep a server silent for longer than the seconds after which an event is posted once more."""
    monkeypatch.setattr("lrdoctor.alerts.webhook.THRESHOLDS", replace(THRESHOLDS, timeout=600.0))


class Server:
    """Answers POSTs with the given codes in turn, the last one for ever."""

    def __init__(self, codes: Sequence[int], hold: threading.Event | None) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.asked = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                server.headers.append(dict(self.headers))
                server.asked.set()
                if hold is not None:
                    hold.wait(300)
                code = codes[min(len(server.bodies), len(codes)) - 1]
                self.send_response(code)
                if 300 <= code < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook/secret-path"


@contextmanager
def serving(*codes: int, hold: threading.Event | None = None) -> Iterator[Server]:
    server = Server(codes, hold)
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        if hold is not None:
            hold.set()
        server.http.shutdown()
        server.http.server_close()
        thread.join(10)


def test_the_body_is_what_slack_takes() -> None:
    with serving(200) as server:
        Webhook(server.url).post(ALARM)
    (body,) = map(json.loads, server.bodies)
    assert body["text"] == "run: UNSTABLE at step 9: train_loss is nan [LRD101]"
    assert body["event"]["verdict"] == "unstable"
    assert body["event"]["size"] == "NaN"
    assert server.headers[0]["Content-Type"] == "application/json"
    assert SIGNATURE not in server.headers[0]


def test_it_is_signed_with_the_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRDOCTOR_WEBHOOK_SECRET", "key")
    with serving(200) as server:
        alerts = Alerts(webhook=server.url)
        alerts(ALARM)
        alerts.close(300)
    assert server.headers[0][SIGNATURE] == signature(server.bodies[0], "key")


@pytest.mark.parametrize(
    ("codes", "posts", "pauses", "error"),
    [
        ((200,), 1, [], None),
        ((500, 503, 204), 3, [1.0, 2.0], None),
        ((429, 200), 2, [1.0], None),
        ((500,), THRESHOLDS.tries, [1.0, 2.0, 4.0], "answered 500 after 4 tries"),
        ((404,), 1, [], "answered 404 after 1 try"),
        ((302,), 1, [], "answered 302 after 1 try"),
    ],
)
def test_how_often_it_is_tried(codes: Sequence[int], posts: int, pauses: list[float], error: str | None) -> None:
    paused: list[float] = []
    with serving(*codes) as server:
        hook = Webhook(server.url, pause=paused.append)
        if error is None:
            hook.post(ALARM)
        else:
            with pytest.raises(LrdoctorError, match=error):
                hook.post(ALARM)
    assert (len(server.bodies), paused) == (posts, pauses)


def test_a_server_that_is_away() -> None:
    with serving(200) as server:
        url = server.url
    paused: list[float] = []
    with pytest.raises(LrdoctorError, match="refused after 4 tries"):
        Webhook(url, pause=paused.append).post(ALARM)
    assert len(paused) == THRESHOLDS.tries - 1


@pytest.mark.parametrize(
    "url", ["hooks.slack.com/services/x", "ftp://host/x", "https://", "file:///etc/passwd", "http://[/"]
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(LrdoctorError, match="expected a URL"):
        Webhook(url)


def train(alerts: Alerts) -> int:
    """A training that is judged, and goes on after its loss was nan; the steps that it made."""
    judge = StreamingJudge("run", on_event=alerts)
    n = 0
    for step in range(300):
        judge.add(step, 2.0 * 0.98**step if step < 200 else math.nan)
        n += 1
    return n


def test_a_slow_server_keeps_no_training_waiting(capsys: pytest.CaptureFixture[str]) -> None:
    """It answers only after the training is over."""
    hold = threading.Event()
    with serving(200, hold=hold) as server:
        alerts = Alerts(webhook=server.url)
        assert train(alerts) == 300
        assert server.asked.wait(300)
        alerts.close(0.0)
        said = capsys.readouterr().err
    assert said == "lrdoctor: alerts given up at the end: not delivered within 0 s\n"
    assert "secret-path" not in said


def test_nor_does_one_that_is_broken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    quick = replace(THRESHOLDS, tries=2, first_pause=0.0, timeout=600.0)
    monkeypatch.setattr("lrdoctor.alerts.webhook.THRESHOLDS", quick)
    with serving(500) as server:
        alerts = Alerts(webhook=server.url)
        assert train(alerts) == 300
        alerts.close(300)
    assert capsys.readouterr().err == "lrdoctor: alert for http://127.0.0.1 given up: answered 500 after 2 tries\n"
    assert len(server.bodies) == 2


def test_only_alarms_are_told() -> None:
    heard: list[StreamEvent] = []
    train(Alerts(call=heard.append))
    assert [event.kind for event in heard] == ["alarm"]


def test_more_than_can_wait_are_dropped_and_it_is_said_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrdoctor.alerts.courier.MOST_WAITING", 10)
    hold = threading.Event()
    with serving(200, hold=hold) as server:
        alerts = Alerts(webhook=server.url)
        alerts(ALARM)
        assert server.asked.wait(300)  # the first is on its way, so that the others wait
        for _ in range(14):
            alerts(ALARM)
        assert capsys.readouterr().err.count("10 wait already; further ones are dropped") == 1
        hold.set()
        alerts.close(300)
    assert len(server.bodies) == 1 + 10


def test_what_the_function_raises_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def angry(event: StreamEvent) -> None:
        raise OSError("no")

    Alerts(call=angry)(ALARM)
    assert capsys.readouterr().err == "lrdoctor: the function for alerts raised OSError: no\n"
