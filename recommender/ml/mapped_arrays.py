"""Arrays that lie in files and are read into memory page by page, when they are touched.

The files are plain: append-only columns while they grow, and safetensors once they are whole. Maps are private and
copied on write: what is changed in memory never reaches the file. A file may be deleted while it is mapped; its pages
stay until the last array of it is gone.
"""

from __future__ import annotations

import json
import mmap
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

BLOCK_BYTES = 1 << 22
"""How much of a mapped array is worked on at a time."""

_SAFETENSORS_TYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "I16": np.int16, "U16": np.uint16, "F16": np.float16,
    "I32": np.int32, "U32": np.uint32, "F32": np.float32, "I64": np.int64, "U64": np.uint64, "F64": np.float64,
}  # fmt: skip
_NAMES = {np.dtype(dtype): name for name, dtype in _SAFETENSORS_TYPES.items()}


def blocks(length: int, itemsize: int = 8, *, overlap: int = 0) -> Iterator[slice]:
    """Slices that cover range(length), each of at most BLOCK_BYTES and at least one row, `overlap` rows further."""
    rows = max(1, BLOCK_BYTES // max(1, itemsize))
    for start in range(0, length, rows):
        yield slice(start, min(start + rows + overlap, length))


def map_array(path: Path | str, dtype: DTypeLike, shape: tuple[int, ...], *, offset: int = 0) -> NDArray[Any]:
    """The array of `shape` that lies at `offset` of the file."""
    if 0 in shape:
        return np.zeros(shape, dtype)  # nothing cannot be mapped
    return np.asarray(np.memmap(path, dtype=dtype, mode="c", offset=offset, shape=shape))


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether the array's rows lie in a file."""
    base: Any = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    return base is not None


def take_rows(array: NDArray[Any], chosen: NDArray[np.bool_]) -> NDArray[Any]:
    """array[chosen] of a one-dimensional array; of a mapped one the result is mapped too."""
    return joined_like(array, lambda block: array[block][chosen[block]])


def joined_like(array: NDArray[Any], rows_of: Callable[[slice], NDArray[Any]]) -> NDArray[Any]:
    """rows_of(block) of all blocks of a one-dimensional array, one after the other, of the array's type.

    Where the array is mapped the result is too, in a file without a name.
    """
    if not is_mapped(array):
        return np.asarray(rows_of(slice(0, len(array))), dtype=array.dtype)
    with tempfile.NamedTemporaryFile(prefix="fashionrec-rows-") as file:
        rows = 0
        for block in blocks(len(array), array.itemsize):
            computed = np.asarray(rows_of(block), dtype=array.dtype)
            file.write(computed.tobytes())
            rows += len(computed)
        file.flush()
        return map_array(file.name, array.dtype, (rows,))


class ColumnFiles:
    """Columns of one growing table, one append-only file each in `folder`."""

    def __init__(self, folder: Path, dtypes: Mapping[str, DTypeLike]) -> None:
        self.rows = 0
        self._folder = folder
        self._dtypes = {name: np.dtype(dtype) for name, dtype in dtypes.items()}
        folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, BinaryIO] = {name: self._path(name).open("wb") for name in self._dtypes}

    def append(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Raises ValueError naming a column that is missing, or of another length or type."""
        length = len(next(iter(columns.values())))
        for name, dtype in self._dtypes.items():
            column = columns.get(name)
            if column is None or column.shape != (length,) or column.dtype != dtype:
                received = "nothing" if column is None else f"{column.shape} {column.dtype}"
                raise ValueError(f"{name}: expected ({length},) {dtype}, received {received}")
        for name, file in self._files.items():
            file.write(np.ascontiguousarray(columns[name]).data)
        self.rows += length

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def mapped(self) -> dict[str, NDArray[Any]]:
        """All columns as they are now; nothing can be appended any more."""
        self.close()
        return {name: map_array(self._path(name), dtype, (self.rows,)) for name, dtype in self._dtypes.items()}

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.column"


def save_mapped(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Writes a safetensors file block by block, so that nothing mapped has to fit into memory.

    Arrays stand in the file by falling item size, so that each begins at a multiple of its own.
    """
    ordered = sorted(arrays.items(), key=lambda named: -named[1].dtype.itemsize)
    header: dict[str, dict[str, Any]] = {}
    end = 0
    for name, array in ordered:
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, array in ordered:
            row_bytes = array.nbytes // len(array) if len(array) else 1
            for block in blocks(len(array), row_bytes):
                file.write(np.ascontiguousarray(array[block]).tobytes())


def load_mapped(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, mapped rather than read. Raises ValueError for a file that is no such one."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= path.stat().st_size - 8:
            raise ValueError(f"path: {path} is no safetensors file, its header would have {length} bytes")
        header = json.loads(file.read(length))
    return {
        name: map_array(
            path,
            _SAFETENSORS_TYPES[entry["dtype"]],
            tuple(entry["shape"]),
            offset=8 + length + entry["data_offsets"][0],
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }
