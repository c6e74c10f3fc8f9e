"""Nothing that is written carries anything of a patient."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from napari_annotate_jobs.cli import main
from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.session import AnnotationSession, Recovery, SaveKind
from napari_annotate_jobs.stores import FolderStore, create_job

pytestmark = pytest.mark.slow  # each takes a job from its start to all its exports

TEXTS = """
PatientName PatientID OtherPatientNames PatientBirthName PatientMotherBirthName
PatientAddress PatientTelephoneNumbers PatientComments AdditionalPatientHistory
EthnicGroup Occupation MedicalRecordLocator MilitaryRank BranchOfService
CountryOfResidence RegionOfResidence PatientReligiousPreference
ReferringPhysicianName ReferringPhysicianAddress PhysiciansOfRecord
PerformingPhysicianName NameOfPhysiciansReadingStudy OperatorsName
RequestingPhysician ScheduledPerformingPhysicianName InstitutionName
InstitutionAddress InstitutionalDepartmentName StationName AccessionNumber StudyID
StudyDescription SeriesDescription ProtocolName ImageComments FrameComments
AcquisitionComments DerivationDescription RequestedProcedureDescription
RequestedProcedureComments PerformedProcedureStepDescription AdmissionID
AdmittingDiagnosesDescription IssuerOfPatientID ResponsiblePerson
DeviceSerialNumber ContrastBolusAgent StudyComments VisitComments
CurrentPatientLocation TextComments WindowCenterWidthExplanation StackID
AcquisitionDeviceProcessingDescription
""".split()


@pytest.fixture
def planted(tmp_path, samples):
    """Make a study of a patient; return its folder and what is planted in it."""
    values = []

    def plant(prefix="ZQ"):
        values.append(f"{prefix}{len(values):03d}X")
        return values[-1]

    patient = tmp_path / "images" / plant()
    study = patient / plant()
    study.mkdir(parents=True)
    chosen = {name: plant() for name in TEXTS}
    private, nested, image_type = plant(), plant(), plant()
    for source in sorted(samples["ct-lung-nodule"].iterdir()):
        dataset = dcmread(source)
        dataset.WindowCenter, dataset.WindowWidth = 40, 400
        for name, value in chosen.items():
            setattr(dataset, name, value)
        dataset.PatientBirthDate = "19010203"
        block = dataset.private_block(0x0011, "SOMEBODY", create=True)
        block.add_new(0x01, "LO", private)
        item = Dataset()
        item.PatientName = nested
        dataset.OtherPatientIDsSequence = Sequence([item])
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", image_type]
        dataset.save_as(study / f"{plant()}.dcm")
    # one image twice: the reader says so
    first = sorted(study.iterdir())[0]
    (study / f"{plant()}.dcm").write_bytes(first.read_bytes())
    assert len(values) > 60
    return tmp_path / "images", [*values, "19010203"]


def written(folder, *, skip=()):
    for path in folder.rglob("*"):
        if path.is_file() and not any(part in skip for part in path.parts):
            yield path, path.read_bytes()


def leaks(folder, values, *, skip=()):
    return {
        f"{value} in {path.relative_to(folder)}"
        for path, data in written(folder, skip=skip)
        for value in values
        if value.lower().encode() in data.lower()
        or value.lower() in str(path.relative_to(folder)).lower()
    }


def worked_through(job):
    """Annotate a case as a person does, twice; return what was said meanwhile."""
    said = []
    for _ in range(2):
        session = AnnotationSession(FolderStore(job, "ana"), _job_id(job))
        session.open_next = False
        session.told.connect(said.append)
        session.failed.connect(lambda error: said.append(str(error)))
        (row,) = session.store.cases(_job_id(job)).rows
        session.open_case(row.case.id)
        if session.locked:
            session.close()
            break
        mask = np.ones(session.case.series.header.shape[1:3], np.uint16)
        session.editor.set_masks({(0, ""): mask})
        session.editor.add_comment("A remark", 0)
        session.submit()
        session.close()
    return said


def _job_id(job):
    return json.loads((job / "job.json").read_text("utf-8"))["job"]["id"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give the user's own folders a place of their own."""
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "home" / name.lower()))
    return tmp_path / "home"


def make(job, images, *options):
    arguments = ["new", str(job), "--images", str(images), "--labels"]
    return main([*arguments, "segmentation:lesion", *options])


def test_nothing_of_a_patient_is_written(tmp_path, planted, home):
    images, values = planted
    job = tmp_path / "job"
    assert make(job, images, "--anonymous", "--case-per", "folder") == 0
    worked_through(job)
    # The one place that names folders says where the images are.
    document = json.loads((job / "job.json").read_text("utf-8"))
    for case in document["cases"]:
        for series in case["series"]:
            assert not os.path.isabs(series.pop("path"))
    text = json.dumps(document)
    assert not [value for value in values if value in text]
    assert leaks(job, values, skip=("job.json",)) == set()
    assert leaks(home, values) == set()
    assert (job / "headers").is_dir() and (job / "events.jsonl").exists()
    assert b"twice" in b"".join(data for _, data in written(job / "cases"))


def test_pictures_hold_nothing_but_pixels(tmp_path, planted, home):
    images, _ = planted
    job = tmp_path / "job"
    make(job, images, "--anonymous", "--case-per", "folder")
    worked_through(job)
    masks = [data for path, data in written(job) if path.suffix == ".png"]
    assert masks
    for data in masks:
        kinds, place = [], 8
        while place < len(data):
            length = int.from_bytes(data[place : place + 4], "big")
            kinds.append(data[place + 4 : place + 8])
            place += length + 12
        assert kinds == [b"IHDR", b"IDAT", b"IEND"]


def test_header_notes_hold_no_names(tmp_path, planted, home):
    images, _ = planted
    job = tmp_path / "job"
    make(job, images, "--anonymous", "--case-per", "folder")
    worked_through(job)
    (note,) = (job / "headers").iterdir()
    text = note.read_text("utf-8")
    assert str(tmp_path) not in text and ".dcm" not in text


def test_what_was_left_out_of_a_note_is_there_when_the_case_is_opened_again(
    tmp_path, planted, home
):
    images, values = planted
    job = tmp_path / "job"
    make(job, images, "--anonymous", "--case-per", "folder")
    headers = []
    for _ in range(2):
        store = FolderStore(job, "ana")
        headers.append(store.open_series(_job_id(job), "Case 1").header)
        store.close()
    assert headers[0] == headers[1]
    assert headers[1].description in values
    assert headers[1].windows[0].explanation in values


def test_descriptions_are_kept_only_when_asked_for(tmp_path, planted, home):
    images, _ = planted
    make(tmp_path / "a", images)
    make(tmp_path / "b", images, "--descriptions")
    descriptions = [
        json.loads((tmp_path / job / "job.json").read_text("utf-8"))["cases"][0][
            "series"
        ][0].get("description", "")
        for job in "ab"
    ]
    assert descriptions[0] == "" and descriptions[1].startswith("ZQ")


def test_cases_are_named_by_a_file(tmp_path, planted, home, capsys):
    images, _ = planted
    names = tmp_path / "names.txt"
    names.write_text("Müller was here no more\n\n", "utf-8")
    assert make(tmp_path / "a", images, "--case-names", str(names)) == 0
    (case,) = json.loads((tmp_path / "a" / "job.json").read_text("utf-8"))["cases"]
    assert case["name"] == case["id"] == "Müller was here no more"
    names.write_text("One\nTwo\n", "utf-8")
    assert make(tmp_path / "b", images, "--case-names", str(names)) == 2
    assert "2 names for 1 case" in capsys.readouterr().err
    assert not (tmp_path / "b" / "job.json").exists()


def test_names_that_are_too_alike_are_refused():
    from napari_annotate_jobs.model import Case, SeriesRef
    from napari_annotate_jobs.owning import FoundCases, name_cases

    cases = [Case(id=i, name=i, series=(SeriesRef(path=i),)) for i in "ab"]
    found = FoundCases(cases, {"b": ("w",)})
    with pytest.raises(InvalidValueError, match="twice"):
        name_cases(found, ["Same", "same"])
    name_cases(found, None)
    assert [case.id for case in found.cases] == ["Case 1", "Case 2"]
    assert found.warnings == {"Case 2": ("w",)}


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="UTF-8 there")
def test_a_path_that_is_no_utf_8_is_worked_in(tmp_path, samples, home):
    """Old shares have such names."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller"))
    folder.mkdir()
    shutil.copytree(samples["ct-lung-nodule"], folder / "job" / "images")
    label = Label(id=1, name="A", color="#112233", method=Method.SEGMENTATION)
    project = Project(
        name="p", methods=(Method.SEGMENTATION,), label_set=LabelSet(labels=(label,))
    )
    case = Case(id="c", name="c", series=(SeriesRef(path="images"),))
    create_job(folder / "job", Job(id="j", project=project), [case]).close()
    recovery = Recovery(tmp_path / "unsaved")
    store = FolderStore(folder / "job", "ana")
    session = AnnotationSession(store, "j", recovery=recovery)
    session.open_case("c")
    shape = session.case.series.header.shape[1:3]
    assert session.editor.set_masks({(0, ""): np.ones(shape, np.uint16)})
    assert session.saving.state.kind is SaveKind.SAVED
    session.close()


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("dicom-seg", ()),
        ("rtstruct", ()),
        ("dicom-sr", ("--convert", "labels-to-boxes")),
    ],
    ids=["seg", "rtstruct", "sr"],
)
def test_dicom_files_carry_the_patient_only_where_that_is_meant(
    tmp_path, planted, home, capsys, name, more
):
    """Archives ask for the patient's tags; a job with anonymous cases has none."""
    images, values = planted
    job = tmp_path / "job"
    make(job, images, "--anonymous", "--case-per", "folder")
    worked_through(job)

    def exported(to, *options):
        arguments = ["export", str(job), "--format", name, "--workers", "1", *more]
        assert main([*arguments, "--preview", *options]) == 0
        told = capsys.readouterr().out
        assert main([*arguments, "--out", str(tmp_path / to), *options]) == 0
        (path,) = (tmp_path / to).glob("*.dcm")
        return (
            told,
            dcmread(path),
            json.loads((tmp_path / to / "export.json").read_text()),
        )

    told, dataset, manifest = exported("anonymous")
    assert leaks(tmp_path / "anonymous", values) == set()
    assert (dataset.PatientID, str(dataset.PatientName)) == ("Case 1", "Case 1")
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.DeidentificationMethod
    source = dcmread(next(images.rglob("*.dcm")))
    assert dataset.StudyInstanceUID == source.StudyInstanceUID
    assert "replaced by the name of the case" in told
    assert manifest["options"]["patient"] == "case"

    told, dataset, manifest = exported("named", "--set", "patient=images")
    assert (dataset.PatientID, dataset.PatientName) == (
        source.PatientID,
        source.PatientName,
    )
    assert dataset.StudyID == source.StudyID
    assert dataset.get("DeidentificationMethod") == source.get("DeidentificationMethod")
    assert "carry the patient's name" in told
    assert manifest["options"]["patient"] == "images"
    others = [p for p in (tmp_path / "named").rglob("*") if p.suffix != ".dcm"]
    assert not any(v.encode() in p.read_bytes() for v in values for p in others)


def test_anonymous_is_asked_for(tmp_path, planted, home):
    """Whatever cases are called; and no format is refused for it."""
    images, values = planted
    job = tmp_path / "job"
    names = tmp_path / "names.txt"
    names.write_text("Study of Tuesday\\^=A\n")
    make(job, images, "--case-names", str(names), "--case-per", "folder")
    worked_through(job)
    out = tmp_path / "seg"
    arguments = ["export", str(job), "--workers", "1", "--anonymous"]
    assert main([*arguments, "--format", "dicom-seg", "--out", str(out)]) == 0
    (path,) = out.glob("*.dcm")
    assert str(dcmread(path).PatientName) == "Study of Tuesday A"
    assert leaks(out, values) == set()
    for name in ("nifti", "csv", "nnunet", "coco"):
        out = tmp_path / name
        assert main([*arguments, "--format", name, "--out", str(out)]) == 0
        assert leaks(out, values) == set()
