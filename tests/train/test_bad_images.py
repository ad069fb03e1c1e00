"""Every row of docs/data.md's table of bad input: an error that reads as the row says."""

from __future__ import annotations

import ast
import gzip
import pickle
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import RECORDS, idx, pixels, write_cifar, write_idx, write_npz
from tables import registry, table

import esru.train.images.folder
import esru.train.images.idx
import esru.train.images.npz
import esru.train.images.parts
from esru.errors import InputError
from esru.train.images import load_images

#: Spoils a folder, which is empty before.
Case = Callable[[Path, pytest.MonkeyPatch], None]

#: Rows of the table, each with its cases.
ROWS: dict[str, Sequence[Case]] = {}

TABLE = table("data.md", "## Files")

TRAIN, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def written(name: str, content: Callable[[bytes], bytes], layout: str = "idx") -> Case:
    """Return the case of a whole folder, but for the bytes of one file."""

    def spoil(folder: Path, patch: pytest.MonkeyPatch) -> None:
        if layout in ("idx", "gz"):
            write_idx(folder, packed=layout == "gz")
        elif layout == "npz":
            write_npz(folder)
        else:
            write_cifar(folder, layout)
        (folder / name).write_bytes(content((folder / name).read_bytes()))

    return spoil


def changed(**arrays: Any) -> Case:
    """Return the case of an npz file with other arrays, or without."""
    return lambda folder, _: write_npz(folder, **arrays)


def pickled(data: object, labels: object) -> Case:
    """Return the case of a pickle with these data and labels."""
    content = pickle.dumps({"data": data, "labels": labels}, 2)
    return written("data_batch_1", lambda _: content, "2")


def limited(case: Case) -> Case:
    """Return a case with 100 bytes in place of 1 GiB."""

    def spoil(folder: Path, patch: pytest.MonkeyPatch) -> None:
        case(folder, patch)
        for module in (esru.train.images.idx, esru.train.images.npz):
            patch.setattr(module, "MAX_BYTES", 100)

    return spoil


def unreadable(folder: Path, patch: pytest.MonkeyPatch) -> None:
    write_npz(folder)

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    patch.setattr(Path, "read_bytes", refuse)


def beside(folder: Path, patch: pytest.MonkeyPatch) -> None:
    write_idx(folder)
    write_npz(folder)


def without(folder: Path, patch: pytest.MonkeyPatch) -> None:
    write_idx(folder)
    (folder / LABELS).unlink()


def twins(folder: Path, patch: pytest.MonkeyPatch) -> None:
    write_idx(folder)
    (folder / f"{LABELS}.gz").write_bytes(gzip.compress((folder / LABELS).read_bytes()))


def endless(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A file of holes, which takes no room on the disk."""
    write_npz(folder)
    with (folder / "images.npz").open("r+b") as file:
        file.truncate((1 << 30) + 1)


def swapped(folder: Path, patch: pytest.MonkeyPatch) -> None:
    write_idx(folder)
    images, labels = (folder / TRAIN).read_bytes(), (folder / LABELS).read_bytes()
    (folder / TRAIN).write_bytes(labels)
    (folder / LABELS).write_bytes(images)


BYTES = np.zeros((RECORDS, 3072), np.uint8)

row = registry(ROWS)

row("no such folder")([lambda folder, _: folder.rmdir()])
row("nothing of these, or files of two layouts")([lambda folder, _: None, beside])
row("some of a layout's files")([without])
row("a file beside its packed twin")([twins])
row("a file that ends early or goes on too long")(
    [
        written(TRAIN, lambda content: content[:-1]),
        written(TRAIN, lambda content: content + b"0"),
        written(f"{TRAIN}.gz", lambda content: content[:-1], "gz"),
        written("test_batch.bin", lambda content: content[:-1], "binary"),
        written("images.npz", lambda content: content[:-1], "npz"),
        written("data_batch_1", lambda content: content[:-1], "2"),
    ]
)
row("a file above 1 GiB, packed or unpacked")(
    [
        endless,
        limited(written(f"{TRAIN}.gz", lambda content: content, "gz")),
        limited(changed()),
    ]
)
row("an IDX file of another kind: labels for images, other numbers than bytes, nothing")(
    [
        swapped,
        written(LABELS, lambda _: idx(pixels(6, 5, 4))),
        written(LABELS, lambda content: content[:2] + b"\x0d" + content[3:]),
        written(TRAIN, lambda content: content[:7]),
        written(TRAIN, lambda _: b""),
        written(f"{TRAIN}.gz", lambda _: gzip.compress(b""), "gz"),
    ]
)
row("a pickle that names a function, or anything else but plain data")(
    [
        written("data_batch_1", lambda _: b"cos\nsystem\n(S'true'\ntR.", "2"),
        written("data_batch_1", lambda _: b"no pickle", "2"),
        written("data_batch_1", lambda _: b"", "2"),
    ]
)
row("an npz file without one of the arrays")([changed(y_test=None)])
row("arrays of another type or shape")(
    [
        changed(x_train=pixels(4, 8, 6, 3).astype(float)),
        changed(x_train=pixels(4, 8)),
        changed(y_test=np.array([0.0, 1.0])),
        changed(y_test=np.array([[0, 1]])),
        pickled(BYTES[:, 1:], [0] * RECORDS),
        pickled(BYTES[1:], [0] * RECORDS),
    ]
)
row("no images")(
    [
        changed(x_train=np.zeros((0, 8, 6, 3), np.uint8), y_train=np.zeros(0, int)),
        written(TRAIN, lambda _: idx(pixels(0, 5, 4))),
    ]
)
row("test images of another shape than the training images")(
    [
        written("t10k-images-idx3-ubyte", lambda _: idx(pixels(3, 4, 5))),
        changed(x_test=pixels(2, 8, 5, 3)),
        changed(x_test=pixels(2, 8, 6)),
    ]
)
row("labels that are negative, above 9 in CIFAR-10, or not one an image")(
    [
        changed(y_test=np.array([-1, 0])),
        changed(y_train=np.arange(3)),
        written(LABELS, lambda _: idx(np.zeros(5, np.uint8))),
        written("t10k-labels-idx1-ubyte", lambda _: idx(np.zeros(4, np.uint8))),
        written("test_batch.bin", lambda content: b"\x0a" + content[1:], "binary"),
        pickled(BYTES, [0]),
        pickled(BYTES, [10] * RECORDS),
        pickled(BYTES, [-1] * RECORDS),
        pickled(BYTES, "0000"),
    ]
)
row("a file that cannot be read")([unreadable])


def test_the_table_has_these_rows() -> None:
    assert list(TABLE) == list(ROWS)


def refusal(case: Case, folder: Path) -> InputError:
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        case(folder, patch)
        with pytest.raises(InputError) as found:
            load_images(folder, records=RECORDS)
    return found.value


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str, tmp_path: Path) -> None:
    """Each error is one of the row's, and each of the row's is that of a case."""
    quoted = re.findall("`([^`]+ must be [^`]+|[.]{3} [^`]+)`", TABLE[name])
    patterns = [re.escape(text).replace(r"\.\.\.", ".*") for text in quoted]
    met = set()
    for number, case in enumerate(ROWS[name]):
        error = str(refusal(case, tmp_path / f"case{number}"))
        fits = {pattern for pattern in patterns if re.match(pattern, error)}
        assert fits, error
        met |= fits
    assert met == set(patterns) and patterns


def test_every_refusal_of_the_readers_has_a_row(tmp_path: Path) -> None:
    """By the lines that raise; what a line in `parts` checks, it checks for every layout."""
    package = Path(esru.train.images.folder.__file__).parent
    lines = set()
    for name in ("folder", "parts", "idx", "npz", "cifar", "restricted"):
        tree = ast.parse((package / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and "InputError" in ast.unparse(node):
                lines.add((name, node.lineno))
    assert len(lines) > 20
    for number, case in enumerate(case for cases in ROWS.values() for case in cases):
        trace = refusal(case, tmp_path / f"case{number}").__traceback__
        while trace is not None:
            lines.discard((Path(trace.tb_frame.f_code.co_filename).stem, trace.tb_lineno))
            trace = trace.tb_next
    assert not lines


def test_both_twins_are_named(tmp_path: Path) -> None:
    error = refusal(twins, tmp_path / "images")
    rule = "there once, packed or not"
    assert str(error) == f"File {tmp_path / 'images' / LABELS} must be {rule}, not {LABELS}.gz too"
    (tmp_path / "images" / LABELS).unlink()
    assert load_images(tmp_path / "images").layout == "idx"


def test_the_file_of_the_labels_is_named(tmp_path: Path) -> None:
    """Where it is another one than that of the images; there is one label an image."""
    folder = tmp_path / "images"
    case = written(LABELS, lambda _: idx(np.zeros(5, np.uint8)))
    message = f"Labels of {folder / LABELS} must be 6, one an image, not 5"
    assert str(refusal(case, folder)) == message
