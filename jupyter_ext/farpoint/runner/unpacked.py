"""The runner's zip as a folder beside it: programs of runs start from there in half the time, as Python keeps its
compiled form there. Knows the zip and its folder; must not know what is started from it.
"""

import os
import shutil

from . import layout


def place() -> str:
    """The folder of the zip this was loaded from, made whole once for all; the zip itself where that cannot be."""
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folder, ending = os.path.splitext(source)
    if ending != ".zip" or not os.path.isfile(source):
        return source
    if not os.path.isdir(folder):
        try:
            _unpack(source, folder)
        except OSError:  # a full disk, or nobody may write there
            return source
    return folder


def _unpack(source: str, folder: str) -> None:
    import zipfile

    beside = "%s.%s-%d.part" % (folder, os.uname().nodename, os.getpid())
    layout.make_private(beside)
    try:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(beside)
        os.rename(beside, folder)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        if not os.path.isdir(folder):  # another pilot may have been quicker
            raise
