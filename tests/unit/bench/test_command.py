from pathlib import Path

import pytest
from click.testing import CliRunner

from relay.commands import bench


def test_help_teaches_what_is_measured_and_how_to_ask_for_it() -> None:
    help_text = CliRunner().invoke(bench.command, ["--help"]).output
    for word in (
        "Subjects:",
        "haproxy",
        "Examples:",
        "relay bench --peers --json build/bench.json",
        "relay bench --variants",
        "Exit status",
    ):
        assert word in help_text


@pytest.mark.parametrize("sizes", ["", "abc", "200,", "191", "-200", "9999999999", "4e3"])
def test_a_size_that_cannot_be_is_refused(sizes: str) -> None:
    result = CliRunner().invoke(bench.command, ["--sizes", sizes])
    assert result.exit_code == 2
    assert "is not a size of 192 to 8,388,608 bytes" in result.output


def test_sizes_are_taken_once_each_in_their_order() -> None:
    assert bench.Sizes().convert("4096,200,4096", None, None) == (4096, 200)


def test_an_unknown_subject_is_refused() -> None:
    result = CliRunner().invoke(bench.command, ["--only", "envoy"])
    assert result.exit_code == 2
    assert "'envoy' is not one of" in result.output


def test_the_folder_of_the_figures_is_made(tmp_path: Path) -> None:
    bench._prepare(tmp_path / "a" / "b" / "bench.json")
    assert (tmp_path / "a" / "b").is_dir()


def test_figures_that_cannot_be_written_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(bench.command, ["--json", str(tmp_path / "file" / "bench.json")])
    assert result.exit_code == 2
    assert "is no folder" in result.output
