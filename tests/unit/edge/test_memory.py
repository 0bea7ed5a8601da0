"""What this process may hold, as its cgroup says; and that whoever cannot be measured is not guarded."""

from pathlib import Path

import pytest

from relay.edge import memory


def tree(root: Path, cgroup: str, **files: str) -> Path:
    """Lay out a machine: what `/proc/self/cgroup` says, and files below the cgroups' mount."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for path, text in files.items():
        file = root / "sys/fs/cgroup" / path.replace("__", "/").replace("_DOT_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


V1 = "12:cpu,cpuacct:/a\n5:memory:/docker/abc\n"
MAX, V1_LIMIT = "memory_DOT_max", "memory_DOT_limit_in_bytes"


@pytest.mark.parametrize(
    ("cgroup", "files", "limit"),
    [
        ("0::/\n", {MAX: "1000\n"}, 1000),
        ("0::/\n", {MAX: "max\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {f"a__b__{MAX}": "max\n", f"a__{MAX}": "700\n"}, 700),
        ("0::/a/b\n", {f"a__b__{MAX}": "500\n", f"a__{MAX}": "700\n"}, 500),
        ("0::/host/path\n", {MAX: "900\n"}, 900),
        (V1, {f"memory__docker__abc__{V1_LIMIT}": "800\n"}, 800),
        (V1, {f"memory__{V1_LIMIT}": "600\n"}, 600),
        (V1, {f"memory__{V1_LIMIT}": "9223372036854771712\n"}, None),
        ("", {MAX: "1000\n"}, None),
    ],
)
def test_the_limit_is_the_least_of_the_cgroup_and_its_parents(
    tmp_path: Path, cgroup: str, files: dict[str, str], limit: int | None
) -> None:
    assert memory.cgroup_limit(tree(tmp_path, cgroup, **files)) == limit


def test_where_there_are_no_cgroups_there_is_no_limit(tmp_path: Path) -> None:
    assert memory.cgroup_limit(tmp_path) is None


def test_what_is_resident_grows_with_what_is_held() -> None:
    before = memory.resident()
    assert before is not None
    held = bytearray(b"x" * (64 * 1024 * 1024))
    after = memory.resident()
    assert after is not None
    assert after - before > 48 * 1024 * 1024
    assert len(held) == 64 * 1024 * 1024
