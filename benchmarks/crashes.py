"""Nights that are killed, starved, cut off and disturbed, and run again: all must then be as if nothing had been.

    python benchmarks/crashes.py                  every commit point, 100 random moments, all faults; half an hour
    python benchmarks/crashes.py --only points    or moments, faults, or the name of one fault
    python benchmarks/crashes.py --plants         faults put into the product, one at a time: each must be found

A made-up country of 1,200 households, two scenarios: a night with what arrived since the last one (registers, agencies,
a file that cannot be read, one told before, an office's answers), and a second night of the same day, which builds on
the first and whose folder takes the place of one that is there. Judged after each kill: whole folders only, yesterday's
queues there, no file lost. Judged after the next night: the outbox and all other files byte for byte, every row of lake
and database, and what was repaired. The access log may tell of one sheet twice: each attempt opens names anew.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.crash_country import Scenario, State, differences, halves_of, make, make_second, state_of, write_config
from benchmarks.crash_faults import FAULTS, FAULTS_OF_ROOT, IS_ROOT, Fault, Ground
from benchmarks.crash_night import Conditions, Night, Outcome, night
from benchmarks.crash_plants import PLANTS
from benchmarks.crash_postgres import stopped_nights
from store.faults import StoreError

ONE_THREAD = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Verdict:
    kind: str
    name: str
    ended: str
    wrong: tuple[str, ...]
    kills: int = 0
    repaired: int = 0


class Trial:
    """Work folders to try on, and the judgement."""

    def __init__(self, folder: Path, plant: str = "") -> None:
        self._folder, self.plant, self._made = Path(tempfile.mkdtemp(dir=folder)), plant, 0

    def copy(self, scenario: Scenario) -> Path:
        self._made += 1
        return Path(shutil.copytree(scenario.before, self._folder / f"try-{self._made:05d}"))

    def judge(self, scenario: Scenario, work: Path, outcome: Outcome, kind: str, name: str, ended: str) -> Verdict:
        """Now, and after the next night."""
        wrong = halves_of(scenario, work)
        if not (outcome.done or outcome.killed or outcome.refusal):
            wrong.append(str(outcome))
        again = night(scenario.config, work, Conditions(plant=self.plant))
        wrong += [] if again.done else [f"the next night: {again} {again.text}"]
        try:
            wrong += differences(self.state(scenario, work), scenario.after) if again.done else []
        except StoreError as unreadable:
            wrong.append(str(unreadable))
        return Verdict(kind, name, ended, tuple(wrong), int(outcome.killed), len(again.repaired))

    def state(self, scenario: Scenario, work: Path) -> State:
        return state_of(scenario.config, work)

    def straight(self, scenario: Scenario) -> tuple[tuple[str, ...], float]:
        """Commit points and seconds of an undisturbed night."""
        work, begun = self.copy(scenario), time.monotonic()
        told = night(scenario.config, work, Conditions(plant=self.plant))
        shutil.rmtree(work)
        return told.points, time.monotonic() - begun

    def at_point(self, scenario: Scenario, number: int, name: str) -> list[Verdict]:
        work = self.copy(scenario)
        outcome = night(scenario.config, work, Conditions(kill_at=number, plant=self.plant))
        told = self.judge(scenario, work, outcome, f"point, {scenario.name}", f"{number} {name}", str(outcome))
        shutil.rmtree(work)
        return [told]

    def at_moment(self, scenario: Scenario, seconds: float) -> list[Verdict]:
        work = self.copy(scenario)
        begun = Night(scenario.config, work, Conditions(plant=self.plant))
        time.sleep(seconds)
        begun.kill()
        outcome = begun.end()
        told = self.judge(scenario, work, outcome, f"moment, {scenario.name}", f"{seconds:.3f} s", str(outcome))
        shutil.rmtree(work)
        return [told]

    def changed_between(self, scenario: Scenario, number: int) -> list[Verdict]:
        """Killed, then run with other settings: as if those had always been there."""
        config = write_config(scenario.config.parent, f"changed-{number}", capacity=9)
        straight, work = self.copy(scenario), self.copy(scenario)
        assert night(config, straight).done
        changed = Scenario(scenario.name, config, scenario.before, state_of(config, straight))
        outcome = night(scenario.config, work, Conditions(kill_at=number, plant=self.plant))
        told = self.judge(changed, work, outcome, "settings changed between", str(number), str(outcome))
        for place in (straight, work):
            shutil.rmtree(place)
        return [told]

    def under(self, fault: Fault, scenario: Scenario, seed: int) -> list[Verdict]:
        """A fault is tried on one folder as often as it likes; the last judgement runs the night again."""
        work = self.copy(scenario)
        kind, found = f"{fault.__name__.replace('_', ' ')}, {scenario.name}", []
        for number, tried in enumerate(fault(Ground(scenario.config, work, random.Random(seed)))):
            told = self.judge(scenario, work, tried.outcome, kind, str(number), tried.how)
            unexpected = () if tried.how in tried.allowed else (f"{tried.outcome}: only {tried.allowed} are right",)
            found.append(replace(told, ended=tried.how, wrong=told.wrong + unexpected))
            shutil.rmtree(work)
            shutil.copytree(scenario.before, work)
        shutil.rmtree(work)
        return found


def scenarios(folder: Path) -> tuple[Scenario, Scenario]:
    config, before = make(folder)
    first = Path(shutil.copytree(before, folder / "first"))
    assert night(config, first).done
    one = Scenario("a night", config, before, state_of(config, first))
    make_second(config, first)
    second = Path(shutil.copytree(first, folder / "second"))
    assert night(config, second).done
    return one, Scenario("a second night of the day", config, first, state_of(config, second))


Try = Callable[[], list[Verdict]]


def tries(trial: Trial, both: tuple[Scenario, Scenario], wanted: argparse.Namespace) -> Iterator[Try]:
    rng, named = random.Random(wanted.seed), {**FAULTS, **(FAULTS_OF_ROOT if IS_ROOT else {})}
    for scenario in both if wanted.night == 0 else (both[wanted.night - 1],):
        if wanted.only in ("", "points"):
            yield from at_points(trial, scenario, wanted.first, wanted.every)
        if wanted.only in ("", "moments"):
            yield from at_moments(trial, scenario, wanted.moments // 2, rng)
    if wanted.only in ("", "settings"):
        yield from (partial(trial.changed_between, both[0], number) for number in range(10, 130, 20))
    for name, fault in named.items():
        if wanted.only in ("", "faults", name):
            yield partial(trial.under, fault, both[name == "scratch_damaged"], wanted.seed)


def at_points(trial: Trial, scenario: Scenario, first: int = 0, every: int = 1) -> Iterator[Try]:
    points = (*trial.straight(scenario)[0], "after the last")
    print(f"{scenario.name}: {len(points)} commit points", flush=True)
    for number in range(first, len(points), every):
        yield partial(trial.at_point, scenario, number, points[number])


def at_moments(trial: Trial, scenario: Scenario, count: int, rng: random.Random) -> Iterator[Try]:
    seconds = trial.straight(scenario)[1]
    for _ in range(count):
        yield partial(trial.at_moment, scenario, rng.uniform(0, seconds))


def is_found(plant: str, folder: Path, both: tuple[Scenario, Scenario], seed: int) -> bool:
    """Killed at its commit points in a random order, until something is wrong."""
    trial = Trial(folder, plant)
    asked = [one for scenario in both for one in at_points(trial, scenario)]
    random.Random(seed).shuffle(asked)
    for count, one in enumerate(asked, 1):
        if wrong := one()[0].wrong:
            print(f"{plant.replace('_', ' ')}: found after {count} kills: {wrong[0][:200]}", flush=True)
            return True
    print(f"{plant.replace('_', ' ')}: NOT FOUND in {len(asked)} kills", flush=True)
    return False


def tell(verdicts: list[Verdict]) -> list[Verdict]:
    """As they come: a run of half an hour should say early what it finds."""
    for verdict in verdicts:
        print("WRONG" if verdict.wrong else "right", verdict.kind, verdict.name, verdict.ended, sep=" · ", flush=True)
        for line in verdict.wrong[:8]:
            print(f"    {line}", flush=True)
    return verdicts


def show(verdicts: list[Verdict], seconds: float) -> int:
    kinds = Counter(verdict.kind for verdict in verdicts)
    print(f"\n{'':44} {'tries':>6} {'wrong':>6} {'repaired':>9}  ended")
    for kind, count in kinds.items():
        mine = [verdict for verdict in verdicts if verdict.kind == kind]
        wrong, repaired = sum(bool(v.wrong) for v in mine), sum(bool(v.repaired) for v in mine)
        ended = ", ".join(f"{how} {n}" for how, n in Counter(v.ended for v in mine).most_common())
        print(f"{kind:44} {count:6} {wrong:6} {repaired:9}  {ended[:120]}")
    bad = sum(bool(verdict.wrong) for verdict in verdicts)
    kills = sum(verdict.kills for verdict in verdicts)
    faults = {kind.partition(",")[0] for kind in kinds}
    print(f"\n{len(verdicts)} tries, {kills} kills, {len(faults)} kinds of fault, {bad} wrong, {seconds:.0f} s")
    return bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="points, moments, settings, faults, postgresql; a fault or a plant")
    parser.add_argument("--every", type=int, default=1, help="only every n-th commit point")
    parser.add_argument("--first", type=int, default=0, help="from this commit point on")
    parser.add_argument("--night", type=int, default=0, choices=(0, 1, 2), help="only this one of the two nights")
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--plants", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    os.umask(0o077)
    for name in ONE_THREAD:  # so many nights at a time as there are jobs
        os.environ[name] = "1"
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as name, ThreadPoolExecutor(wanted.jobs) as pool:
        folder = Path(name)
        both, trial = scenarios(folder), Trial(folder)
        if wanted.plants:
            plants = [name for name in PLANTS if wanted.only in name]
            raise SystemExit(not all(list(pool.map(lambda plant: is_found(plant, folder, both, wanted.seed), plants))))
        verdicts = [
            told for several in pool.map(lambda one: one(), tries(trial, both, wanted)) for told in tell(several)
        ]
        if wanted.only in ("", "faults", "postgresql"):
            for number, (ended, wrong_then) in enumerate(stopped_nights(folder, wanted.seed)):
                verdicts += tell([Verdict("PostgreSQL stopped", str(number), ended, tuple(wrong_then))])
    wrong = show(verdicts, time.monotonic() - begun)
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    main()
