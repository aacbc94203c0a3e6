"""The names by which a spec points at the user's Python: `module:attr`, `module.attr`, `./file.py:attr`.

Only their form is judged here; nothing is imported. A relative file belongs to the spec's own folder.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from lrdoctor.errors import SpecError

FORMS = "module:attr, module.attr or ./file.py:attr"

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def is_class_path(text: str) -> bool:
    """Whether the text has one of the three forms.

    >>> [is_class_path(t) for t in ("torch.optim.SGD", "nets:Mlp", "./nets.py:Mlp", "nets", "nets:", "a-b:c")]
    [True, True, True, False, False, False]
    """
    module, colon, attribute = text.rpartition(":")
    if not colon:
        return "." in text and _DOTTED.fullmatch(text) is not None
    named = file_of(text) is not None or _DOTTED.fullmatch(module) is not None
    return named and _DOTTED.fullmatch(attribute) is not None


def file_of(text: str) -> str | None:
    """The Python file that a class path names, as written; None when it names a module.

    >>> file_of("./nets.py:Mlp"), file_of("torch.optim:SGD")
    ('./nets.py', None)
    """
    module, _, _ = text.rpartition(":")
    return module if module.endswith(".py") else None


def named(text: str) -> str:
    """The class path without the folder of its file.

    >>> named("../nets.py:Mlp"), named("torch.optim:SGD")
    ('nets.py:Mlp', 'torch.optim:SGD')
    """
    file = file_of(text)
    return text if file is None else f"{Path(file).name}:{text.rpartition(':')[2]}"


def relocated(text: str, folder: Path, relative_to: Path) -> str:
    """The class path that means in `relative_to` what `text` means in `folder`.

    Symbolic links are followed first, since `..` after a link leads out of the link's target.
    """
    file = file_of(text)
    if file is None or os.path.isabs(file):
        return text
    target = os.path.realpath((folder / file).parent) + os.sep + Path(file).name
    relative = Path(os.path.relpath(target, os.path.realpath(relative_to))).as_posix()
    prefix = "" if relative.startswith("../") else "./"
    return f"{prefix}{relative}:{text.rpartition(':')[2]}"


def digest(file: str, folder: Path) -> str:
    """The sha256 of a file's content, in hexadecimal.

    Raises:
        SpecError: the file cannot be read.
    """
    try:
        return hashlib.sha256((folder / file).read_bytes()).hexdigest()
    except OSError as error:
        raise SpecError(f"{folder / file}: found a file that cannot be read: {error.strerror}") from None
