"""Other tools that judge training logs, as judges: one file a tool, with the table of what its findings count as.

Each is named as its package; a suffix names a level that the tool does not fail at by itself. They are no
dependencies: `pip install -c constraints.txt -e ".[peers]"`.
"""

from __future__ import annotations

from benchmarks.judged import Judge
from benchmarks.peers import gradsnitch, losslint, runmedic, trainproof
from benchmarks.peers.base import Peer, judges_of

PEERS: tuple[Peer, ...] = (runmedic.PEER, losslint.PEER, gradsnitch.PEER, trainproof.PEER)

INSTALL = 'pip install -c constraints.txt -e ".[peers]"'


def judges() -> dict[str, Judge]:
    """Name -> judge, of the tools that are installed."""
    return {name: judge for peer in PEERS if peer.installed for name, judge in judges_of(peer).items()}


def missing() -> list[str]:
    """The tools that are not installed."""
    return [peer.package for peer in PEERS if not peer.installed]
