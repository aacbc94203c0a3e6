"""Telling people that a training has become unstable: a webhook, a function, the loggers that the run has open.

    judge = StreamingJudge("my run", on_event=Alerts(webhook="https://hooks.slack.com/services/..."))

Nothing here keeps a training waiting: what may take long has a thread of its own, and is given up with one line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

from lrdoctor.alerts import loggers
from lrdoctor.alerts.courier import Courier
from lrdoctor.alerts.webhook import SECRET, Webhook
from lrdoctor.streaming.events import StreamEvent

__all__ = ["SECRET", "Alerts", "Webhook"]

TOLD = ("alarm", "retracted", "confirmed")
"""Kinds of events that are worth somebody's attention: that a run can be judged by now is not."""


class Alerts:
    """Delivers the alarms of a growing run; to be called with each of its events.

    Args:
        webhook: URL that gets a JSON POST with the key `text`, as Slack, Mattermost and Discord's `/slack` take it.
        call: called with the event, in the thread that the event comes in; what it raises is printed and goes no
            further.
        to_loggers: whether the finding becomes an event of the TensorBoard writer, W&B run, MLflow run or Trackio run
            that this process has open.
        secret: with which the body of a POST is signed; None for that in the environment variable
            LRDOCTOR_WEBHOOK_SECRET, and for no signature where there is none.

    Raises:
        LrdoctorError: the URL is none of http or https.
    """

    def __init__(
        self,
        *,
        webhook: str | None = None,
        call: Callable[[StreamEvent], object] | None = None,
        to_loggers: bool = True,
        secret: str | None = None,
    ) -> None:
        self._call, self._to_loggers = call, to_loggers
        self._courier = Courier(_say)
        secret = os.environ.get(SECRET) if secret is None else secret
        self._webhook = None if webhook is None else Webhook(webhook, secret or None)

    def __call__(self, event: StreamEvent) -> None:
        """Delivers an alarm, its retraction or its confirmation; any other event is none of its business."""
        if event.kind not in TOLD:
            return
        if self._webhook is not None:
            self._courier.send(self._webhook.where, partial(self._webhook.post, event))
        # which loggers are open is a question of this thread, and writing to them may wait for a server
        for name, write in loggers.open_loggers() if self._to_loggers else ():
            self._courier.send(name, partial(write, event))
        if self._call is not None:
            try:
                self._call(event)
            except Exception as error:
                _say(f"the function for alerts raised {type(error).__name__}: {error}")

    def close(self, seconds: float = 10.0) -> None:
        """Waits for what is on its way, so many seconds at most; what is not delivered by then is given up."""
        self._courier.close(seconds)


def _say(text: str) -> None:
    print(f"lrdoctor: {text}", file=sys.stderr)
