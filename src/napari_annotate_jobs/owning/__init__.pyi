from ._cases import FoundCases, Unit, find_cases, name_cases
from ._label_text import parse_label, parse_labels, pasted_labels
from ._labels_file import read_labels
from ._more_cases import add_found, more_cases
from ._new_job import check_free, check_methods, make_job

__all__ = [
    "FoundCases",
    "Unit",
    "add_found",
    "check_free",
    "check_methods",
    "find_cases",
    "make_job",
    "more_cases",
    "name_cases",
    "parse_label",
    "parse_labels",
    "pasted_labels",
    "read_labels",
]
