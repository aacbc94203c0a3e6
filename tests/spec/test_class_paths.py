from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lrdoctor.errors import SpecError
from lrdoctor.spec.class_paths import digest, file_of, is_class_path, relocated


@pytest.mark.parametrize(
    ("text", "valid", "file"),
    [
        ("nets:Mlp", True, None),
        ("pkg.nets:Mlp.small", True, None),
        ("torch.optim.SGD", True, None),
        ("./nets.py:Mlp", True, "./nets.py"),
        ("nets.py:Mlp", True, "nets.py"),
        ("../other dir/my-nets.py:Mlp", True, "../other dir/my-nets.py"),
        ("/abs/nets.py:Mlp", True, "/abs/nets.py"),
        ("C:\\nets.py:Mlp", True, "C:\\nets.py"),
        ("nets", False, None),
        ("", False, None),
        (":", False, None),
        (":Mlp", False, None),
        ("nets:", False, None),
        ("./nets.py", False, None),
        ("./nets:Mlp", False, None),
        ("my-nets:Mlp", False, None),
        ("a..b", False, None),
        ("a:1b", False, None),
        ("a:b:c", False, None),
        ("a.b\n", False, None),
    ],
)
def test_the_three_forms(text: str, valid: bool, file: str | None) -> None:
    assert is_class_path(text) is valid
    assert file_of(text) == file


@pytest.mark.parametrize(
    ("text", "relative_to", "moved"),
    [
        ("nets:Mlp", "out", "nets:Mlp"),
        ("./nets.py:Mlp", ".", "./nets.py:Mlp"),
        ("nets.py:Mlp", ".", "./nets.py:Mlp"),
        ("./nets.py:Mlp", "out/one", "../../nets.py:Mlp"),
        ("../lib/nets.py:Mlp", "out", "../../lib/nets.py:Mlp"),
        ("./out/nets.py:Mlp", "out", "./nets.py:Mlp"),
        ("/abs/nets.py:Mlp", "out", "/abs/nets.py:Mlp"),
    ],
)
def test_relocated(tmp_path: Path, text: str, relative_to: str, moved: str) -> None:
    folder = tmp_path / "project"
    assert relocated(text, folder, folder / relative_to) == moved


def test_relocated_follows_a_linked_folder(tmp_path: Path) -> None:
    project, disk = tmp_path / "project", tmp_path / "disk" / "deep"
    project.mkdir()
    disk.mkdir(parents=True)
    (project / "nets.py").touch()
    (project / "out").symlink_to(disk)
    moved = relocated("./nets.py:Mlp", project, project / "out")
    assert moved == "../../project/nets.py:Mlp"
    assert (project / "out" / moved.removesuffix(":Mlp")).is_file()


def test_digest_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_bytes(b"x = 1\n")
    assert digest("./nets.py", tmp_path) == hashlib.sha256(b"x = 1\n").hexdigest()
    with pytest.raises(SpecError, match=r"gone\.py: found a file that cannot be read: No such file"):
        digest("gone.py", tmp_path)
