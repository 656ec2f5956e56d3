"""Time lines and summaries as pandas frames."""

import subprocess
import sys

import pytest
from made_study import reading, truth, write_line

import mien
from mien.core.errors import DataError, InputError, MissingExtraError, OptionError

pd = pytest.importorskip("pandas")


@pytest.fixture(params=[".csv", ".jsonl", ".parquet"])
def line(request, tmp_path):
    """The synthetic clip (a = b = 0), in each format."""
    if request.param == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"a{request.param}"
    seen = [truth(i, 0.0, 0.0) for i in range(40)]
    write_line(path, [[] if s is None else [reading(*s)] for s in seen])
    return path


def test_time_line_as_a_frame(line):
    """Types are those of the columns in each format; a frame without a face has a time and nothing else."""
    frame = mien.read_timeline(line)
    assert len(frame) == 40
    assert frame["time_s"].dtype == float
    assert frame["p_happy"].dtype == float
    assert str(frame["track"].dtype) == "Int64"
    assert str(frame["uncertain"].dtype) == "boolean"
    assert frame["track"].isna().sum() == 5
    assert frame["quality"].isna().sum() == 5
    assert set(frame["quality"].dropna()) == {"", "turned"}
    assert frame.loc[26].drop(["time_s", "frame"]).isna().all()
    assert frame["p_happy"].mean() == pytest.approx((10 * 0.2 + 8 * 0.7 + 7 * 0.9 + 5 * 0.8 + 5 * 0.4) / 35)


def test_summary_of_a_frame(line):
    """A frame and its file give the same table, with the figures worked by hand."""
    frame = mien.read_timeline(line)
    (row,) = mien.summarise(frame, exclude="turned").to_dict("records")
    assert (row["n_frames"], row["n_used"], row["changes"]) == (40, 30, 1)
    assert row["m_happy"] == pytest.approx(0.53)
    assert row["sd_happy"] == pytest.approx(0.285452, abs=1e-6)
    pd.testing.assert_frame_equal(mien.summarise(frame, exclude=["turned"]), mien.summarise(line, exclude=["turned"]))


def test_windows_epochs_and_people(line):
    """The options of the command, as arguments."""
    epochs = pd.DataFrame({"start_s": [0, 1], "end_s": [1, 4], "name": ["rest", "film"]})
    table = mien.summarise(line, window=1.5, epochs=epochs, baseline="rest", exclude="turned", participant="P01")
    assert table["epoch"].tolist() == ["rest", "film", "film"]
    assert table["window"].tolist() == [1, 1, 2]
    assert table["d_happy"].tolist() == pytest.approx([0, (8 * 0.7 + 7 * 0.9) / 15 - 0.2, 0.2])
    assert table["on_happy"].isna().tolist() == [True, False, True]
    assert mien.summarise(line, people={1: "Ann"})["person"].tolist() == ["Ann"]


def test_wrong_use(line, tmp_path):
    """Each is one sentence."""
    with pytest.raises(OptionError, match="Unknown quality flag"):
        mien.summarise(line, exclude="tilted")
    with pytest.raises(OptionError, match="must last"):
        mien.summarise(line, window=-1)
    with pytest.raises(DataError, match="start_s, end_s"):
        mien.summarise(line, epochs=[{"start": 1}])
    with pytest.raises(DataError, match="ends at"):
        mien.summarise(line, epochs=[{"start_s": 1, "end_s": 1, "name": "x"}])
    with pytest.raises(DataError, match="'rest', the baseline"):
        mien.summarise(line, baseline="rest")
    with pytest.raises(InputError, match="got list"):
        mien.summarise([1])
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no time line"):
        mien.read_timeline(tmp_path / "x.csv")


def test_without_pandas(monkeypatch, tmp_path):
    """The sentence names the extra to install."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"mien\[study\]"):
        mien.read_timeline(tmp_path / "a.csv")


def test_importing_costs_nothing():
    """`import mien` and `from mien import summarise` load no pandas."""
    code = "import sys, mien; mien.summarise; assert 'pandas' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
