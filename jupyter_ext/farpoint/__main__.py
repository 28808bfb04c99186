"""`python -m farpoint` is `farpoint`.

Knows the door only.
"""

from __future__ import annotations

from farpoint.ui.cli import main

if __name__ == "__main__":
    main()
