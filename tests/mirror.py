"""Run each core module's own tests alone, and demand that they cover every branch of the module.

What is covered by another module's tests is covered by accident. A module's own are `test_<module>.py` and,
where that has a second subject, `test_<module>_<subject>.py`. `python tests/mirror.py` exits non-zero when a
module has no test file, a test fails, or a line or a branch is left out.

Rule: one line a module, the missing lines beside it, and a summary.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "relay" / "core"
TESTS = ROOT / "tests" / "unit" / "core"
PROCESSES = 2
"""As many as the smallest machine that this is run on has processors."""


class Mirrored(NamedTuple):
    """What the tests of a module make of it."""

    module: str
    covered: float
    """Percent of lines and branches."""
    trouble: str
    """What is missing or has failed; empty if nothing."""


def modules() -> Iterator[str]:
    """Return the names of the modules that are held to this; one of a package is `package/module`."""
    paths = (path.relative_to(SOURCE).with_suffix("") for path in sorted(SOURCE.rglob("*.py")))
    return (path.as_posix() for path in paths if path.stem != "__init__")


def mirror(module: str) -> Mirrored:
    """Run *module*'s tests. In a process of its own: coverage must see the module's import."""
    place, name = (TESTS / module).parent, Path(module).name
    test_file = place / f"test_{name}.py"
    if not test_file.exists():
        return Mirrored(module, 0.0, f"has no {test_file.relative_to(ROOT)}")
    test_files = [test_file, *sorted(place.glob(f"test_{name}_*.py"))]
    # Imported here and not above: whatever is imported before coverage starts is not seen.
    from coverage import Coverage
    from coverage.exceptions import NoDataError

    watched = str(SOURCE / f"{module}.py")
    coverage = Coverage(
        data_file=None, branch=True, include=[watched], config_file=str(ROOT / "pyproject.toml")
    )
    said = StringIO()
    with coverage.collect(), redirect_stdout(said), redirect_stderr(said):
        import pytest

        # The plugins' own modules were imported before pytest could rewrite them, which is no harm.
        already = "ignore::pytest.PytestAssertRewriteWarning"
        status = pytest.main(["-p", "no:cacheprovider", "-W", already, *map(str, test_files)])
    if status != pytest.ExitCode.OK:
        return Mirrored(module, 0.0, said.getvalue())
    report = StringIO()
    try:
        covered = coverage.report(show_missing=True, file=report)
    except NoDataError:
        return Mirrored(module, 0.0, "is not even imported by its test file")
    missing = report.getvalue().splitlines()[2] if covered < 100 else ""
    return Mirrored(module, covered, missing.partition("%")[2].strip() and f"misses{missing.partition('%')[2]}")


def main() -> int:
    """Mirror every module, tell of each, and return the exit status."""
    told = list(modules())
    failed = 0
    # A process serves one module and ends: the next one's coverage would start after its import. What all of
    # them need is imported once, before they part; nothing of the relay's is.
    context = get_context("forkserver")
    context.set_forkserver_preload(["coverage", "hypothesis.stateful", "msgspec", "pytest_asyncio", "uvloop"])
    with ProcessPoolExecutor(PROCESSES, context, max_tasks_per_child=1) as pool:
        for result in pool.map(mirror, told):
            failed += bool(result.trouble)
            line = f"{result.module:<16} {result.covered:5.1f} %  {result.trouble}"
            sys.stdout.write(line.rstrip() + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(told)} modules, {failed} without full branch coverage by their own tests\n")
    return 1 if failed or not told else 0


if __name__ == "__main__":
    sys.exit(main())
