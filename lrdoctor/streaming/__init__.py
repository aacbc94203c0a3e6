"""Judging a run that grows: the rules of logs, looks at growing lengths, and a risk that is shared by the looks."""

from lrdoctor.streaming.events import StreamEvent
from lrdoctor.streaming.judge import StreamingJudge

__all__ = ["StreamEvent", "StreamingJudge"]
