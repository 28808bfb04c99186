"""Numbered claims of slices: who may run one, who lost it, which outcome counts; and their files.

The rules are pure and shared with the fake machine of the simulation; must not know processes, clocks or journals.
"""

import os
import re
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence

from .layout import CLAIMS, claim_name, dump, link_exclusive, make_private, read_json

Body = Dict[str, Any]

_NAME = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\Z")


def may_claim(
    claims: Sequence[Mapping[str, Any]], me: Mapping[str, Any], silent: Callable[[Mapping[str, Any]], bool]
) -> Optional[int]:
    """The number of the claim this pilot start may link next on a slice, or None.

    `claims` are the bodies in order, `me` has job, member and start; `silent(holder)` says that the holder's journal
    has stood still for the stated time.

    >>> me = {"job": "d1", "member": 0, "start": 1}
    >>> may_claim([], me, lambda holder: False)
    0
    >>> may_claim([{"job": "d1", "member": 0, "start": 0}], me, lambda holder: True)
    1
    >>> may_claim([{"job": "d2", "member": 0, "start": 0}], me, lambda holder: True) is None
    True
    """
    if not claims:
        return 0
    if waits_for(claims, me) and silent(claims[-1]):
        return len(claims)
    return None


def waits_for(claims: Sequence[Mapping[str, Any]], me: Mapping[str, Any]) -> bool:
    """The slice is held by an earlier start of this very member: wait until it is silent instead of leaving.

    >>> waits_for([{"job": "d1", "member": 0, "start": 0}], {"job": "d1", "member": 0, "start": 1})
    True
    """
    if not claims or claims[-1].get("revoked"):
        return False
    top = claims[-1]
    same = top.get("job") == me["job"] and top.get("member") == me["member"]
    return same and isinstance(top.get("start"), int) and top["start"] < me["start"]


def superseded(claims: Sequence[Mapping[str, Any]], mine: int) -> bool:
    """A higher claim than number `mine` exists: stop, and count nothing.

    >>> superseded([{}, {}], 0), superseded([{}, {}], 1)
    (True, False)
    """
    return len(claims) > mine + 1


def standing(outcomes: Iterable[Mapping[str, Any]]) -> Optional[Mapping[str, Any]]:
    """Of several outcomes of one run the one that counts: the lowest claim's, the first of equals.

    >>> standing([{"c": 1, "state": "FAILED"}, {"c": 0, "state": "COMPLETED"}])["state"]
    'COMPLETED'
    """
    return min(outcomes, key=lambda outcome: outcome["c"], default=None)


class Claims:
    """The claims in a job folder. A claim is never changed or removed, so each is read once.

    >>> import tempfile
    >>> claims = Claims(tempfile.mkdtemp())
    >>> claims.link(4, 0, {"revoked": True, "by": "o", "t": 1.0}), claims.link(4, 0, {"job": "d1"})
    (True, False)
    >>> claims.all()
    {4: [{'by': 'o', 'revoked': True, 't': 1.0}]}
    """

    def __init__(self, folder: str) -> None:
        self._job = os.fspath(folder)
        self._known: Dict[int, List[Body]] = {}

    def all(self) -> Dict[int, List[Body]]:
        """The bodies in order of every slice that has a claim."""
        try:
            names = os.listdir(os.path.join(self._job, CLAIMS))
        except FileNotFoundError:
            return {}
        tops: Dict[int, int] = {}
        for name in names:
            match = _NAME.match(name)
            if match:
                s, n = int(match.group(1)), int(match.group(2))
                tops[s] = max(n, tops.get(s, 0))
        for s, n in tops.items():
            if len(self._known.get(s, ())) <= n:
                self._read_on(s)
        return {s: list(bodies) for s, bodies in sorted(self._known.items())}

    def of(self, s: int) -> List[Body]:
        """The bodies of one slice's claims in order, asked for by name: a listing may be older than they are."""
        self._read_on(s)
        return list(self._known.get(s, ()))

    def link(self, s: int, n: int, body: Mapping[str, Any]) -> bool:
        """Try to make `body` claim number `n` of slice `s`; True for exactly one of all who try, durable at return.

        ValueError for a number that would leave a gap.
        """
        if n > 0 and len(self.of(s)) < n:
            raise ValueError("claim %d of slice %d has no claim %d before it" % (n, s, n - 1))
        make_private(os.path.join(self._job, CLAIMS))
        return link_exclusive(os.path.join(self._job, claim_name(s, n)), dump(dict(body)))

    def _read_on(self, s: int) -> None:
        """Add the claims of `s` that were not there before."""
        bodies = self._known.setdefault(s, [])
        while True:
            try:
                body = read_json(os.path.join(self._job, claim_name(s, len(bodies))))
            except FileNotFoundError:
                break
            except ValueError:
                body = None  # broken on the disk: still a claim, nobody's, and only a fence can follow it
            bodies.append(body if isinstance(body, dict) else {})
        if not bodies:
            del self._known[s]
