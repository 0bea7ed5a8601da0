"""The Dockerfile, carried out without a container engine: its own commands, under a temporary root."""

import fnmatch
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
EXAMPLE = ROOT / "deploy" / "examples" / "relay.toml"
NOBODY = 65532


class Instruction(NamedTuple):
    word: str
    rest: str


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage, `FROM` first; what stands before the first `FROM` is left out."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: list[list[Instruction]] = []
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        if word and found:
            found[-1].append(Instruction(word, rest.strip()))
    return found


def only(word: str, stage: list[Instruction]) -> str:
    (rest,) = [instruction.rest for instruction in stage if instruction.word == word]
    return rest


def argv(word: str) -> list[str]:
    words = json.loads(only(word, stages()[-1]))
    assert isinstance(words, list)
    return words


def health_argv() -> list[str]:
    words = json.loads(only("HEALTHCHECK", stages()[-1]).partition("CMD ")[2])
    assert isinstance(words, list)
    return words


# --- what it says -----------------------------------------------------------------------------------------


def test_it_is_built_in_one_stage_and_run_in_another() -> None:
    build, final = stages()
    assert build[0].rest == "${PYTHON} AS build"
    assert final[0].rest == "${PYTHON}"
    assert not [instruction for instruction in final if instruction.word in {"RUN", "ADD"}]
    assert only("COPY", final) == "--from=build /opt/relay /opt/relay"


def test_every_installed_wheel_is_held_to_a_hash_or_was_built_here() -> None:
    installs = [rest for word, rest in stages()[0] if word == "RUN" and " install " in rest]
    assert len(installs) == 3
    assert all("--require-hashes --only-binary=:all: -r requirements/" in rest for rest in installs[:2])
    assert "--no-index --find-links /wheels" in installs[2]


def test_it_runs_as_a_numeric_user_in_exec_form_and_takes_sigterm() -> None:
    final = stages()[-1]
    assert only("USER", final) == f"{NOBODY}:{NOBODY}"
    assert [*argv("ENTRYPOINT"), *argv("CMD")] == ["relay", "serve", "--config", "/etc/relay/relay.toml"]
    assert only("STOPSIGNAL", final) == "SIGTERM"
    assert only("EXPOSE", final) == "8080 8081"


def ignored(path: str) -> bool:
    """Tell whether .dockerignore keeps *path* out; the last line that matches it, or a parent, decides."""
    out = False
    parts = PurePosixPath(path).parts
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        anywhere = pattern.startswith("**/")
        names = parts if anywhere else parts[:1]
        if any(fnmatch.fnmatch(name, pattern.removeprefix("**/")) for name in names):
            out = not line.startswith("!")
    return out


@pytest.mark.parametrize(
    "path",
    [".git/config", ".env", "relay.toml", "tests/conftest.py", "relay/__pycache__/cli.pyc", ".venv/pyvenv.cfg"],
)
def test_what_is_no_part_of_the_image_is_not_even_sent_to_the_builder(path: str) -> None:
    assert ignored(path)


def test_everything_that_is_copied_exists_and_is_sent() -> None:
    copied = [name for word, rest in stages()[0] if word == "COPY" for name in rest.split()[:-1]]
    assert {"requirements/run.txt", "relay"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name
        assert not ignored(name), name


# --- what it does -----------------------------------------------------------------------------------------


class Image:
    """The Dockerfile carried out: absolute paths of the image lie under `root`."""

    def __init__(self, root: Path, python: str) -> None:
        self.root = root
        self._python = python
        self.env: dict[str, str] = {}

    def inside(self, text: str) -> str:
        """Return *text* with the image's own paths put under the root; the base's stay as they are."""
        return re.sub(r"(?<![\w.])/(src|build|opt/relay|wheels|etc/relay)\b", rf"{self.root}/\1", text)

    def build(self) -> None:
        work = self.root
        for word, rest in stages()[0]:
            if word == "WORKDIR":
                work = Path(self.inside(rest))
                work.mkdir(parents=True)
            elif word == "COPY":
                *sources, target = rest.split()
                for source in sources:
                    self._copy(
                        ROOT / source, work / target if len(sources) == 1 else work / target / Path(source).name
                    )
            elif word == "RUN":
                self._run(rest, work)
        for name, value in re.findall(r"(\w+)=(\S+)", only("ENV", stages()[-1])):
            self.env[name] = self.inside(value)
        for name in ("src", "build", "wheels"):
            shutil.rmtree(self.root / name)

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)

    def _run(self, command: str, work: Path) -> None:
        words = shlex.split(self.inside(command))
        if words[0] == "python":
            words[0] = self._python
        # Wheels may come from pip's cache here, which an image has no use for.
        env = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
        ran = subprocess.run(words, cwd=work, env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"{command}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"

    def as_nobody(self, words: list[str], **env: str) -> subprocess.Popen[str]:
        found = shutil.which(words[0], path=self.env["PATH"])
        assert found is not None
        return subprocess.Popen(
            [found, *(self.inside(word) for word in words[1:])],
            user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", env={**self.env, **env},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def files(self) -> dict[Path, tuple[int, int]]:
        return {
            path: (path.lstat().st_mtime_ns, path.lstat().st_size)
            for path in self.root.rglob("*")
            if not path.is_dir()
        }


def base_python() -> str:
    """Return a Python that a stranger may run, as the base image's is; skip where there is none."""
    if os.geteuid() != 0:
        pytest.skip("only root can start the relay as another user")
    probe = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    for candidate in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        python = os.path.realpath(candidate)
        if not Path(python).exists():
            continue
        try:
            ran = subprocess.run(
                [python, "-c", probe],
                user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", capture_output=True, check=False,
            )  # fmt: skip
        except PermissionError:
            continue
        if ran.returncode == 0:
            return python
    pytest.skip(f"no Python 3.11 or newer with venv that user {NOBODY} may run")


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    python = base_python()
    # pytest's own temporary directories are closed to other users.
    root = Path(tempfile.mkdtemp(prefix="relay-image-"))
    try:
        root.chmod(0o755)
        image = Image(root, python)
        image.build()
        config = root / "etc" / "relay" / "relay.toml"
        config.parent.mkdir(parents=True)
        text = EXAMPLE.read_text(encoding="utf-8")
        free, changed = re.subn(r"^port = \d+$", "port = 0", text, flags=re.MULTILINE)
        assert changed == 2
        config.write_text(free, encoding="utf-8")
        subprocess.run(["chmod", "-R", "a-w,a+rX", str(root)], check=True)
        yield image
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(root)], check=True)
        shutil.rmtree(root)


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def health(image: Image, port: int) -> int:
    words = [word.replace("8081", str(port)) for word in health_argv()]
    with image.as_nobody(words) as asking:
        asking.communicate(timeout=10)
    return asking.returncode


@pytest.mark.slow
def test_the_image_holds_what_is_pinned_and_nothing_to_install_more_with(image: Image) -> None:
    names = (
        "from importlib.metadata import distributions as d; print(*(x.metadata['Name'].lower() for x in d()))"
    )
    with image.as_nobody(["python", "-c", names]) as asking:
        out, _ = asking.communicate(timeout=20)
    pinned = re.findall(r"^([\w-]+)==", (ROOT / "requirements" / "run.txt").read_text(), flags=re.MULTILINE)
    installed = {name.replace("_", "-") for name in out.split()}
    assert installed - {"typing-extensions"} == {"realtime-relay", *pinned} - {"typing-extensions"}
    assert not list((image.root / "opt" / "relay" / "bin").glob("pip*"))


@pytest.mark.slow
def test_the_image_serves_as_nobody_writes_nothing_and_leaves_when_told(image: Image) -> None:
    before = image.files()
    secrets = {"OPENAI_API_KEY": "sk-of-the-test", "RELAY_KEY_PEPPER": "a-pepper-for-tests-that-is-long-enough"}
    with image.as_nobody([*argv("ENTRYPOINT"), *argv("CMD")], **secrets) as relay:
        try:
            assert relay.stdout is not None
            said = [relay.stdout.readline()]
            while said[-1] and '"relay serving"' not in said[-1]:
                said.append(relay.stdout.readline())
            assert said[-1], "".join(said)
            serving = json.loads(said[-1])
            ops = serving["ops_port"]
            assert get(ops, "/livez") == 200
            assert get(ops, "/readyz") == 200
            assert get(serving["port"], "/healthz") == 200
            assert health(image, ops) == 0
            assert Path(f"/proc/{relay.pid}").stat().st_uid == NOBODY
            relay.send_signal(signal.SIGTERM)
            assert relay.wait(timeout=15) == 0
        finally:
            relay.kill()
    assert health(image, ops) != 0, "nobody is there to answer"
    assert image.files() == before
