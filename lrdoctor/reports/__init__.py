"""Report -> text: one file a format. Drawing neither measures nor judges."""

FORMATS = {
    "json": "lrdoctor.reports.json:parts",
    "junit": "lrdoctor.reports.junit:parts",
    "gitlab": "lrdoctor.reports.gitlab:render",
    "markdown": "lrdoctor.reports.markdown:render",
    "html": "lrdoctor.reports.html:render",
}
"""Format name -> "module:function", imported only when asked for. The function is (Report, folder) -> str, or an
iterator of its pieces where it grows with the number of logs; folder is that of the study and None for logs. What a
terminal shows is in `reports.terminal`."""
