"""The bench itself, on a small scale: what it counts, and that it takes no refusal for speed."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.proofs.bench import machine
from tests.proofs.bench.compare import Contest, Effort, contest
from tests.proofs.bench.host import Hosted
from tests.proofs.bench.importing import connected, run_seconds
from tests.proofs.bench.load import Ask, Measured, ask
from tests.proofs.bench.nginx import running_nginx
from tests.proofs.bench.paced import ask_paced
from tests.proofs.bench.results import at_least, at_most, table
from tests.proofs.bench.wire import p2


def measured(cpu_microseconds: float) -> Measured:
    return Measured(requests=1_000, seconds=1.0, cpu_seconds=cpu_microseconds / 1000)


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    slower_machine_in_the_last_round = Contest(
        {"nginx": [measured(10), measured(12), measured(40)], "ours": [measured(20), measured(48), measured(80)]}
    )

    assert slower_machine_in_the_last_round.ratio("nginx", "ours") == pytest.approx(0.5)
    assert slower_machine_in_the_last_round.cpu("ours") == pytest.approx(48)


def test_contestants_take_turns_after_a_round_that_does_not_count() -> None:
    order: list[str] = []

    def contestant(name: str) -> Measured:
        order.append(name)
        return measured(10)

    held = contest({"nginx": lambda: contestant("nginx"), "ours": lambda: contestant("ours")}, 2)

    assert order == ["nginx", "ours"] * 3
    assert len(held.rounds["ours"]) == 2


def test_the_table_says_which_targets_were_missed() -> None:
    rows = [at_least("p2", 0.21, 0.22, "close"), at_most("memory", 120, 160, "fine", unit=" MB")]

    shown = table(rows).splitlines()

    assert shown[2] == "| p2 | 0.21 | ≥ 0.22 | **missed** | close |"
    assert shown[3] == "| memory | 120 MB | ≤ 160 MB | reached | fine |"


def test_cpu_of_ended_children_counts() -> None:
    before = machine.cpu_seconds([os.getpid()])
    subprocess.run([sys.executable, "-c", "while __import__('time').process_time() < 0.2: pass"], check=True)

    assert machine.cpu_seconds([os.getpid()]) - before >= 0.15


def test_refusals_are_not_taken_for_speed(tmp_path: Path) -> None:
    with running_nginx(tmp_path / "nginx", "") as nginx:
        nginx.put("/there", b"x")

        assert ask(nginx, [Ask("/there")], 1).requests > 0
        with pytest.raises(RuntimeError, match="were errors"):
            ask(nginx, [Ask("/there"), Ask("/not-there")], 1)


def test_imports_from_the_host_in_another_process_are_measured(tmp_path: Path) -> None:
    with connected(tmp_path, Hosted(tags=2, branches=2, latency_seconds=0)) as importing:
        [run_id] = importing.add(1)
        importing.house.importer.work(run_id, threading.Event())
        moved = importing.host.push(1, "main")

        assert run_seconds(importing.house, run_id, 4) > 0
        assert len(moved) == 40
        assert not importing.is_open


def test_asking_at_a_pace_tells_errors_and_how_long_answers_took(tmp_path: Path) -> None:
    with running_nginx(tmp_path / "nginx", "") as nginx:
        nginx.put("/there", b"x")

        waited = ask_paced(nginx.port, [Ask("/there"), Ask("/not-there")], 100, 0.5)

    assert (waited.answers, waited.errors) == (50, 25)
    assert 0 < waited.p50 <= waited.p99 <= waited.most


def test_a_case_measures_both_servers(tmp_path: Path) -> None:
    [row] = p2(tmp_path, Effort(rounds=1, seconds=1))

    assert float(row.measured) > 0
    assert "nginx" in row.detail
