"""What of the user's folder is sent to workers that do not see it."""

from __future__ import annotations

import io
import zipfile

from lrdoctor.engines import dask_cluster


def test_what_is_packed(tmp_path):
    for name in ("a.py", "sub/b.txt", ".git/x", "__pycache__/a.pyc", "venv/pyvenv.cfg", "out/study.json", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    data = dask_cluster.packed(tmp_path)
    assert sorted(zipfile.ZipFile(io.BytesIO(data)).namelist()) == ["a.py", "sub/b.txt"]


def test_a_folder_too_large_is_not_packed(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "LARGEST_FOLDER", 3)
    (tmp_path / "a.py").write_text("1234")
    assert dask_cluster.packed(tmp_path) is None
