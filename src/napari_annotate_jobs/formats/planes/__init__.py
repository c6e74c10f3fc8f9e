"""Annotations of single images: COCO, YOLO, VOC, CVAT, LabelMe, label.csv."""

from __future__ import annotations

__all__: list[str] = []
