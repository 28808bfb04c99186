"""Arguments that do not stand in job.json: a name for each by content.

Knows names and digests; must not know where the files lie or who reads them.
"""

from typing import Any, Dict, Sequence

_FIELDS = ("codec", "sha256", "size", "words", "same", "beside")


class Parcel:
    """A value that travels as a file: `codec` npy, json or pickle, `same` what tells equal values apart from others.

    `beside` are the digests of arrays that the pickle refers to.

    >>> Parcel("npy", "ab", 8000, "ndarray 1000", "ab")
    <ndarray 1000>
    """

    def __init__(self, codec: str, sha256: str, size: int, words: str, same: str, beside: Sequence[str] = ()) -> None:
        self.codec = codec
        self.sha256 = sha256
        self.size = size
        self.words = words
        self.same = same
        self.beside = list(beside)

    def __repr__(self) -> str:
        return "<%s>" % self.words

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parcel) and self.same == other.same

    def __hash__(self) -> int:
        return hash(self.same)


def encode(value: Any) -> Any:
    """The typed JSON of a Parcel, None for anything else."""
    if type(value) is not Parcel:
        return None
    typed = {name: getattr(value, name) for name in _FIELDS}
    typed["$"] = "parcel"
    return typed


def decode(typed: Dict[str, Any]) -> Parcel:
    """What `encode` was given."""
    return Parcel(*(typed[name] for name in _FIELDS))


def canonical(typed: Dict[str, Any]) -> Dict[str, Any]:
    """Typed JSON that is the same for equal values: two pickles of one value may differ in their bytes."""
    return {"$": "parcel", "same": typed["same"]}
