from __future__ import annotations

import re
from pathlib import Path

import pytest

from lrdoctor.fixes import FIXES
from lrdoctor.logs.readers import READERS
from lrdoctor.rules import RULES
from lrdoctor.spec import spec_schema
from tools import generate


def test_every_generated_file_is_up_to_date() -> None:
    assert generate.stale() + generate.left_over() == [], "run: python -m tools.generate"


def test_main_writes_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing, old, fresh = (tmp_path / name for name in ("missing", "old", "fresh"))
    old.write_text("before")
    fresh.write_text("text")
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "LRD999.md").touch()
    monkeypatch.setattr(generate, "generated", lambda: [(path, "text") for path in (missing, old, fresh)])
    assert generate.stale() == [missing, old]
    generate.main()
    removed = tmp_path / "rules" / "LRD999.md"
    assert capsys.readouterr().out.splitlines() == [str(missing), str(old), f"removed {removed}"]
    assert generate.stale() + generate.left_over() == []


def test_what_is_generated_depends_on_no_terminal_and_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    assert generate.stale() == []


def test_the_readme_shows_a_report_and_names_every_format() -> None:
    readme = generate.README.read_text("utf-8")
    assert f"$ lrdoctor diagnose {generate.SAMPLE}\nUNSTABLE: " in readme
    assert [reader.NAME for reader in READERS if f"`{reader.NAME}`" not in readme] == []


def test_every_rule_every_fix_and_every_key_has_its_place() -> None:
    every = dict(generate.generated())
    texts = {
        str(path.relative_to(generate.DOCS)): text for path, text in every.items() if generate.DOCS in path.parents
    }
    assert {f"rules/{rule.code}.md" for rule in RULES} <= set(texts)
    assert {f"fixes/{fix.name}.md" for fix in FIXES} <= set(texts)
    blocks = list(spec_schema()["$defs"].values())
    missing = [key for block in blocks for key in block["properties"] if f"| `{key}` |" not in texts["spec.md"]]
    assert missing == []


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("rules/LRD208.md", "## What it sees\nA rise as in LRD204 or LRD206 that begins in the early window"),
        ("rules/LRD208.md", "[`warmup`](../fixes/warmup.md), "),
        ("fixes/warmup.md", "[LRD208](../rules/LRD208.md)"),
        ("spec.md", "| `clip_norm` | number, above 0 or null | `null` | Gradients with a larger global L2 norm"),
        ("spec.md", '| `probe` | [Probe](#probe) | `{"factor": 2.0, "steps": 500}` | The short run'),
    ],
)
def test_the_pages_say(page: str, said: str) -> None:
    assert said in dict(generate.generated())[generate.DOCS / page]


@pytest.mark.parametrize("page", ["rules/LRD501.md", "rules/LRD403.md"])
def test_what_no_fix_answers_names_none(page: str) -> None:
    assert "## What to try" not in dict(generate.generated())[generate.DOCS / page]


def test_the_pages_name_files_that_exist() -> None:
    texts = [text for path, text in generate.generated() if path.parent.name in ("rules", "fixes")]
    named = {path for text in texts for path in re.findall(r"`(lrdoctor/[\w/]+\.py)`", text)}
    assert len(named) == len(RULES) + len(FIXES)
    assert [path for path in sorted(named) if not (generate.README.parent / path).is_file()] == []
