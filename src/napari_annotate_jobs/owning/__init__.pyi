from ._cases import FoundCases, Unit, find_cases, name_cases, place_images
from ._label_text import parse_label, parse_labels, pasted_labels
from ._labels_file import read_labels

__all__ = [
    "FoundCases",
    "Unit",
    "find_cases",
    "name_cases",
    "parse_label",
    "parse_labels",
    "pasted_labels",
    "place_images",
    "read_labels",
]
