"""The llm-scoring benchmark, small: what it measures is real, and what it could not measure is said and never met."""

import copy
from pathlib import Path
from typing import Any

import pytest

from fashionrec.benchmarks import llm_scoring, model_servers


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Without servers: the adapters' own tests drive those."""
    folder = tmp_path_factory.mktemp("benchmark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_servers, "can_serve_transformers", lambda: False)
        patch.setattr(model_servers, "can_serve_llama_cpp", lambda: False)
        adapters = llm_scoring.measure_adapters(folder, seed=0)
    timing = llm_scoring.time_random_mistral(folder / "timed", 120, 20, 12, 0, 1, 96, 2)
    found = {
        "threads": 1,
        "seed": 0,
        "timing": timing,
        "compact": {"state": "not shipped"},
        "adapters": adapters,
        "tokenizers": llm_scoring.digit_verdicts(),
    }
    return found | {"goals": llm_scoring.goals(found)}


def test_prompts_have_the_lengths_asked_for_and_the_cache_changes_nothing(results: dict[str, Any]) -> None:
    timing = results["timing"]
    assert (timing["tokens_prefix"], timing["tokens_suffix"], timing["products"]) == (120, 20, 12)
    assert timing["largest_difference"] <= 1e-5
    assert set(timing["seconds"]) == {"cached", "naive, one by one", "naive, in eights"}
    # How much faster it is, is for the benchmark to say: at this size a busy core decides.
    assert timing["speedup"] > 0


def test_adapters_in_this_process_tell_all_labels(results: dict[str, Any]) -> None:
    measured = {row["adapter"]: row for row in results["adapters"] if row["state"] == "measured"}
    assert set(measured) == {"simulated rater", "transformers, plain", "transformers, chat"}
    assert all(row["labels"] == 11 and row["sum_off_by"] <= 1e-9 for row in measured.values())
    assert 0.3 < measured["transformers, plain"]["label_mass"] < 1
    assert all(0.3 < row["largest_label_mass"] <= 1 + 1e-5 for row in measured.values())


def test_what_is_not_installed_is_said_and_meets_no_goal(results: dict[str, Any]) -> None:
    missing = [row for row in results["adapters"] if row["state"] != "measured"]
    assert [row["state"] for row in missing] == ["not installed", "not installed"]
    unmet = {row["goal"]: row["met"] for row in results["goals"]}
    assert unmet["transformers serve equals this process"] is None
    assert unmet["llama.cpp equals this process"] is None
    assert unmet["labels of every adapter"] is None
    assert unmet["compact model: cached equals naive"] is None
    text = llm_scoring.table(results)
    assert "OpenAI-compatible (llama.cpp): not installed" in text
    assert "llama.cpp equals this process: (≤ 1e-05) not measured" in text
    assert "compact model: not shipped" in text


def test_goals_are_judged_by_their_figures(results: dict[str, Any]) -> None:
    worse = copy.deepcopy(results)
    worse["timing"] |= {"largest_difference": 2e-5, "speedup": 2.4}
    judged = {row["goal"]: row["met"] for row in llm_scoring.goals(worse)}
    assert judged["cached equals naive"] is False
    assert judged["cached is faster"] is False
    better = copy.deepcopy(results)
    better["timing"] |= {"largest_difference": 1e-6, "speedup": 2.6}
    judged = {row["goal"]: row["met"] for row in llm_scoring.goals(better)}
    assert judged["cached equals naive"] is True
    assert judged["cached is faster"] is True


def test_scores_that_are_no_probabilities_miss_the_goal(results: dict[str, Any]) -> None:
    found = copy.deepcopy(results)
    found["adapters"] = [row for row in found["adapters"] if row["state"] == "measured"]
    goal = "label mass before it is normalised"
    assert {row["goal"]: row["met"] for row in llm_scoring.goals(found)}[goal] is True
    found["adapters"][1]["largest_label_mass"] = 1.3
    assert {row["goal"]: row["met"] for row in llm_scoring.goals(found)}[goal] is False


def test_sizes_that_leave_nothing_to_measure_are_refused() -> None:
    sizes = {"tokens_prefix": 450, "tokens_suffix": 150, "products": 50, "seed": 0, "repeats": 1}
    with pytest.raises(ValueError, match="--products: expected at least 2, received 1"):
        llm_scoring.run(**(sizes | {"products": 1}), hidden_size=96, layers=2)


def test_a_server_that_cannot_start_says_what_it_printed(tmp_path: Path) -> None:
    if not model_servers.can_serve_llama_cpp():
        pytest.skip("xllamacpp is not installed")
    (tmp_path / "broken.gguf").write_bytes(b"no model")
    server = model_servers.serve_llama_cpp(tmp_path / "broken.gguf", timeout=20)
    with pytest.raises(model_servers.ServerFailed, match="after start"), server:
        pass


def test_a_server_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    """Its parent holds its standard input open; the end of that is the end of the server."""
    import subprocess
    import sys
    import time

    import psutil

    program = (
        "import sys, subprocess; from fashionrec.benchmarks.model_servers import ENDS_WITH_ITS_PARENT as watch\n"
        "child = subprocess.Popen([sys.executable, '-c', watch + 'threading.Event().wait()'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True); child.wait()"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.3)
    assert child.is_running()
    parent.kill()
    parent.wait()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running()
