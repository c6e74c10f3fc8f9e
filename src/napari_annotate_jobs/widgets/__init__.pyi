from .annotate._aside_line import AsideLine, listed
from .annotate._boxes import BoxSection, ObjectAtHand
from .annotate._brush import BrushSection
from .annotate._difference import DifferenceView
from .annotate._dock import AnnotateDock
from .annotate._edges import CanvasEdges
from .annotate._flag_mark import FlagMark
from .annotate._hair_lines import HairLines
from .annotate._label_list import LabelList
from .annotate._masks import MaskSection
from .annotate._name_plates import NamePlates
from .annotate._object_menu import ObjectMenu, pointed_text
from .annotate._plane_marks import PlaneMarks
from .annotate._question_list import QuestionList
from .annotate._read_out import ReadOutLabel
from .annotate._scale_bar import ScaleBar
from .annotate._window import WindowControl
from .annotate._zoom_bar import ZoomBar
from .exchange._class_tree import NewClass
from .exchange._combine_panel import CombinePanel
from .exchange._export_choice import ExportChoice, ExportPreview, OptionField
from .exchange._export_panel import ExportPanel
from .exchange._import_panel import ImportChoice, ImportPanel
from .fill._choice import FillChoice, Where, outcome_text
from .fill._panel import FillPanel
from .jobs._log_in import LogInDialog
from .jobs._model import CaseQuery, CaseRows, row_key, split_row_key
from .jobs._my_jobs import MyJobsView
from .jobs._page import JobPageView
from .jobs._person import PersonButton
from .jobs._server_lines import ServerLine, ServerLines
from .jobs._tiles import StudyGrid
from .keys._digit_row import row_digit
from .keys._guest import KeyboardGuest
from .keys._held import HeldKeys
from .keys._help import HelpPanel
from .keys._key_map import KeyMap, label_keys
from .keys._keys import ACTIONS, OF_JOBS, STEPPING
from .keys._text_focus import text_has_focus
from .keys._user_action import When
from .numbers._panel import StatisticsPanel
from .owner._dropping import dropped_paths
from .owner._edit_job_dialog import EditJobDialog
from .owner._label_table import LabelTable
from .owner._new_job_dialog import NewJobChoice, NewJobDialog
from .owner._study_list import Study
from .parts._qt_events import event_as
from .parts._theme import Colors, paint_in
from .parts._veil import Veil
from .propagate._panel import PropagatePanel
from .review._panel import About, ReviewPanel, Writing
from .review._sides import ReviewSides
from .review._threads import ThreadList
from .strip._strip import SliceStrip

__all__ = [
    "ACTIONS",
    "OF_JOBS",
    "STEPPING",
    "About",
    "AnnotateDock",
    "AsideLine",
    "BoxSection",
    "BrushSection",
    "CanvasEdges",
    "CaseQuery",
    "CaseRows",
    "Colors",
    "CombinePanel",
    "DifferenceView",
    "EditJobDialog",
    "ExportChoice",
    "ExportPanel",
    "ExportPreview",
    "FillChoice",
    "FillPanel",
    "FlagMark",
    "HairLines",
    "HeldKeys",
    "HelpPanel",
    "ImportChoice",
    "ImportPanel",
    "JobPageView",
    "KeyMap",
    "KeyboardGuest",
    "LabelList",
    "LabelTable",
    "LogInDialog",
    "MaskSection",
    "MyJobsView",
    "NamePlates",
    "NewClass",
    "NewJobChoice",
    "NewJobDialog",
    "ObjectAtHand",
    "ObjectMenu",
    "OptionField",
    "PersonButton",
    "PlaneMarks",
    "PropagatePanel",
    "QuestionList",
    "ReadOutLabel",
    "ReviewPanel",
    "ReviewSides",
    "ScaleBar",
    "ServerLine",
    "ServerLines",
    "SliceStrip",
    "StatisticsPanel",
    "Study",
    "StudyGrid",
    "ThreadList",
    "Veil",
    "When",
    "Where",
    "WindowControl",
    "Writing",
    "ZoomBar",
    "dropped_paths",
    "event_as",
    "label_keys",
    "listed",
    "outcome_text",
    "paint_in",
    "pointed_text",
    "row_digit",
    "row_key",
    "split_row_key",
    "text_has_focus",
]
