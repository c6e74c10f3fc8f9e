from ._case import AnnotatedCase, CaseSummary, Truth
from ._choose import LabelChoice
from ._combine import (
    ClassCount,
    Combination,
    CombinedClass,
    combination_remarks,
    count_classes,
    few_images,
    parse_combination,
    read_combination,
    write_combination,
    write_labels,
)
from ._contract import (
    CaseFiles,
    CaseSource,
    CaseTransform,
    Exporter,
    ExportJob,
    FormatOptions,
    ListedSource,
)
from ._convert import Conversion, Convert
from ._export_run import MANIFEST, ExportReport, export, plan_export
from ._export_table import EXPORT_FORMATS, ExportFormat, exporter
from ._fit import Fitted, FittedSlice, fit_incoming, with_negatives
from ._import_table import IMPORT_FORMATS, ImportFormat, import_format
from ._incoming import Incoming, IncomingLabel, IncomingSlice
from ._label_layer import LAYER_ENDINGS, write_label_layer
from ._matching import CaseFinder, FoundCase, NamePattern
from ._naming import Named, name_labels, one_label, parse_map
from ._ready_labels import READY_LABELS, READY_TITLES, ready_labels
from ._stem import unique_stem
from ._wanted import wanted_options, wanted_priority, wanted_transforms
from ._yaml import load_yaml
from .volumes._image_file import write_image

__all__ = [
    "EXPORT_FORMATS",
    "IMPORT_FORMATS",
    "LAYER_ENDINGS",
    "MANIFEST",
    "READY_LABELS",
    "READY_TITLES",
    "AnnotatedCase",
    "CaseFiles",
    "CaseFinder",
    "CaseSource",
    "CaseSummary",
    "CaseTransform",
    "ClassCount",
    "Combination",
    "CombinedClass",
    "Conversion",
    "Convert",
    "ExportFormat",
    "ExportJob",
    "ExportReport",
    "Exporter",
    "Fitted",
    "FittedSlice",
    "FormatOptions",
    "FoundCase",
    "ImportFormat",
    "Incoming",
    "IncomingLabel",
    "IncomingSlice",
    "LabelChoice",
    "ListedSource",
    "NamePattern",
    "Named",
    "Truth",
    "combination_remarks",
    "count_classes",
    "export",
    "exporter",
    "few_images",
    "fit_incoming",
    "import_format",
    "load_yaml",
    "name_labels",
    "one_label",
    "parse_combination",
    "parse_map",
    "plan_export",
    "read_combination",
    "ready_labels",
    "unique_stem",
    "wanted_options",
    "wanted_priority",
    "wanted_transforms",
    "with_negatives",
    "write_combination",
    "write_image",
    "write_label_layer",
    "write_labels",
]
