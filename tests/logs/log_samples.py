"""Logs in every dialect, with invented numbers, and the curves that all of them hold."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from lrdoctor.core.run import Run
from lrdoctor.logs import read_log

N = 40
STEP = list(range(0, 10 * N, 10))
LOSS = [round(3.0 * 0.97**k + 0.05 * ((k * 7) % 5 - 2), 6) for k in range(N)]
LR = [round(0.001 * (1 - k / N), 8) for k in range(N)]
NORM = [round(1.0 + 0.1 * ((k * 3) % 7), 5) for k in range(N)]
VAL = {k: round(3.2 * 0.97**k, 5) for k in range(9, N, 10)}
"""row -> validation loss."""

NAMES = ("step", "loss", "lr", "grad_norm", "val_loss")


def rows(loss: Iterable[object] = LOSS) -> list[list[str]]:
    """The cells of the log, row by row, an empty cell where there is no validation loss."""
    columns = zip(STEP, loss, LR, NORM, strict=False)
    return [[*map(str, cells), str(VAL.get(k, ""))] for k, cells in enumerate(columns)]


def table(cells: Iterable[Iterable[str]], delimiter: str = ",", names: Iterable[str] | None = NAMES) -> str:
    """The cells as lines, a header above them."""
    header = [] if names is None else [delimiter.join(names)]
    return "\n".join([*header, *(delimiter.join(row) for row in cells)]) + "\n"


CSV = table(rows())

DIALECTS: Mapping[str, bytes] = {
    "tabs": table(rows(), "\t").encode(),
    "semicolons": table(rows(), ";").encode(),
    "pipes": table(rows(), "|").encode(),
    "decimal commas": table([[c.replace(".", ",") for c in row] for row in rows()], ";").encode(),
    "quoted decimal commas": table(
        [[f'"{c.replace(".", ",")}"' if c else "" for c in row] for row in rows()], ",", [f'"{n}"' for n in NAMES]
    ).encode(),
    "quoted": table([[f'"{c}"' for c in row] for row in rows()], ",", [f'"{n}"' for n in NAMES]).encode(),
    "padded": table([[c.rjust(12) for c in row] for row in rows()], ",", [f"  {n}  " for n in NAMES]).encode(),
    "blanks after commas": CSV.replace(",", ", ").encode(),
    "CRLF": CSV.replace("\n", "\r\n").encode(),
    "CR": CSV.replace("\n", "\r").encode(),
    "byte order mark": CSV.encode("utf-8-sig"),
    "UTF-16": CSV.encode("utf-16"),
    "UTF-16 without mark": CSV.encode("utf-16-le"),
    "UTF-16 big endian without mark": CSV.encode("utf-16-be"),
    "gzip": gzip.compress(CSV.encode(), mtime=0),
    "gzip, cut off after the rows": gzip.compress(CSV.encode(), mtime=0)[:-6],
    "gzip in two members": gzip.compress(CSV[:300].encode(), mtime=0) + gzip.compress(CSV[300:].encode(), mtime=0),
    "terminal colours": CSV.replace("\n", "\x1b[0m\n\x1b[32m").removesuffix("\x1b[32m").encode(),
    "no final line end": CSV.rstrip("\n").encode(),
    "blank lines": CSV.replace("\n", "\n\n").encode(),
    "comments": ("# a run\n" + CSV.replace("\n10,", "\n# half way\n10,")).encode(),
    "header in a comment": ("# " + CSV).encode(),
    "preamble": ("started at noon\nGPU 0 is a device\n" + CSV).encode(),
    "header repeated": CSV.replace("\n100,", "\n" + ",".join(NAMES) + "\n100,").encode(),
    "delimiter at the end": CSV.replace("\n", ",\n").replace("val_loss,", "val_loss").encode(),
    "index column": table([[str(k), *row] for k, row in enumerate(rows())], ",", ("", *NAMES)).encode(),
    "index column without a name": table([[str(k), *row] for k, row in enumerate(rows())]).encode(),
    "column of text": table([[*row, "train"] for row in rows()], ",", (*NAMES, "phase")).encode(),
    "other names": table(rows(), ",", ("global_step", "train/loss", "learning_rate", "gnorm", "eval_loss")).encode(),
    "camel case": table(rows(), ",", ("globalStep", "trainLoss", "learningRate", "gradNorm", "valLoss")).encode(),
    "Chinese in GBK": table([[*row, "\u8bad\u7ec3"] for row in rows()], ",", (*NAMES, "\u9636\u6bb5")).encode("gbk"),
    "Latin-1": table([[*row, "caf\u00e9"] for row in rows()], ",", (*NAMES, "o\u00f9")).encode("latin-1"),
    "thousands separators": table([[f'"{int(row[0]):,}"', *row[1:]] for row in rows()]).encode(),
    "tensors": table([[row[0], f"\"tensor({row[1]}, device='cuda:0')\"", *row[2:]] for row in rows()]).encode(),
    "None for nothing": table([[c or "None" for c in row] for row in rows()]).encode(),
}
"""How the same log can be written."""


def curves(run: Run) -> dict[str, tuple[list[int], list[float]]]:
    """The named curves of a run as plain lists."""
    names = ("train_loss", "learning_rate", "grad_norm", "val_loss")
    return {name: (run.curve(name).step.tolist(), run.curve(name).value.tolist()) for name in names}


EXPECTED = {
    "train_loss": (STEP, LOSS),
    "learning_rate": (STEP, LR),
    "grad_norm": (STEP, NORM),
    "val_loss": ([STEP[k] for k in VAL], list(VAL.values())),
}

Read = Callable[..., list[Run]]


def reader(folder: Path) -> Read:
    """Reads content that is given as text or bytes."""

    def read(content: str | bytes, name: str = "log.csv", **options: object) -> list[Run]:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_log(path, **options)  # type: ignore[arg-type]

    return read


def simple(loss: Iterable[object], step: Iterable[object] | None = None, names: str = "step,loss") -> str:
    """A log of two columns."""
    values = list(loss)
    return table(([str(s), str(v)] for s, v in zip(step or range(len(values)), values, strict=True)), ",", [names])


def walk(n: int, seed: int = 0) -> list[float]:
    """A healthy loss of n points."""
    rng = np.random.default_rng(seed)
    return [float(v) for v in np.round(1 + 2 * np.exp(-np.arange(n) / (n / 5 + 1)) + 0.02 * rng.standard_normal(n), 7)]
