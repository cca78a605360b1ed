"""A submission's file is read as Python would read it."""

import hashlib

import pytest

from grader.submission import LARGEST, Unreadable, read


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"x = 1\n", "x = 1\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        ("x = 'é'\n".encode(), "x = 'é'\n"),
        (b"", ""),
    ],
    ids=["plain", "byte-order mark", "CRLF", "latin-1", "UTF-8", "empty"],
)
def test_source_is_decoded_as_python_does(tmp_path, data, text):
    path = tmp_path / "huber.py"
    path.write_bytes(data)
    submission = read(str(path), [])
    assert (submission.text, submission.fault) == (text, "")
    assert submission.filename == "huber.py"
    assert submission.sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_that_is_too_large_is_hashed_but_not_kept(tmp_path):
    data = b"#" * (LARGEST + 1)
    (tmp_path / "huber.py").write_bytes(data)
    submission = read(str(tmp_path / "huber.py"), [])
    assert submission.text == ""
    assert str(LARGEST + 1) in submission.fault
    assert submission.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("path", ["missing.py", "bad\0name.py", "", "x" * 5000])
def test_a_path_to_nothing_is_told(tmp_path, path):
    with pytest.raises(Unreadable):
        read(str(tmp_path / "folder" / path) if path else str(tmp_path / "none"), [])
