"""Propagation: ranges of slices, masks and boxes between key slices, filling.

Pure functions on arrays; nothing here knows of files, sessions or windows.
What works on pixels is imported when it is first asked for, so that ranges
can be planned without loading SciPy.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
