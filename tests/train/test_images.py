"""Local data: every layout is read as it was written, and half a file is an error."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import BATCHES, RECORDS, pixels, write_cifar, write_idx, write_npz

from esru.errors import InputError
from esru.train.images import LAYOUTS, load_images
from esru.train.images.folder import describe


@pytest.mark.parametrize("packed", [False, True])
def test_idx(tmp_path: Path, packed: bool) -> None:
    write_idx(tmp_path, packed)
    found = load_images(tmp_path)
    assert (found.layout, found.shape, found.classes) == ("idx", (5, 4, 1), 3)
    assert (found.train.images[..., 0] == pixels(6, 5, 4)).all()
    assert found.test.labels.tolist() == [0, 1, 2]
    for name, digest in found.checksums.items():
        assert digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert len(found.checksums) == 4


def test_layouts_for_a_shape() -> None:
    """What every file of a layout has is not asked for; the shape of others is."""
    assert "idx" in describe() and "shape" not in describe()
    small = describe((28, 28, 1)).splitlines()
    assert [line.split(":")[0].strip() for line in small[:-1]] == ["idx", "npz"]
    assert all(line.endswith("; images of shape (28, 28, 1)") for line in small[:-1])
    colour = describe((32, 32, 3)).splitlines()
    names = [line.split(":")[0].strip() for line in colour[:-1]]
    assert names == ["cifar10-python", "cifar10-binary", "npz"]
    assert ["shape" in line for line in colour[:-1]] == [False, False, True]
    assert "load_images" in colour[-1]


@pytest.mark.parametrize("layout", ["binary", "python2", "0", "1", "2", "3", "4"])
@pytest.mark.parametrize("nested", [False, True])
def test_cifar(tmp_path: Path, layout: str, nested: bool) -> None:
    name = "cifar10-binary" if layout == "binary" else "cifar10-python"
    folder = next(known.folder for known in LAYOUTS if known.name == name)
    inside = tmp_path / folder if nested else tmp_path
    inside.mkdir(exist_ok=True)
    write_cifar(inside, layout)
    found = load_images(tmp_path, records=RECORDS)
    assert (found.layout, found.shape, found.classes) == (name, (32, 32, 3), 10)
    assert found.train.images.shape == (5 * RECORDS, 32, 32, 3)
    # Pixel (row, column, colour) lies at colour * 1024 + row * 32 + column.
    second = (pixels(RECORDS, 3072) ^ np.uint8(1))[2]
    assert found.train.images[RECORDS + 2, 7, 9, 2] == second[2 * 1024 + 7 * 32 + 9]
    assert found.train.labels[RECORDS + 2] == 4
    assert found.test.labels.tolist() == [6, 7, 8, 9]
    assert set(found.checksums) == {
        f"{batch}.bin" if layout == "binary" else batch for batch in BATCHES
    }


def test_npz(tmp_path: Path) -> None:
    write_npz(tmp_path)
    found = load_images(tmp_path)
    assert (found.layout, found.shape, found.classes) == ("npz", (8, 6, 3), 3)
    assert (found.train.images == pixels(4, 8, 6, 3)).all()
    assert found.train.labels.tolist() == [0, 1, 2, 1]
    write_npz(tmp_path, x_train=pixels(4, 8, 6), x_test=pixels(2, 8, 6))
    assert load_images(tmp_path).shape == (8, 6, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"y_test": None},
        {"y_train": np.arange(3)},
        {"y_test": np.array([-1, 0])},
        {"y_test": np.array([0.0, 1.0])},
        {"x_train": pixels(4, 8, 6, 3).astype(float)},
        {"x_test": pixels(2, 8, 5, 3)},
        {"x_train": np.zeros((0, 8, 6, 3), np.uint8), "y_train": np.zeros(0, int)},
        {"y_test": np.array(["cat", None], dtype=object)},
    ],
)
def test_npz_that_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    write_npz(tmp_path, **change)
    with pytest.raises(InputError, match=r"images\.npz must be"):
        load_images(tmp_path)


def test_a_folder_says_what_belongs_in_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Data folder must be a folder"):
        load_images(tmp_path / "none")
    with pytest.raises(InputError) as empty:
        load_images(tmp_path)
    for layout in LAYOUTS:
        assert layout.name in str(empty.value)
        assert all(name in str(empty.value) for name in layout.files)
    write_cifar(tmp_path, "binary")
    (tmp_path / "data_batch_3.bin").unlink()
    with pytest.raises(InputError, match=r"cifar10-binary: data_batch_3\.bin missing"):
        load_images(tmp_path)
    write_cifar(tmp_path, "binary")
    write_npz(tmp_path)
    with pytest.raises(InputError, match="not cifar10-binary and npz"):
        load_images(tmp_path)


@pytest.mark.parametrize("layout", ["idx", "gz", "binary", "python2", "4", "npz"])
@pytest.mark.parametrize("cut", [0.5, 0.999, 1.5])
def test_half_a_file(tmp_path: Path, layout: str, cut: float) -> None:
    """A file that ends early, or goes on too long, is refused by its name."""
    if layout in ("idx", "gz"):
        write_idx(tmp_path, packed=layout == "gz")
    elif layout == "npz":
        write_npz(tmp_path)
    else:
        write_cifar(tmp_path, layout)
    path = sorted(tmp_path.iterdir())[1 if layout != "npz" else 0]
    content = path.read_bytes()
    # Archives and pickles end where they say; what follows is not theirs, and is another digest.
    if cut > 1 and layout in ("python2", "4"):
        content = content[:-1] + b"0."
    else:
        content = (content * 2)[: int(len(content) * cut)]
    if cut > 1 and layout == "npz":
        content = b"x" + content[: len(content) // 3]
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path.name} must be"):
        load_images(tmp_path, records=RECORDS)


def test_the_published_size_is_expected(tmp_path: Path) -> None:
    """Half of the records are as wrong as half a record."""
    write_cifar(tmp_path, "binary")
    with pytest.raises(InputError, match=r"30730000 \(10000 records of 3073\), not 12292"):
        load_images(tmp_path)


def test_labels_above_nine(tmp_path: Path) -> None:
    write_cifar(tmp_path, "binary")
    (tmp_path / "test_batch.bin").write_bytes(bytes([10]) * 3073 * RECORDS)
    with pytest.raises(InputError, match=r"0 to 9, not 10"):
        load_images(tmp_path, records=RECORDS)


class Malicious:
    """Writes a file as soon as it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", range(6))
def test_a_malicious_pickle_does_nothing(tmp_path: Path, protocol: int) -> None:
    write_cifar(tmp_path, "2")
    trace = tmp_path / "trace"
    harmful = pickle.dumps({"data": Malicious(trace), "labels": []}, protocol)
    pickle.loads(harmful).get("data").close()
    assert trace.exists()
    trace.unlink()
    (tmp_path / "data_batch_2").write_bytes(harmful)
    with pytest.raises(InputError, match="data_batch_2 must be a pickle of plain data"):
        load_images(tmp_path, records=RECORDS)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(L99999999999L\ntS'b'\ntR.",
        b"}.",
        pickle.dumps({"data": np.zeros((RECORDS, 3072)), "labels": [0] * RECORDS}, 2),
        pickle.dumps({"data": np.zeros((RECORDS, 3072), np.uint8), "labels": [10] * RECORDS}, 2),
        pickle.dumps({"data": np.zeros((RECORDS, 3072), np.uint8), "labels": [0.5] * RECORDS}, 2),
        pickle.dumps({"data": np.zeros((RECORDS, 3071), np.uint8), "labels": [0] * RECORDS}, 2),
        pickle.dumps({"data": np.zeros((RECORDS, 3072), np.uint8), "labels": [0]}, 2),
        pickle.dumps({"data": np.zeros((RECORDS, 3072), np.uint8), "labels": "0000"}, 2),
        pickle.dumps({"data": np.array([[None]]), "labels": [0]}, 2),
    ],
)
def test_pickles_of_something_else(tmp_path: Path, content: bytes) -> None:
    write_cifar(tmp_path, "2")
    (tmp_path / "data_batch_1").write_bytes(content)
    with pytest.raises(InputError, match="data_batch_1 must be"):
        load_images(tmp_path, records=RECORDS)


def test_a_pickle_that_asks_for_too_much_memory(tmp_path: Path) -> None:
    """Sixteen gigabytes for one number, which is kept in place 2^31 - 1."""
    write_cifar(tmp_path, "2")
    (tmp_path / "data_batch_1").write_bytes(b"K\x01r\xff\xff\xff\x7f.")
    with pytest.raises(InputError, match="it keeps too many values"):
        load_images(tmp_path, records=RECORDS)


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_npz(tmp_path)

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match=r"images\.npz must be one that can be read, not Perm"):
        load_images(tmp_path)


def test_what_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import esru.train.images.idx as module
    import esru.train.images.npz as other

    monkeypatch.setattr(module, "MAX_BYTES", 100)
    monkeypatch.setattr(other, "MAX_BYTES", 100)
    write_idx(tmp_path, packed=True)
    with pytest.raises(InputError, match=r"Unpacked size of .*\.gz must be at most 100 bytes"):
        load_images(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", bytes(10_000))
    (tmp_path / "images.npz").write_bytes(blob.getvalue())
    with pytest.raises(InputError, match=r"Unpacked size of .*npz must be at most 100 bytes"):
        load_images(tmp_path)
