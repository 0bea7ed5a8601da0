import os
import resource
import subprocess
import sys
import time

from relay.bench import machine


def test_a_process_is_counted_with_its_descendants() -> None:
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    child = subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 10
        while len(machine.family(child.pid)) < 2:
            assert time.monotonic() < deadline
        assert machine.family(child.pid)[0] == child.pid
        assert machine.rss_bytes(child.pid) > 2_000_000
    finally:
        child.communicate(b"\n")
    assert machine.spent(child.pid) == machine.NOTHING_SPENT


def test_cpu_is_what_was_burnt() -> None:
    before, burnt = machine.spent_here(), time.process_time_ns()
    while time.process_time_ns() - burnt < 50_000_000:
        pass
    assert 40_000_000 < machine.spent_here().ran - before.ran < 500_000_000


def test_two_programs_on_one_core_keep_each_other_waiting() -> None:
    with machine.pinned(machine.cores().load):
        rival = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            before, until = machine.spent_here(), time.monotonic() + 0.3
            while time.monotonic() < until:
                pass
            assert machine.spent_here().waited - before.waited > 20_000_000
        finally:
            rival.kill()
            rival.wait()


def test_a_body_is_pinned_and_let_go() -> None:
    before = os.sched_getaffinity(0)
    with machine.pinned(machine.cores().load):
        assert os.sched_getaffinity(0) == {machine.cores().load}
    assert os.sched_getaffinity(0) == before


def test_descriptors_are_raised_as_far_as_they_go() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert machine.raise_descriptors() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_machine_describes_itself() -> None:
    described = machine.describe()
    assert described.cpu
    assert described.cores >= 1
    assert described.packages["picows"][0].isdigit()
