"""The table of residual adds in the terminal."""

from __future__ import annotations

import io

from model_samples import model, site
from rich.console import Console

from lrdoctor.reports.terminal.architecture import print_architecture

FILE, MODULE = "transformers/models/bert/modeling_bert.py:292", "bert.encoder.layer.0.attention.output"


def printed(where: str, module: str) -> str:
    out = io.StringIO()
    print_architecture(model(site(module, where=where)), Console(file=out, width=110), verbose=False)
    return out.getvalue()


def test_long_names_share_the_width() -> None:
    """Neither is squeezed to a few letters a line by the other."""
    told = printed(FILE, MODULE)
    assert FILE[:20] in told
    assert MODULE[:20] in told
    assert max(map(len, told.splitlines())) <= 110


def test_short_names_stand_on_one_line() -> None:
    assert "net.py:7  block " in printed("net.py:7", "block")
