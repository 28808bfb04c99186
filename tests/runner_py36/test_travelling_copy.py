"""The runner's own checks, run from its zip under any Python from 3.6 on: `python -I -S <this file> <runner zip>`.

Standard library only, Python 3.6 syntax. pytest runs it through tests/unit/runner/test_old_pythons.py.
"""

# ruff: noqa: DTZ001, PT009, PT027, UP017 - unittest, in the Python of 2016

import datetime
import decimal
import fractions
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid

if __name__ == "__main__":
    sys.path.insert(0, sys.argv.pop(1))

from farpoint_runner import claims, journal, layout, values

CEST = datetime.timezone(datetime.timedelta(hours=2), "CEST")
VALUES = [
    None, True, 3, -(10 ** 500), 1 << 9000, 0.1, -0.0, float("inf"), 'é\n"\\\u2028', "\ud800", [1, [2.5, {}]],
    {"a": 1, "b": [None]},
    {"b": 1, "a": 2}, {"$": 1}, {1: "x", (2, None): {3}}, (), (1,), (1, (2,)), set(), {1, "a"}, frozenset({(1, 2)}),
    b"\x00'\"",
    complex(-0.0, 1), decimal.Decimal("1.50"), fractions.Fraction(-1, 3), uuid.UUID(int=7), pathlib.Path("a/b"),
    range(0, 9, 2),
    slice(None, 3), datetime.date(1, 2, 3), datetime.datetime(2024, 1, 2, 3, 4, 5, 6), datetime.datetime(2024, 1, 2,
    fold=1, tzinfo=CEST),
    datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc), datetime.time(1, 2, tzinfo=CEST),
    datetime.timedelta(-1, 2, 3),
]  # fmt: skip


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)


class Layout(Folder):
    def test_put_and_read(self) -> None:
        layout.put_json(self.path("job.json"), {"é": [1, None]})
        self.assertEqual(layout.read_json(self.path("job.json")), {"é": [1, None]})
        self.assertEqual(os.stat(self.path("job.json")).st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.folder), ["job.json"])

    def test_link_exclusive(self) -> None:
        self.assertTrue(layout.link_exclusive(self.path("x"), b"1"))
        self.assertFalse(layout.link_exclusive(self.path("x"), b"2"))
        self.assertEqual(layout.digest_file(self.path("x")), layout.digest(b"1"))
        self.assertEqual(os.listdir(self.folder), ["x"])

    def test_make_private(self) -> None:
        layout.make_private(self.path("a/b"))
        self.assertEqual(os.stat(self.path("a")).st_mode & 0o777, 0o700)


class Journal(Folder):
    def test_torn_and_broken_lines_are_passed_over(self) -> None:
        for n in range(3):
            opened = journal.Journal(self.path("journal.jsonl"))
            opened.write({"e": "beat", "t": n, "text": "é\ud800"}, sync=True)
            opened.close()
            with open(self.path("journal.jsonl"), "ab") as file:
                file.write(journal.line({"e": "torn"})[: -1 - n] if n else b"\x00garbage\n")
        with open(self.path("journal.jsonl"), "rb") as file:
            data = file.read()
        events, consumed = journal.parse(data)
        self.assertEqual([event["t"] for event in events], [0, 1, 2])
        self.assertEqual(consumed, data.rindex(b"\n") + 1)


class Claims(Folder):
    def test_a_requeue_takes_over_a_silent_start(self) -> None:
        found = claims.Claims(self.folder)
        first = {"job": "7", "member": 0, "start": 0, "t": 0.0}
        me = dict(first, start=1)
        self.assertEqual(claims.may_claim(found.of(0), me, lambda holder: False), 0)
        self.assertTrue(found.link(0, 0, first))
        self.assertFalse(found.link(0, 0, me))
        self.assertIsNone(claims.may_claim(found.of(0), me, lambda holder: False))
        self.assertEqual(claims.may_claim(found.of(0), me, lambda holder: True), 1)
        self.assertTrue(found.link(0, 1, me))
        self.assertTrue(claims.superseded(found.of(0), 0))
        self.assertEqual(found.all(), {0: [first, me]})


class Values(Folder):
    def assert_same(self, made: object, value: object) -> None:
        self.assertIs(type(made), type(value))
        self.assertEqual(made, value)
        if not isinstance(value, (int, set, frozenset)):
            self.assertEqual(repr(made), repr(value))

    def test_there_and_back(self) -> None:
        for value in VALUES:
            typed = json.loads(layout.dump(values.encode(value)).decode("ascii"))
            self.assert_same(values.decode(typed), value)

    def test_expressions(self) -> None:
        for value in VALUES:
            self.assert_same(eval(values.literal(value), {}), value)

    def test_canonical_and_plain(self) -> None:
        for value in VALUES:
            self.assertEqual(values.canonical(value), values.canonical(values.decode(values.encode(value))))
            json.dumps(values.plain(value), allow_nan=False)

    def test_the_deepest_expression_can_be_read(self) -> None:
        value = 1  # type: object
        for _ in range(values.DEPTH):
            value = [value]
        self.assertEqual(eval(values.literal(value)), value)
        self.assertRaises(values.Refused, values.encode, [value])

    def test_refused(self) -> None:
        for value in (object(), type("My", (int,), {})(3), bytearray(), type("My", (str,), {})("x")):
            self.assertRaises(values.Refused, values.encode, value)

    def test_large(self) -> None:
        typed = values.encode_large({"x": ("a" * 60000,)}, self.folder)
        self.assertEqual(values.load_large(typed, self.folder), {"x": ("a" * 60000,)})

    def test_what_is_missing_is_named(self) -> None:
        typed = {"$": "np", "dtype": "float64", "value": 1.5}
        try:
            self.assertEqual(values.decode(typed), 1.5)
        except ImportError as error:
            self.assertIn("float64", str(error))

    def test_nothing_heavy_is_loaded(self) -> None:
        look = "from farpoint_runner import values; print('numpy' in sys.modules)"
        command = [sys.executable, "-I", "-c", "import sys; sys.path.insert(0, sys.argv[1]); " + look, sys.path[0]]
        self.assertEqual(subprocess.check_output(command).decode().strip(), "False")


class Main(unittest.TestCase):
    def test_it_names_its_verbs(self) -> None:
        command = [sys.executable, "-I", "-S", sys.path[0], "dance"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, said = child.communicate()
        self.assertEqual(child.returncode, 2)
        self.assertIn("work_notebook", said.decode())

    def test_it_runs_from_the_zip(self) -> None:
        self.assertEqual(sys.path[0][-4:], ".zip")
        self.assertTrue(layout.__file__.startswith(sys.path[0]))


if __name__ == "__main__":
    unittest.main()
