"""Arrays in files: the same numbers, whatever the size of a block."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from recommender.ml import mapped_arrays
from recommender.ml.mapped_arrays import ColumnFiles, blocks, is_mapped, load_mapped, map_array, save_mapped, take_rows


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(mapped_arrays, "BLOCK_BYTES", 24)


def mapped(path, array):
    path.write_bytes(array.tobytes())
    return map_array(path, array.dtype, array.shape)


def test_blocks_cover_everything_once_and_overlap_as_asked():
    assert list(blocks(7)) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert list(blocks(7, overlap=1)) == [slice(0, 4), slice(3, 7), slice(6, 7)]
    assert list(blocks(2, itemsize=100)) == [slice(0, 1), slice(1, 2)]
    assert list(blocks(0)) == []


def test_rows_taken_of_a_mapped_array_are_mapped_and_outlive_their_file(tmp_path):
    array = np.arange(100, dtype=np.int64)
    chosen = array % 7 < 3
    stored = mapped(tmp_path / "array", array)
    (tmp_path / "array").unlink()
    taken = take_rows(stored[10:], chosen[10:])
    assert is_mapped(stored)
    assert is_mapped(taken)
    np.testing.assert_array_equal(taken, array[10:][chosen[10:]])
    assert take_rows(stored, np.zeros(100, bool)).shape == (0,)


def test_rows_taken_of_an_array_in_memory_are_in_memory():
    taken = take_rows(np.arange(5), np.array([True, False, True, False, False]))
    assert not is_mapped(taken)
    np.testing.assert_array_equal(taken, [0, 2])


def test_a_change_in_memory_does_not_reach_the_file(tmp_path):
    stored = mapped(tmp_path / "array", np.arange(4))
    stored[0] = 9
    np.testing.assert_array_equal(map_array(tmp_path / "array", np.int64, (4,)), [0, 1, 2, 3])


def test_columns_are_what_was_appended(tmp_path):
    columns = ColumnFiles(tmp_path / "deep" / "table", {"number": np.int64, "flag": np.bool_})
    columns.append({"number": np.array([3, 4]), "flag": np.array([True, False])})
    columns.append({"flag": np.array([True]), "number": np.array([[5, 6]])[0, ::2]})
    assert columns.rows == 3
    found = columns.mapped()
    np.testing.assert_array_equal(found["number"], [3, 4, 5])
    np.testing.assert_array_equal(found["flag"], [True, False, True])


@pytest.mark.parametrize(
    ("column", "named"),
    [
        ({"number": np.arange(2), "flag": np.array([1, 0])}, r"flag: expected \(2,\) bool, received \(2,\) int64"),
        ({"number": np.arange(2), "flag": np.array([True])}, r"flag: expected \(2,\) bool, received \(1,\) bool"),
        ({"number": np.arange(2)}, r"flag: expected \(2,\) bool, received nothing"),
    ],
)
def test_a_column_that_does_not_fit_is_named_and_nothing_is_written(tmp_path, column, named):
    columns = ColumnFiles(tmp_path, {"number": np.int64, "flag": np.bool_})
    with pytest.raises(ValueError, match=named):
        columns.append(column)
    assert len(columns.mapped()["number"]) == 0


ARRAYS = {
    "flag": np.array([True, False, True]),
    "code": np.arange(7, dtype=np.uint8),
    "weight": np.linspace(0, 1, 9, dtype=np.float32).reshape(3, 3)[:, ::-1],
    "time": np.array([0.1, 1e9]),
    "nothing": np.zeros((4, 0), np.float32),
    "none": np.zeros(0, np.int64),
    "item": np.arange(50, dtype=np.int64),
}


def test_what_is_saved_in_blocks_is_a_safetensors_file_like_any(tmp_path):
    save_mapped(ARRAYS, tmp_path / "arrays.safetensors")
    found = load_file(tmp_path / "arrays.safetensors")
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    "save", [save_mapped, lambda arrays, path: save_file({n: np.ascontiguousarray(a) for n, a in arrays.items()}, path)]
)
def test_any_safetensors_file_can_be_mapped(tmp_path, save):
    save(ARRAYS, tmp_path / "arrays.safetensors")
    found = load_mapped(tmp_path / "arrays.safetensors")
    assert {name for name, array in found.items() if is_mapped(array)} == set(ARRAYS) - {"nothing", "none"}
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    (tmp_path / "other").write_bytes(b"PK\x03\x04 something else entirely")
    with pytest.raises(ValueError, match="is no safetensors file"):
        load_mapped(tmp_path / "other")
