"""Changes the modules that hold keys, names and logs, one small thing at a time, and counts what their tests notice.

    python tests/security/mutate.py [MODULE ...] [--sample 30] [--seed 1] [--least 80] [--jobs 2]

A change is one comparison turned, one constant moved, one condition negated, one call or assignment dropped, one value
returned as None. Each runs the module's own tests in a copy, until the first red or the time limit: a mutant that hangs
is noticed too. What nobody notices is told with file, line and change: a test is missing there, or the code is not
needed.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

ROOT: Final = Path(__file__).parents[2]
COPIED: Final = ("signals", "features", "models", "alerts", "synthetic", "store", "flows", "tests")
FILES: Final = ("config.yaml", "pyproject.toml", "prefect.yaml")
# Module -> its own tests, the quickest first.
TESTS: Final[dict[str, str]] = {
    "store/tokens.py": "tests/store/test_tokens.py tests/store/test_identities.py",
    "store/sealing.py": "tests/store/test_files_and_keys.py tests/store/test_identities.py",
    "store/keys.py": "tests/store/test_files_and_keys.py tests/flows/test_trust.py",
    "store/identities.py": "tests/store/test_identities.py",
    "store/access_log.py": "tests/store/test_access_log.py tests/store/test_chain.py tests/flows/test_trust.py",
    "store/chain.py": "tests/store/test_access_log.py tests/store/test_chain.py",
    "alerts/cells.py": "tests/alerts/test_cells.py",
    "alerts/small_cells.py": "tests/alerts/test_small_cells.py",
    "flows/door.py": "tests/flows/test_door.py",
    "store/retirement.py": "tests/flows/test_keeping.py",
    "store/destruction.py": "tests/flows/test_keeping.py",
    "features/anonymous.py": "tests/features/test_anonymous.py",
    "store/correction.py": "tests/flows/test_rights.py",
    "models/bundle.py": "tests/models/test_bundle.py",
}
TURNED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OTHER: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.BitXor: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.Mod: ast.Mult, ast.LShift: ast.RShift,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    module: str
    line: int
    change: str
    text: str


@dataclass(frozen=True, slots=True)
class _Place:
    number: int  # of the node, as ast.walk meets them
    line: int
    shown: str
    kind: str


def _places(tree: ast.AST) -> Iterator[_Place]:
    for number, node in enumerate(ast.walk(tree)):
        shown = ast.unparse(node).partition("\n")[0][:70] if isinstance(node, ast.expr | ast.stmt) else ""
        for kind in (*_of_expressions(node), *_of_statements(node)):
            yield _Place(number, getattr(node, "lineno", 0), shown, kind)


def _of_expressions(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in TURNED:
            yield "turned"
        case ast.BinOp(op=op) if type(op) in OTHER and not _is_type(node):
            yield "another operator"
        case ast.BoolOp():
            yield "and for or"
        case ast.UnaryOp(op=ast.Not()):
            yield "affirmed"
        case ast.Constant(value=int()):  # True and False, too
            yield "one more"
        case ast.Constant(value=bytes() | str()) if node.value and not _is_words(node):
            yield "emptied"


def _of_statements(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.If() | ast.IfExp() | ast.While():
            yield from ("never", "always")
        case ast.Return(value=ast.expr()) if not _is_none(node.value):
            yield "None"
        case ast.Expr(value=ast.Call() | ast.YieldFrom() | ast.Yield()) | ast.AugAssign() | ast.Raise():
            yield "dropped"


def _changed(source: str, place: _Place) -> str:
    tree = ast.parse(source)
    node = next(one for number, one in enumerate(ast.walk(tree)) if number == place.number)
    match node:
        case ast.Compare():
            node.ops = [TURNED[type(node.ops[0])]()]
        case ast.BinOp():
            node.op = OTHER[type(node.op)]()
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.UnaryOp():
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
        case ast.Constant(value=bool(told)):
            node.value = not told
        case ast.Constant(value=int(number)):
            node.value = number + 1
        case ast.Constant(value=bytes(told) | str(told)):
            node.value = told[:0]
        case ast.If() | ast.IfExp() | ast.While():
            node.test = ast.Constant(place.kind == "always")
        case ast.Return():
            node.value = ast.Constant(None)
        case _:
            return _without(tree, node)
    return ast.unparse(ast.fix_missing_locations(tree))


def _without(tree: ast.Module, statement: ast.AST) -> str:
    class Drop(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return ast.Pass() if node is statement else self.generic_visit(node)

    return ast.unparse(ast.fix_missing_locations(Drop().visit(tree)))


def _is_type(node: ast.BinOp) -> bool:
    """`A | None` in an annotation: no test can notice it."""
    return isinstance(node.op, ast.BitOr) and any(
        isinstance(side, ast.Constant) and side.value is None for side in (node.left, node.right)
    )


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_words(node: ast.Constant) -> bool:
    """Docstrings, and what is told to people: several words."""
    return isinstance(node.value, str) and " " in node.value


def chosen(module: str, sample: int, seed: int) -> list[Mutant]:
    """One per place and kind of change. The same source gives the same ones."""
    source = (ROOT / module).read_text(encoding="utf-8")
    places = list(_places(ast.parse(source)))
    if sample:
        places = random.Random(f"{seed} {module}").sample(places, min(sample, len(places)))
    told = [Mutant(module, one.line, f"{one.shown}: {one.kind}", _changed(source, one)) for one in places]
    plain = ast.unparse(ast.parse(source))
    return [mutant for mutant in told if mutant.text != plain]


def tree(folder: Path) -> Path:
    for room in COPIED:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
    return folder


def is_noticed(place: Path, mutant: Mutant, seconds: float) -> bool:
    file = place / mutant.module
    before = file.read_bytes()
    file.write_text(mutant.text, encoding="utf-8")
    told = {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1", "POLARS_MAX_THREADS": "1"}
    words = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-m", "not postgres"]
    try:
        ran = subprocess.run(
            [*words, *TESTS[mutant.module].split()], cwd=place, env=os.environ | told, capture_output=True,
            timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_bytes(before)
    return ran.returncode != 0


def judge(modules: list[str], sample: int, seed: int, jobs: int, limit: float) -> dict[str, tuple[int, list[Mutant]]]:
    """Module -> (tried, those nobody noticed)."""
    told: dict[str, tuple[int, list[Mutant]]] = {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as name, ThreadPoolExecutor(jobs) as pool:
        places: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            places.put(tree(Path(name) / str(number)))

        def one(mutant: Mutant) -> bool:
            place = places.get()
            try:
                return is_noticed(place, mutant, limit)
            finally:
                places.put(place)

        for module in modules:
            begun = time.monotonic()
            unharmed = Mutant(module, 0, "", (ROOT / module).read_text(encoding="utf-8"))
            if one(unharmed):
                sys.exit(f"{module}: its tests are red, or slower than {limit:.0f} s, without any change")
            tried = chosen(module, sample, seed)
            alive = [mutant for mutant, noticed in zip(tried, pool.map(one, tried), strict=True) if not noticed]
            told[module] = len(tried), alive
            share = 100 * (1 - len(alive) / max(len(tried), 1))
            seconds = time.monotonic() - begun
            sys.stdout.write(f"{share:5.1f} %  {len(tried) - len(alive)} of {len(tried)}  {seconds:5.0f} s  {module}\n")
            sys.stdout.writelines(f"         {one.module}:{one.line}  {one.change}\n" for one in alive)
            sys.stdout.flush()
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(TESTS))
    parser.add_argument("--sample", type=int, default=0, help="so many of each module; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0, help="per cent that must be noticed")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=120, help="seconds for the tests of one mutant")
    wanted = parser.parse_args()
    told = judge(wanted.modules, wanted.sample, wanted.seed, wanted.jobs, wanted.limit)
    tried, alive = sum(count for count, _ in told.values()), sum(len(left) for _, left in told.values())
    share = 100 * (1 - alive / max(tried, 1))
    sys.stdout.write(f"{share:5.1f} %  {tried - alive} of {tried} changes noticed\n")
    return int(share < wanted.least)


if __name__ == "__main__":
    sys.exit(main())
