"""Report -> text: one file a format. Drawing neither measures nor judges."""

FORMATS = {
    "json": "lrdoctor.reports.json:render",
    "junit": "lrdoctor.reports.junit:render",
    "gitlab": "lrdoctor.reports.gitlab:render",
    "markdown": "lrdoctor.reports.markdown:render",
    "html": "lrdoctor.reports.html:render",
}
"""Format name -> "module:function", imported only when asked for; the function is (Report, folder) -> str,
where folder is that of the study and None for logs. What a terminal shows is in `reports.terminal`."""
