"""One small change of a module at a time: a comparison turned, a constant moved, a condition negated, a call or an
assignment dropped, a value returned as None."""

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

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
    line: int
    function: int  # the first line of the one it lies in; 0: it runs when the module is imported
    change: str
    text: str  # of the module


@dataclass(frozen=True, slots=True)
class _Place:
    number: int  # of the node, as ast.walk meets them
    line: int
    shown: str
    kind: str


def chosen(source: str, sample: int, seed: str) -> list[Mutant]:
    """One per place and kind of change, or a sample of them. The same source gives the same ones."""
    tree = ast.parse(source)
    places = list(_places(tree))
    if sample:
        places = random.Random(seed).sample(places, min(sample, len(places)))
    told = [
        Mutant(one.line, _function(tree, one.line), f"{one.shown}: {one.kind}", _changed(source, one)) for one in places
    ]
    plain = ast.unparse(tree)
    return [mutant for mutant in told if mutant.text != plain]


def _function(tree: ast.Module, line: int) -> int:
    """Of the innermost function whose body holds the line, where its code begins: at the first decorator."""
    around = [
        min([node.lineno, *(one.lineno for one in node.decorator_list)])
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.body[0].lineno <= line <= (node.end_lineno or line)
    ]
    return max(around, default=0)


def _places(tree: ast.Module) -> Iterator[_Place]:
    spared = set(_spared(tree))
    for number, node in enumerate(ast.walk(tree)):
        if node in spared:
            continue
        shown = ast.unparse(node).partition("\n")[0][:70] if isinstance(node, ast.expr | ast.stmt) else ""
        for kind in (*_of_expressions(node), *_of_statements(node)):
            yield _Place(number, getattr(node, "lineno", 0), shown, kind)


def _spared(tree: ast.Module) -> Iterator[ast.AST]:
    """What no test can notice: types, which mypy reads, and words, which people read."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as kind) | ast.AnnAssign(annotation=kind):
                yield from ast.walk(kind)
            case ast.FunctionDef(returns=ast.expr() as kind):
                yield from ast.walk(kind)
            case ast.Subscript(value=ast.Name(id="Literal")):
                yield from ast.walk(node)
            case ast.Call(func=ast.Name(id="dataclass")):  # frozen, slots: an assignment is refused by mypy
                yield from ast.walk(node)
            case ast.BinOp(op=ast.BitOr(), left=ast.Name(id=name)) if name[0].isupper():  # of classes
                yield node
            case ast.keyword(arg="strict"):  # of zip: what is never so is asserted
                yield from ast.walk(node)
            case ast.Constant(value=str(text)) if " " in text:
                yield node
            case ast.JoinedStr(values=parts):
                told = [one for one in parts if isinstance(one, ast.Constant)]
                yield from told if any(" " in str(one.value) for one in told) else ()


def _of_expressions(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in TURNED:
            yield "turned"
        case ast.BinOp(op=op) if type(op) in OTHER:
            yield "another operator"
        case ast.BoolOp():
            yield "and for or"
        case ast.UnaryOp(op=ast.Not()):
            yield "affirmed"
        case ast.Constant(value=int()):  # True and False, too
            yield "one more"
        case ast.Constant(value=bytes() | str()) if node.value:
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


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
