"""The parts of the interface, as Qt widgets; they know no viewer and no store.

Each is imported when it is first asked for: My Jobs is shown without what it takes to
annotate.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
