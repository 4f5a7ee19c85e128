"""Our processes, two of each where two may run, started again whenever they die."""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
from honcho.environ import parse_procfile

from app.config import ROOT, Settings, process_environment

#: How many of each run side by side.
COPIES = {
    "web": 1,
    "worker-io": 2,
    "worker-ai": 2,
    "worker-sync": 2,
    "worker-out": 2,
    "worker-ops": 2,
    "beat": 2,
    "listener": 2,
}


class Processes:
    """Keeps the processes of the Procfile alive, as an operator's supervisor would."""

    def __init__(
        self, settings: Settings, log_dir: Path, *, copies: dict[str, int] | None = None
    ) -> None:
        self._settings = settings
        self._logs = log_dir
        self._logs.mkdir(parents=True, exist_ok=True)
        commands = parse_procfile((ROOT / "Procfile").read_text()).processes
        self._commands = {
            f"{name}.{number}": commands[name].replace("@%h", f"{number}@%h")
            for name, count in (copies or COPIES).items()
            for number in range(count)
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self.deaths = 0

    def __enter__(self) -> "Processes":
        for name in self._commands:
            self._start(name)
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._keeper.join()
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                self._kill_tree(process.pid)
                process.wait()

    def kill_one(self, rng: random.Random, kind: str = "") -> str:
        """Kill a process, or one of a worker's children, without warning."""
        name = rng.choice(
            [one for one in sorted(self._running) if one.startswith(kind)]
        )
        process = self._running[name]
        children = (
            psutil.Process(process.pid).children() if process.poll() is None else []
        )
        if children and rng.random() < 0.5:
            victim = rng.choice(children).pid
            what = f"a child of {name}"
        else:
            victim, what = process.pid, name
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return f"{what} (it was gone already)"
        return what

    def kill_points(self, plan: str | None) -> None:
        """From the next start on, processes kill themselves by this plan; None: no more."""
        self._plan = plan

    _plan: str | None = None

    def killed_at(self) -> dict[str, int]:
        """How often processes killed themselves at each point, from their logs."""
        found: Counter[str] = Counter()
        for log in self._logs.glob("worker*.log"):
            for line in log.read_text(errors="replace").splitlines():
                if "killed at " in line:
                    found[line.rpartition("killed at ")[2].strip()] += 1
        return dict(sorted(found.items()))

    def restart_all(self) -> None:
        """Stop everything warmly; it comes back by itself."""
        for process in list(self._running.values()):
            process.terminate()

    def _start(self, name: str) -> None:
        environment = process_environment(self._settings)
        if self._plan and name.startswith("worker"):
            environment["BB_KILL_AT"] = self._plan
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                f"exec {self._commands[name]}",
                shell=True,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._stopping.wait(0.2):
            for name, process in list(self._running.items()):
                if process.poll() is not None:
                    self.deaths += 1
                    self._start(name)

    def _kill_tree(self, pid: int) -> None:
        try:
            family = [
                *psutil.Process(pid).children(recursive=True),
                psutil.Process(pid),
            ]
        except psutil.NoSuchProcess:
            return
        for one in family:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                time.sleep(0)
