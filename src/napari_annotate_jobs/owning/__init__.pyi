from ._cases import FoundCases, Unit, find_cases, name_cases
from ._label_text import parse_label, parse_labels, pasted_labels
from ._labels_file import read_labels
from ._new_job import check_free, check_methods, make_job

__all__ = [
    "FoundCases",
    "Unit",
    "check_free",
    "check_methods",
    "find_cases",
    "make_job",
    "name_cases",
    "parse_label",
    "parse_labels",
    "pasted_labels",
    "read_labels",
]
