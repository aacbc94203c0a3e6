"""What a browser would make of a page, as far as the tests ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = frozenset({"meta", "br", "img", "link", "input", "hr"})
FORBIDDEN = frozenset({"script", "iframe", "object", "embed", "link", "base", "form", "img", "foreignobject", "image"})
BARE = frozenset({"path", "use", "rect"})
"""Parts of a drawing that may close themselves."""


@dataclass
class Page(HTMLParser):
    """Tags, attributes and text, and whether every tag is closed."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: dict[str, list[str]] = field(default_factory=dict)
    """Tag -> the texts directly in it."""
    broken: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> Page:
        page = cls()
        super(Page, page).__init__(convert_charrefs=True)
        page.feed(text)
        page.close()
        page.broken += [f"{tag} is not closed" for tag in page._open]
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.broken.append(f"{tag} has an attribute twice")
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in BARE:
            self.broken.append(f"{tag} closes itself")
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.broken.append(f"{tag} is closed where it is not open")

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.words.setdefault(self._open[-1], []).append(data)

    def every(self, *names: str) -> list[dict[str, str]]:
        """The attributes of every tag of these names, in order."""
        return [attributes for tag, attributes in self.tags if tag in names]

    def attributes(self, *names: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags for name in names if name in attributes]

    @property
    def headings(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.tags if tag in ("h1", "h2", "h3", "h4", "h5", "h6")]

    @property
    def text(self) -> str:
        return " ".join(word for words in self.words.values() for word in words)


def faults(text: str) -> list[str]:
    """What is wrong with a page that is to be self-contained, safe and readable by everybody."""
    page = Page.of(text)
    found = list(page.broken)
    found += [f"<{tag}> is there" for tag, _ in page.tags if tag in FORBIDDEN]
    found += [f"{name} is there" for _, of in page.tags for name in of if name.startswith("on")]
    ids = page.attributes("id")
    found += [f"id {name} is there {ids.count(name)} times" for name in sorted(set(ids)) if ids.count(name) > 1]
    targets = page.attributes("href", "src", "xlink:href")
    found += [f"{target} leaves the page" for target in targets if not target.startswith("#")]
    found += [f"{target} leads nowhere" for target in targets if target.removeprefix("#") not in ids]
    named = " ".join(page.attributes("aria-labelledby", "aria-describedby")).split()
    found += [f"{name} names nothing" for name in named if name not in ids]
    found += [f"{style} loads" for style in page.attributes("style") if "url(" in style]
    found += ["a drawing has no words" for of in page.every("svg") if not of.get("aria-labelledby")]
    levels = page.headings
    found += [f"h{b} after h{a}" for a, b in pairwise(levels) if b > a + 1]
    return found + ([] if levels[:1] == [1] and levels.count(1) == 1 else ["not one h1, first"])
