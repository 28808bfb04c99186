"""Cells with the names they read and assign: one table for what is found in them and for what running them does."""

from __future__ import annotations

from typing import NamedTuple

SETUP = """
import asyncio, math
import numpy as np
x, y, k, flag, text = 3, 4.5, 2, True, "ab"
lst, dct, st, tup = [1, 2], {"q": 1}, {1, 2}, (1, (2, 3))
alias = lst
arr = np.arange(6.0)
big = np.arange(20000.0)
counter = 0
def f(a, b=1):
    return a * k + b
def bump():
    global counter
    counter += 1
    return counter
def outer(n):
    def inner(m):
        return n + m + k
    return inner
add3 = outer(3)
class Box:
    total = 0
    def __init__(self, v): self.v = v
    def get(self): return self.v + k
    def __eq__(self, other): return type(self) is type(other) and self.v == other.v
    def __repr__(self): return f"Box({self.v!r})"
box = Box(5)
class Worse(Box):
    def get(self): return -super().get()
async def later(a):
    await asyncio.sleep(0)
    return a + x
"""


class Snippet(NamedTuple):
    """A cell. `reads` and `assigns` are names as words; `probe` is an expression that must give the same after it."""

    source: str
    reads: str = ""
    assigns: str = ""
    probe: str = "None"


TABLE = [
    Snippet("z = x + y", "x y", "z"),
    Snippet("x = 1\nprint(x)", "", "x"),
    Snippet("x += 1", "x", "x"),
    Snippet("if flag:\n    q = 1\nprint(q if flag else x)", "flag q x", "q"),
    Snippet("def g(u):\n    return u + x\nr = g(2)", "x", "g r", "g(5)"),
    Snippet("[i for i in range(3)]", "", ""),
    Snippet("[x * j for j in lst]", "x lst", ""),
    Snippet("z = {a: b * y for a, b in zip(lst, lst)}", "y lst", "z"),
    Snippet("z = sorted(q for q in {x, k})", "x k", "z"),
    Snippet("z = [[a * b for a in lst] for b in tup if isinstance(b, int)]", "lst tup", "z"),
    Snippet("dct['n'] = y", "dct y", "", "dct"),
    Snippet("lst.append(x)", "lst x", "", "lst"),
    Snippet("st.add(9); st |= {7}", "st", "st"),
    Snippet("arr[2] = 100", "arr", "", "arr.tolist()"),
    Snippet("big[0] = -1\nz = big.sum()", "big", "z", "big[:3].tolist()"),
    Snippet("import numpy as np\nz = np.zeros(3)", "", "np z"),
    Snippet("import os.path\nz = os.path.join('a', 'b')", "", "os z"),
    Snippet("from math import sin as s, pi\nz = s(pi / 2)", "", "s pi z"),
    Snippet("from math import *\nz = floor(y)", "floor y", "z"),
    Snippet("for i in range(k):\n    s = i", "k", "i s"),
    Snippet("for i, (a, *b) in enumerate([(1, 2, 3)]):\n    pass\nelse:\n    c = i", "", "i a b c"),
    Snippet("while k:\n    k -= 1", "k", "k"),
    Snippet("bump(); bump()", "bump", "", "counter"),
    Snippet("def h():\n    global x\n    x = 50\nh()", "", "h x"),
    Snippet("w = await later(2)", "later", "w"),
    Snippet("w = [await later(i) for i in lst]", "later lst", "w"),
    Snippet("async def co():\n    return x\nw = await co()", "x", "co w"),
    Snippet("z = !echo {x}", "", "z", "list(z)"),
    Snippet("%time z = y * 2", "y", "z"),
    Snippet("%timeit -n1 -r1 y + 1", "y", ""),
    Snippet("%%time\nz = y\nz += 1", "y", "z"),
    Snippet("%%capture out\nprint(x)\nz = 2", "x", "out z", "out.stdout"),
    Snippet("z = f'{x!r:>{k}} {y:.1f}'", "x k y", "z"),
    Snippet("z = lambda q: q + x", "x", "z", "z(4)"),
    Snippet("z = (lambda q=y: q)()", "y", "z"),
    Snippet("class C:\n    m = x\n    def n(self): return y + self.m\nz = C().n()", "x y", "C z", "C().n()"),
    Snippet("class D(Box):\n    def get(self): return 2 * super().get()\nz = D(1).get()", "Box", "D z"),
    Snippet("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    z = str(e)", "", "e z"),
    Snippet("match tup:\n    case [p, (q, *rest)]: z = p + q\n    case {'k': v}: z = v", "tup", "p q rest v z"),
    Snippet("for i in range(3):\n    if i: break\n    s = i\nz = s", "", "i s z"),
    Snippet("try:\n    z = int('q')\nexcept ValueError:\n    z = 0\nw = z", "", "z w"),
    Snippet("if flag:\n    p = 1\nelse:\n    p = 2\nz = p", "flag", "p z"),
    Snippet("while True:\n    z = 1\n    break\nw = z", "", "z w"),
    Snippet("for box.v in lst:\n    pass", "box lst", "", "box.v"),
    Snippet("match x:\n    case 3 as found: pass", "x", "found"),
    Snippet("if (n := x) > 2: z = n", "x", "n z"),
    Snippet("z = [m := 1, m + 1]", "", "m z"),
    Snippet("z = [last := i for i in lst]", "lst", "z last"),
    Snippet("del dct['q']; del y", "dct y", "", "(dct, 'y' in globals())"),
    Snippet("with open('t.txt', 'w') as fh:\n    z = fh.write('abc')", "", "fh z"),
    Snippet("z = eval('x + k')", "", "z"),
    Snippet("exec('z = x * 10')", "", "", "z"),
    Snippet("z = globals()['text'] * 2", "", "z"),
    Snippet("import pandas as pd\nz = pd.DataFrame({'v': [1, 5]}).query('v > @x').v.tolist()", "", "pd z"),
    Snippet("def g2():\n    return later_on\nlater_on = 1\nz = g2()", "later_on", "g2 later_on z"),
    Snippet("a, (b, *c) = 1, (2, 3, 4)", "", "a b c"),
    Snippet("a = b = k", "k", "a b"),
    Snippet("*a, b = lst", "lst", "a b"),
    Snippet("x: int\nz: float = x", "x", "z"),
    Snippet("box.v = 7", "box", "", "(box, box.get())"),
    Snippet("z = Box(2) == Box(2), box.get(), isinstance(box, Box)", "Box box", "z"),
    Snippet("Box.total += 1\nz = Box.total", "Box", "z"),
    Snippet("z = Worse(1).get()", "Worse", "z"),
    Snippet("z = add3(4)", "add3", "z"),
    Snippet("z = f(2), f(b=3, a=1)", "f", "z"),
    Snippet("z = list(map(f, lst))", "f lst", "z"),
    Snippet("k = 100\nz = f(1)", "f", "k z"),
    Snippet("def g(): return lst", "lst", "g", "(g(), alias is lst)"),
    Snippet("lst.append(9)\nlst = []", "lst", "lst", "alias"),
    Snippet("alias.append(9)\ndel lst\nz = alias", "alias lst", "z", "alias"),
    Snippet("alias.append(5)\nz = lst[-1], alias is lst", "alias lst", "z", "(lst, alias, lst is alias)"),
    Snippet("def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nz = fib(10)", "fib", "fib z", "fib(6)"),
    Snippet("def make():\n    t = x\n    def inc():\n        nonlocal t\n        t += 1\n        return t\n"
            "    return inc\ninc = make(); z = inc(), inc()", "x", "make inc z", "inc()"),
    Snippet("from functools import partial\nz = partial(f, 3)", "f", "partial z", "z()"),
    Snippet("from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int = x\nz = P()", "x",
            "dataclass P z", "z.a"),
    Snippet("import numpy as np\nz = np.float32(1.5), np.arange(3)", "", "np z", "(z[0], z[1].tolist())"),
    Snippet("_private = x", "x", "_private"),
    Snippet("__dunder = 3", "", "__dunder"),
    Snippet("z = 1e400, -0.0, 2**80, 1j, b'\\0', None, ...", "", "z"),
    Snippet("z = 'never' if False else text\n'a' 'b'", "text", "z"),
    Snippet("global x\nx = 9", "", "x"),
    Snippet("assert x == 3, text", "x text", ""),
    Snippet("# only a comment", "", ""),
    Snippet("", "", ""),
    Snippet("z = x\nx + 1;", "x", "z"),
    Snippet("z = [print] and 1\nprint('out')", "", "z"),
    Snippet("w = 1\nraise ValueError(x)", "x", "w"),
    Snippet("z = undefined_name", "undefined_name", "z"),
]  # fmt: skip
