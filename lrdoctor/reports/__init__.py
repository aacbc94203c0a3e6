"""Report -> text: one file a format. Drawing neither measures nor judges."""

FORMATS = {
    "json": "lrdoctor.reports.json:render",
}
"""Format name -> "module:function", imported only when asked for; the function is (Report) -> str."""
