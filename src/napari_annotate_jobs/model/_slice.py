"""The name of a slice."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["SliceId"]

_UID = re.compile(r"[0-9.]{1,64}\Z")


class SliceId(BaseModel):
    """What names one slice of the reference series.

    DICOM slices are named by SOP Instance UID and, in multi-frame images,
    the frame number (from 1); slices of other formats by their index.

    Parameters
    ----------
    index : int
        Place along the slice axis of the volume, from 0.
    sop_instance_uid : str, optional
        SOP Instance UID (0008,0018).
    frame : int, optional
        Frame number from 1, only for multi-frame images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = Field(ge=0)
    sop_instance_uid: str | None = None
    frame: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> SliceId:
        if self.sop_instance_uid is not None and not _UID.match(self.sop_instance_uid):
            raise ValueError(f"{self.sop_instance_uid!r} is not a DICOM UID")
        if self.frame is not None and self.sop_instance_uid is None:
            raise ValueError("a frame number needs a SOP Instance UID")
        return self

    @property
    def key(self) -> str:
        """Its name in documents: ``UID``, ``UID#frame`` or ``index:n``."""
        if self.sop_instance_uid is None:
            return f"index:{self.index}"
        if self.frame is None:
            return self.sop_instance_uid
        return f"{self.sop_instance_uid}#{self.frame}"
