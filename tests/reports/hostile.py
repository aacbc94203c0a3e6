"""Names and messages as a log or a spec may hold them, and reports full of them."""

from __future__ import annotations

from log_report_samples import fix, log_run, unread
from log_report_samples import report as of_logs
from report_samples import finding, report, summary

from lrdoctor.core.report import Report, Skip

HOSTILE = {
    "html": '</td><script>alert("x")</script><img src=x onerror=y> &amp; <!-- ',
    "markdown": "**x** | a | [l](http://evil.example) ![i](x) `c` ``` ~~~ _u_ # h @all #1 :smile: $x$ www.evil.example",
    "xml": "]]></system-out><failure/> <![CDATA[ &lt; &#0;",
    "control": "a\x00b\x08c\x1b[31md\x7fe\x85f\u2028g\ufeffh\u202ei\ufffej",
    "surrogate": "x\ud800y\udfffz",
    "lines": "one\n::error file=a::two\r\n::add-mask::three\n# four\n- five\n```\n\tsix",
    "workflow": "::set-env name=X::y%0A,title=z:%25",
    "long": "n" * 10_000,
    "long markup": "<b>" * 3_000 + "`" * 100 + "|" * 100,
    "empty": "",
    "blank": " \t ",
}


def logs(text: str) -> Report:
    """Three logs with the text everywhere that a log's words may reach."""
    return of_logs(
        log_run(text, "unstable", source=text),
        log_run("fine.csv"),
        unread(f"{text}2"),
        summary=text,
        findings=(
            finding(text, run=text, code="LRD202", observed=text, threshold=text, first_step=60, last_step=61),
            finding(text, run=text, code="LRD501", severity="info"),
        ),
        skipped=(Skip(code="LRD201", reason=text, run=text), Skip(code="LRD201", reason=text, run="fine.csv")),
        fixes=(fix(text, text),),
        next_steps=(text, f"lrdoctor {text}"),
        checks={"runs": {"LRD201": "early blow-up", "LRD202": "unrecovered rise", "LRD301": text}, "study": {}},
        baseline={
            "file": text,
            "verdict": "stable",
            "stability_margin": None,
            "worse": [worse("verdict", text), worse("finding", text, code="LRD202", run=text)],
            "not_compared": [text],
            "gone": [text],
            "tolerances": {"margin_factor": 1.6},
        },
    )


def worse(what: str, message: str, **changes: object) -> dict[str, object]:
    entry: dict[str, object] = {"what": what, "code": None, "run": None, "was": "stable", "is": "unstable"}
    return {**entry, "fails": True, "message": message, **changes}


def study(text: str) -> Report:
    """A sweep with the text in the names, messages and notes."""
    return report(
        summary=text,
        runs=(summary(text, exit_reason=text, optimizer=text), summary("failed", feasible=None, exit_reason=text)),
        findings=(finding(text), finding(text, run=text, code="LRD201")),
        skipped=(Skip(code="LRD105", reason=text, run=text), Skip(code="LRD401", reason=text)),
        next_steps=(text,),
        checks={"runs": {"LRD201": text}, "study": {"LRD301": text, "LRD403": text}},
    )


REPORTS = {
    f"{kind}-{name}": make(text)
    for kind, make in {"logs": logs, "study": study}.items()
    for name, text in HOSTILE.items()
}
