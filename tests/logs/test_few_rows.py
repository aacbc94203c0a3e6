"""Small tables are read without pandas: cell for cell what pandas makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from log_samples import CSV, DIALECTS

from lrdoctor.logs import few_rows
from lrdoctor.logs.cells import Cells, read_cells
from lrdoctor.logs.dialect import sniff_dialect
from lrdoctor.logs.text import bytes_source, head_text


def cells(content: str | bytes) -> Cells:
    source = bytes_source("log.csv", content if isinstance(content, bytes) else content.encode())
    dialect = sniff_dialect(head_text(source))
    assert dialect is not None
    return read_cells(source, dialect)


def described(found: Cells) -> object:
    columns = {
        name: [repr(float(v)) if logged else None for v, logged in zip(column.value, column.logged, strict=True)]
        for name, column in found.columns.items()
    }
    texts = {name: [None if t is None else str(t) for t in column] for name, column in found.texts.items()}
    return found.n_rows, columns, texts, found.left_out


def is_without_pandas(content: str) -> bool:
    dialect = sniff_dialect(content)
    assert dialect is not None
    lines = content.split("\n")[dialect.data_line :]
    return few_rows.rows_of("\n".join(lines).encode(), dialect) is not None


PLAIN = {
    "nan and empty cells": "step,loss,val\n0,1.5,\n1,nan,\n2,nan,nan\n3,nan,NaN\n4,,0.5\n5,NaN,nan\n6,0.25,\n",
    "nan in the first cell": "loss,lr\nnan,0.1\nnan,nan\n1.5,\n,nan\nnan,nan\n1.25,0.1\n",
    "nan in two spellings": "step,loss\n0,1.5\n1,NAN\n2,nan\n3,\n4,-nan\n5,nan\n6,1.0\n",
    "nan with blanks": "step, loss, lr\n0, 1.5, 0.1\n1, nan, nan\n2, nan,\n3, , nan\n4, 1.0, 0.1\n",
    "nan between semicolons": "step;loss;lr\n0;1.5;0.1\n1;nan;nan\n2;nan;\n3;;nan\n4;1.0;0.1\n",
    "the plain log": CSV,
    "missing in every spelling": "step,loss,x\n0,1.5,\n1,NA,2\n2,None,-\n3,--,4\n4,null,#N/A\n5,0.5,<NA>\n",
    "nan and infinity": "step,loss\n0,1.5\n1,nan\n2,NaN\n3,-inf\n4,inf\n5,\n6,Infinity\n",
    "names beside numbers": "run,step,loss\na,0,1.5\na,1,1.25\nb,0,2.5\nNA,1,2\n,2,1\n",
    "names beside nan": "run,step,loss\na,0,1.5\na,1,nan\nNA,0,2.5\n",
    "the header once more": "step,loss\n0,1.5\n1,1.25\nstep,loss\n2,1\n",
    "some words for numbers": "step,loss\n0,1.5\n1,tensor(1.25)\n2,5%\n3,broken\n4,1\n",
    "truths": "step,loss,done\n0,1.5,False\n1,1.25,True\n2,1,False\n",
    "short lines": "step,loss,x\n0,1.5,1\n1,1.25\n2\n3,1,2\n",
    "blanks around cells": "step, loss ,x\n0, 1.5 ,a \n1, 1.25, b\n2, 1 , a\n",
    "underscores": "step,loss\n0,1.5\n1,1_5\n2,1\n",
    "blank lines": "step,loss\n0,1.5\n\n1,1.25\n\n\n2,1\n",
    "no header": "0,1.5\n1,1.25\n2,1\n3,0.5\n",
    "large whole numbers": f"step,loss\n0,{2**70}\n1,{2**63}\n2,-{2**64}\n",
    "semicolons": "step;loss\n0;1.5\n1;1.25\n2;1\n",
    "a torn end": "step,loss\n0,1.5125\n1,1.2525\n2,1.1",
}
BY_PANDAS = {
    "a comment in the middle": "step,loss\n0,1.5\n1,1.25\n# resumed,\n2,1\n",
    "quotes": 'step,loss\n0,"1.5"\n1,1.25\n2,1\n',
    "a line with too many cells": "step,loss\n0,1.5\n1,1.25,7\n2,1\n",
    "decimal commas": "step;loss\n0;1,5\n1;1,25\n2;1,125\n",
    "letters beyond ASCII": "step,loss,Größe\n0,1.5,ä\n1,1.25,b\n2,1,c\n",
    "comments": "# a run\nstep,loss\n0,1.5\n1,1.25\n2,1\n",
}


@pytest.mark.parametrize("content", [*PLAIN.values(), *BY_PANDAS.values(), *DIALECTS.values()])
def test_the_cells_are_those_of_pandas(content: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    without = described(cells(content))
    monkeypatch.setattr(few_rows, "MOST_BYTES", -1)
    assert without == described(cells(content))


@pytest.mark.parametrize(("kind", "is_plain"), [*((k, True) for k in PLAIN), *((k, False) for k in BY_PANDAS)])
def test_what_is_read_without_pandas(kind: str, is_plain: bool) -> None:
    assert is_without_pandas((PLAIN | BY_PANDAS)[kind]) is is_plain


def test_a_long_block_is_left_to_pandas() -> None:
    rows = "".join(f"{step},{1 / (1 + step)}\n" for step in range(60_000))
    dialect = sniff_dialect("step,loss\n" + rows[:2000].rpartition("\n")[0])
    assert dialect is not None
    assert len(rows) > few_rows.MOST_BYTES
    assert few_rows.rows_of(rows.encode(), dialect) is None


def test_truths_with_gaps_are_texts() -> None:
    assert cells("step,loss,done\n0,1.5,False\n1,1.25,\n2,1,False\n").left_out == {"done": "text, such as 'False'"}


def test_correctly_rounded_numbers() -> None:
    found = cells("step,loss\n" + "".join(f"{k},{0.1 * 3**k!r}\n" for k in range(30)))
    assert np.array_equal(found.columns["loss"].value, [0.1 * 3**k for k in range(30)])
