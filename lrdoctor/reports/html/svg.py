"""A figure's SVG file as a part of the page: smaller, with ids of its own, and nothing that could do harm.

Only what matplotlib draws with is kept, so that whatever else a file holds (a script, a link, an image from
elsewhere) does not reach the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from markupsafe import Markup, escape

from lrdoctor.reports.numbers import printable

ELEMENTS = frozenset({"svg", "g", "defs", "path", "use", "clipPath", "rect", "text", "tspan"})
STYLES = frozenset(
    {
        "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray",
        "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "opacity", "font-size", "font-weight", "font-style",
        "text-anchor",
    }
)  # fmt: skip
"""Style properties that are kept; the typeface is the page's."""
NUMBERS = frozenset({"d", "x", "y", "width", "height", "transform"})
"""Attributes that hold them; besides them only id, href, clip-path and style are kept."""
VIEW_BOX = re.compile(r"0 0 \d+(\.\d+)? \d+(\.\d+)?", re.ASCII)
REFERENCE = re.compile(r"(?:url\()?#([\w.-]+)\)?")
DECIMAL = re.compile(r"-?\d+\.\d+")
REPEATED = re.compile(r"(?<=\d) L (?=-?\d)")
"""After a move or a line, further pairs of numbers are lines without the letter."""


@dataclass(frozen=True)
class Drawing:
    """What a file draws."""

    title: str
    """What it shows, in words; empty when the file does not say."""
    markup: Markup
    """The contents of the `svg` element."""
    view_box: str


def inlined(text: str, prefix: str) -> Drawing | None:
    """The drawing of an SVG file; None when it is no SVG.

    Args:
        text: the file's content.
        prefix: begins every id, so that two figures of one page do not share one.
    """
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None
    if _local(root.tag) != "svg" or not VIEW_BOX.fullmatch(root.attrib.get("viewBox", "")):
        return None
    title = next((child.text or "" for child in root if _local(child.tag) == "title"), "")
    ids = {name: f"{prefix}{i}" for i, name in enumerate(dict.fromkeys(_references(root)))}
    styled = {of.attrib["id"]: _styles(of.attrib.get("style", "")) for of in root.iter() if of.attrib.get("id") in ids}
    parts = "".join(part for child in root for part in _Writer(ids, styled).written(child))
    return Drawing(" ".join(title.split()), Markup(parts), shortened(root.attrib["viewBox"]))


def shortened(numbers: str) -> str:
    """Numbers to a tenth of a point, which nobody sees on a screen.

    >>> shortened("M 58.108594 230.536406 L 367.2 -0.04 L 1 2")
    'M 58.1 230.5 367.2 0 1 2'
    """
    blanks = " ".join(numbers.split())
    return REPEATED.sub(" ", DECIMAL.sub(lambda match: tenth(float(match[0])), blanks))


def tenth(value: float) -> str:
    """
    >>> tenth(12.04), tenth(-0.01), tenth(0.25)
    ('12', '0', '0.2')
    """
    words = f"{value:.1f}".removesuffix(".0")
    return "0" if words == "-0" else words


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _references(root: ElementTree.Element) -> Iterator[str]:
    for element in root.iter():
        for name, value in element.attrib.items():
            if _local(name) in ("href", "clip-path") and (match := REFERENCE.fullmatch(value)):
                yield match[1]


@dataclass(frozen=True)
class _Writer:
    """Writes elements with what is known of those that others refer to."""

    ids: Mapping[str, str]
    """The file's id -> the page's, for the elements that are referred to; the others need none."""
    styled: Mapping[str, Mapping[str, str]]
    """The file's id -> the element's own style, which one that uses it cannot change."""

    def written(self, element: ElementTree.Element) -> Iterator[str]:
        name = _local(element.tag)
        if name not in ELEMENTS:
            return
        attributes = dict(self._attributes(element.attrib))
        inside = "".join(part for child in element for part in self.written(child))
        if name == "g" and not attributes:  # a group that says nothing
            yield inside
            return
        if name in ("text", "tspan"):
            inside = f"{escape(printable(element.text or ''))}{inside}"
        tag = " ".join([name, *(f'{key}="{escape(value)}"' for key, value in attributes.items())])
        yield f"<{tag}>{inside}</{name}>" if inside or name in ("text", "g", "defs") else f"<{tag}/>"

    def _attributes(self, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        known: Mapping[str, str] = {}
        for full, value in attributes.items():
            name = _local(full)
            if name == "id" and value in self.ids:
                yield "id", self.ids[value]
            elif name in ("href", "clip-path") and (match := REFERENCE.fullmatch(value)):
                known = self.styled.get(match[1], {}) if name == "href" else known
                yield name, f"#{self.ids[match[1]]}" if name == "href" else f"url(#{self.ids[match[1]]})"
            elif name in NUMBERS:
                yield name, shortened(value)
        kept = {key: value for key, value in _styles(attributes.get("style", "")).items() if key not in known}
        if kept:
            yield "style", ";".join(f"{key}:{value}" for key, value in kept.items())


def _styles(style: str) -> dict[str, str]:
    """What can be kept of a style: nothing that loads anything."""
    pairs = (part.partition(":") for part in style.split(";"))
    both = ((name.strip(), value.strip()) for name, _, value in pairs)
    return {name: value for name, value in both if name in STYLES and "(" not in value}
