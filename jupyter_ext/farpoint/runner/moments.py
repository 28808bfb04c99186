"""Typed values of dates, times, zones and durations: the standard library's and pandas'.

Pandas is looked at only where it is loaded already, imported only to make its values; must not know containers.
"""

import datetime
import re
import sys
from typing import Any, List, Optional

from .kinds import Made, Refused, Typed, decode_text, encode_text, is_exactly

UNITS = ("s", "ms", "us", "ns")  # of pandas, from 2.0 on; "ns" alone before


def encode(value: Any) -> Optional[Made]:
    """A date, time, duration or pandas moment as typed JSON; None for anything else. Refused for a foreign zone.

    >>> import datetime
    >>> encode(datetime.date(2024, 5, 1))
    {'$': 'date', 'value': '2024-05-01'}
    """
    kind = type(value)
    if kind is datetime.datetime:
        return _with_zone(
            {"$": "datetime", "value": value.replace(tzinfo=None).isoformat(timespec="microseconds")}, value
        )
    if kind is datetime.date:
        return {"$": "date", "value": value.isoformat()}
    if kind is datetime.time:
        return _with_zone({"$": "time", "value": value.replace(tzinfo=None).isoformat(timespec="microseconds")}, value)
    if kind is datetime.timedelta:
        return {"$": "timedelta", "value": _parts(value)}
    if "pandas" in sys.modules:
        return _encode_pandas(value)
    return None


def decode(typed: Made) -> Any:
    """What `encode` was given. ImportError where pandas or the zone's module is missing."""
    kind = typed["$"]
    if kind == "timedelta":
        return datetime.timedelta(*typed["value"])
    if kind in {"timestamp", "duration"}:
        return _decode_pandas(typed)
    numbers = [int(digits) for digits in re.findall("[0-9]+", typed["value"])]
    if kind == "date":
        return datetime.date(*numbers)
    make = datetime.datetime if kind == "datetime" else datetime.time
    return make(*numbers, tzinfo=decode_zone(typed["tz"]) if "tz" in typed else None, fold=typed.get("fold", 0))  # type: ignore[arg-type, misc]


def decode_zone(typed: Made) -> datetime.tzinfo:
    """A fixed offset or a named zone. ImportError before Python 3.9 for a named one."""
    if "zone" in typed:
        from zoneinfo import ZoneInfo

        return ZoneInfo(typed["zone"])
    offset = datetime.timedelta(*typed["offset"])
    return datetime.timezone(offset, decode_text(typed["name"])) if "name" in typed else datetime.timezone(offset)


def _with_zone(typed: Made, value: Any) -> Made:
    if value.fold:
        typed["fold"] = value.fold
    if value.tzinfo is not None:
        typed["tz"] = _encode_zone(value.tzinfo)
    return typed


def _encode_zone(zone: Any) -> Made:
    if type(zone) is datetime.timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
        typed = {"offset": _parts(offset)}
        if name:
            typed["name"] = encode_text(name[0])
        return typed
    if is_exactly(zone, "zoneinfo", "ZoneInfo") and zone.key is not None:
        return {"zone": zone.key}
    raise Refused(
        "has the time zone %r, which is neither datetime.timezone nor zoneinfo" % (zone,),
        "use zoneinfo.ZoneInfo(name)",
    )


def _parts(delta: datetime.timedelta) -> List[int]:
    return [delta.days, delta.seconds, delta.microseconds]


def _encode_pandas(value: Any) -> Optional[Made]:
    if is_exactly(value, "pandas", "Timestamp"):
        typed = {"$": "timestamp", "value": int(value.asm8.view("i8")), "unit": getattr(value, "unit", "ns")}
        if value.tzinfo is not None:
            typed["tz"] = _encode_zone(value.tzinfo)
        return typed
    if is_exactly(value, "pandas", "Timedelta"):
        return {"$": "duration", "value": int(value.asm8.view("i8")), "unit": getattr(value, "unit", "ns")}
    if value is getattr(sys.modules["pandas"], "NaT", encode):
        return {"$": "timestamp", "value": None}
    return None


def _decode_pandas(typed: Typed) -> Any:
    import numpy as np
    import pandas as pd

    if typed["value"] is None:
        return pd.NaT
    if typed["unit"] not in UNITS:
        raise ValueError("a moment of pandas has no unit %r" % (typed["unit"],))
    if typed["$"] == "duration":
        return pd.Timedelta(np.timedelta64(typed["value"], typed["unit"]))
    moment = pd.Timestamp(np.datetime64(typed["value"], typed["unit"]))
    return moment.tz_localize("UTC").tz_convert(decode_zone(typed["tz"])) if "tz" in typed else moment
