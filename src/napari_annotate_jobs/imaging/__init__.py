"""DICOM, NIfTI and everyday images as volumes with their place in the patient.

Everything is read in two steps: headers, which say what there is and where
each slice lies, and pixels, slice by slice or whole. Neither needs napari.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
