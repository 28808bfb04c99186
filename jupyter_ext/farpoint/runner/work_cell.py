"""A run of one cell, as a process of its own: a notebook of that cell, with its names set before and taken after.

Knows how the notebook is run (work_notebook) and what to say to the kernel; must not know what a name's value is.
"""

import os
from typing import Any, Dict, List

from . import work_notebook
from .figures import Figures
from .work_notebook import Work
from .work_python import SPARE

_PACKAGE = __package__ or "farpoint_runner"


def main(arguments: List[str]) -> int:
    """`work_cell <spec.json>`: run the cell described there. 0 where the result could be told."""
    return work_notebook.main(arguments, CellWork)


class CellWork(Work):
    """The notebook of one cell."""

    def __init__(self, spec: Dict[str, Any], folder: str) -> None:
        super().__init__(spec, folder)
        self.voice.errors = False  # the cell's own are raised where it was sent from
        self.figures = Figures(self.voice.add)

    def prelude(self, client: Any) -> bool:
        """As for any notebook, then the names that were sent."""
        polite = super().prelude(client)
        inputs = os.path.join(os.path.dirname(os.path.dirname(self.spec["input"])), "inputs")
        pickling = os.path.join(self.spec["modules"], SPARE)
        self.error = self._hidden(client, "arrive", self.spec["input"], inputs, pickling)
        return polite

    def hear(self, message: Any, output: Any) -> None:
        """Pass on what is displayed as well as what is printed."""
        super().hear(message, output)
        self.figures.tell(message, output)
        self.voice.soon()

    def cells(self, client: Any) -> None:
        """The cell, unless its names did not arrive; then what it assigned is written down, however it ended."""
        if self.error is not None:
            return
        super().cells(client)
        self.figures.number()
        if self.death is None:
            self.error = self._hidden(client, "leave", self.folder)

    @staticmethod
    def _hidden(client: Any, step: str, *arguments: str) -> Any:
        """Run a step of our own without a trace in the notebook; its error, None where it went well."""
        code = "__import__(%r, fromlist=['x']).%s(%s)"
        code = code % (_PACKAGE + ".namespace", step, ", ".join(map(repr, arguments)))
        reply = client.wait_for_reply(client.kc.execute(code, silent=True, store_history=False))
        content: Dict[str, Any] = reply["content"]
        if content["status"] == "ok":
            return None
        if content["ename"] == "Refused":  # said in words; where in here it was noticed helps nobody
            return {"type": "Refused", "message": content["evalue"], "traceback": []}
        return {"type": content["ename"], "message": content["evalue"], "traceback": content.get("traceback", [])}
