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
ATTRIBUTES = frozenset(
    {"d", "style", "x", "y", "width", "height", "transform", "clip-path", "viewBox", "id", "href"}
)  # fmt: skip
STYLES = frozenset(
    {
        "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray",
        "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "opacity", "font-size", "font-weight", "font-style",
        "text-anchor",
    }
)  # fmt: skip
"""Style properties that are kept; the typeface is the page's."""
NUMBERS = frozenset({"d", "x", "y", "width", "height", "transform", "viewBox"})
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
    if _local(root.tag) != "svg" or "viewBox" not in root.attrib:
        return None
    title = next((child.text or "" for child in root if _local(child.tag) == "title"), "")
    used = set(_references(root))
    parts = "".join(part for child in root for part in _written(child, prefix, used))
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


def _written(element: ElementTree.Element, prefix: str, used: set[str]) -> Iterator[str]:
    name = _local(element.tag)
    if name not in ELEMENTS:
        return
    attributes = dict(_attributes(element.attrib, prefix, used))
    if name == "g" and not attributes:  # a group that says nothing
        for child in element:
            yield from _written(child, prefix, used)
        return
    tag = " ".join([name, *(f'{key}="{escape(value)}"' for key, value in attributes.items())])
    if not len(element) and name in ("path", "use", "rect"):
        yield f"<{tag}/>"
        return
    yield f"<{tag}>"
    if name in ("text", "tspan"):
        yield str(escape(printable(element.text or "")))
    for child in element:
        yield from _written(child, prefix, used)
    yield f"</{name}>"


def _attributes(attributes: Mapping[str, str], prefix: str, used: set[str]) -> Iterator[tuple[str, str]]:
    for full, value in attributes.items():
        name = _local(full)
        if name not in ATTRIBUTES:
            continue
        if name == "id":
            if value in used:
                yield "id", prefix + value
        elif name in ("href", "clip-path"):
            if match := REFERENCE.fullmatch(value):
                yield name, f"#{prefix}{match[1]}" if name == "href" else f"url(#{prefix}{match[1]})"
        elif name == "style":
            if kept := _style(value):
                yield "style", kept
        else:
            yield name, shortened(value) if name in NUMBERS else value


def _style(style: str) -> str:
    pairs = [part.partition(":") for part in style.split(";")]
    kept = [(name.strip(), value.strip()) for name, _, value in pairs]
    return ";".join(f"{name}:{value}" for name, value in kept if name in STYLES and "(" not in value)
