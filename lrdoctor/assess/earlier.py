"""What is read of an earlier report, to be compared with: plain values, every one checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_args

from lrdoctor.assess.margin import Margin, margin_in
from lrdoctor.core.report import SCHEMA_VERSION, Severity, Verdict
from lrdoctor.errors import LrdoctorError

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first."""
Key = tuple[str | None, str]
"""Run and code of a finding; None for the study as a whole."""
NOTHING = "nothing"
LONGEST_FOUND = 60
"""Characters of a wrong value that an error quotes."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is compared of an earlier report."""

    file: str
    command: str
    verdict: Verdict
    margin: Margin | None
    findings: Mapping[Key, Severity]
    """Of several with one key the worst severity."""
    runs: Mapping[str, Verdict]

    @classmethod
    def of(cls, document: Any, file: str) -> Baseline:
        """The baseline in the plain values of a report.json.

        Raises:
            LrdoctorError: it is none, or of a later schema; names the file and the key.
        """
        read = _Reader(file)
        version = read.value(document, "schema_version", int)
        if version != SCHEMA_VERSION:
            raise read.fault("schema_version", version, f"{SCHEMA_VERSION}, which this lrdoctor reads")
        margin = read.number(document, "stability_margin")
        sweep = read.value(document, "sweep", dict)
        bound = read.number(sweep, "stable_up_to", "sweep.stable_up_to") if sweep else None
        return cls(
            file=file,
            command=read.value(document, "command", str),
            verdict=read.one_of(document, "verdict", get_args(Verdict)),
            margin=margin_in(margin, bound),
            findings=_worst(read.findings(document)),
            runs=dict(read.runs(document)),
        )

    def refuse_other(self, command: str) -> None:
        """
        Raises:
            LrdoctorError: the baseline is the report of another command.
        """
        if self.command != command:
            raise LrdoctorError(
                f"--baseline {self.file}: command: found {self.command}, expected {command}; "
                f"give a report that lrdoctor {command} wrote"
            )


class _Reader:
    """Takes values out of a report.json; every fault names the file and the key."""

    def __init__(self, file: str) -> None:
        self.file = file

    def fault(self, key: str, found: object, expected: str) -> LrdoctorError:
        return LrdoctorError(
            f"--baseline {self.file}: {key}: found {_short(found)}, expected {expected}; "
            "give a report.json as lrdoctor wrote it"
        )

    def value(self, document: Any, key: str, kind: type[T], at: str = "") -> T:
        where = at or key
        if not isinstance(document, dict):
            raise self.fault(where.rpartition(".")[0] or "the document", document, "an object")
        if key not in document:
            raise self.fault(where, NOTHING, "this key")
        if not isinstance(document[key], kind):
            raise self.fault(where, document[key], f"a value of type {kind.__name__}")
        return cast(T, document[key])

    def one_of(self, document: Any, key: str, choices: tuple[Any, ...], at: str = "") -> Any:
        value = self.value(document, key, str, at)
        if value not in choices:
            raise self.fault(at or key, value, f"one of {', '.join(choices)}")
        return value

    def number(self, document: Any, key: str, at: str = "") -> float | None:
        value: object = self.value(document, key, object, at)
        if value is None or value in ("NaN", "Infinity", "-Infinity"):
            return None if value is None else float(str(value))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fault(at or key, value, "a number or null")
        return float(value)

    def findings(self, document: Any) -> Iterator[tuple[Key, Severity]]:
        for i, item in enumerate(self.value(document, "findings", list)):
            at = f"findings[{i}]"
            run: object = self.value(item, "run", object, f"{at}.run")
            if run is not None and not isinstance(run, str):
                raise self.fault(f"{at}.run", run, "a name or null")
            code = self.value(item, "code", str, f"{at}.code")
            yield (run, code), self.one_of(item, "severity", SEVERITIES, f"{at}.severity")

    def runs(self, document: Any) -> Iterator[tuple[str, Verdict]]:
        for i, item in enumerate(self.value(document, "runs", list)):
            name = self.value(item, "name", str, f"runs[{i}].name")
            yield name, self.one_of(item, "verdict", get_args(Verdict), f"runs[{i}].verdict")


def _short(found: object) -> str:
    text = str(found) if found == NOTHING else repr(found)
    return text if len(text) <= LONGEST_FOUND else f"{text[:LONGEST_FOUND]}..."


def _worst(findings: Iterator[tuple[Key, Severity]]) -> dict[Key, Severity]:
    worst: dict[Key, Severity] = {}
    for key, severity in findings:
        worst[key] = min(worst.get(key, severity), severity, key=SEVERITIES.index)
    return worst
