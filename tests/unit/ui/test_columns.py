import random
import struct

from farpoint.ui.columns import Column


def test_kept_up_value_by_value_it_is_what_it_would_be_made_anew() -> None:
    dice = random.Random(3)
    for choices in ([None, 1, 2.5, -3], [None, "a", "b", 4], [None, True, [1], 7.0]):
        column = Column("value", [None] * 12)
        for _ in range(200):
            column.put(dice.randrange(12), dice.choice(choices))
            made = Column("value", list(column.values))
            assert column.numeric == made.numeric
            assert column.drawn() == made.drawn()
            assert column.words() == made.words()
            assert [column.order(down=down) for down in (True, False)] == [
                made.order(down=down) for down in (True, False)
            ]
            assert made.constant or not column.constant


def test_the_same_value_is_no_change() -> None:
    column = Column("value", [1, 1.0, "1", None])
    assert [column.put(place, each) for place, each in enumerate([1, 1.0, "1", None])] == [False] * 4
    assert column.put(0, True)
    assert column.put(1, 1)


def test_what_is_missing_comes_last_and_is_no_number() -> None:
    column = Column("value", [2, None, 1])
    assert (column.order(down=False), column.order(down=True)) == ([2, 0, 1], [0, 2, 1])
    labels, data = column.drawn()
    assert labels == []
    assert struct.unpack("3d", data)[1] != struct.unpack("3d", data)[1]
