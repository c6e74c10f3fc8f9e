"""The command line as a user types it, and images to try it on."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from napari_annotate_jobs import cli
from napari_annotate_jobs.app import _places as recent


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    path = tmp_path / "config"
    monkeypatch.setattr(recent, "user_config_path", lambda *a, **k: path)
    return path


@pytest.fixture
def run(capsys):
    """Run the command line; return exit code, stdout and stderr."""

    def run(*arguments):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as error:
            code = error.code
        found = capsys.readouterr()
        assert "Traceback" not in found.err
        return code, found.out, found.err

    return run


@pytest.fixture
def images(tmp_path):
    """Make three pictures in a folder."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in (1, 2, 10):
        pixels = np.full((8, 9), number, np.uint8)
        Image.fromarray(pixels).save(folder / f"x{number}.png")
    return folder


@pytest.fixture
def job(run, images, tmp_path):
    path = tmp_path / "job"
    code, _, err = run(
        "new", path, "--images", images, "--labels", "classification:a", "b=#112233",
        "--method", "classification",
    )  # fmt: skip
    assert code == 0, err
    return path


@pytest.fixture
def write_ct():
    """Return a function that writes slices of a CT into a folder."""

    def write(folder, count=3, *, size=6, uid="1.2.3.4", name="{:02d}.dcm"):
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for number in range(count):
            ds = Dataset()
            ds.file_meta = FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            ds.SOPClassUID = CTImageStorage
            ds.SOPInstanceUID = generate_uid()
            ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
            ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
            ds.Modality, ds.SeriesInstanceUID = "CT", uid
            ds.InstanceNumber = number + 1
            ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            ds.ImagePositionPatient = [0, 0, number]
            ds.PixelSpacing = [1, 1]
            ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
            ds.Rows = ds.Columns = size
            ds.BitsAllocated = ds.BitsStored = 16
            ds.HighBit, ds.PixelRepresentation = 15, 1
            ds.PixelData = np.full((size, size), number, np.int16).tobytes()
            ds["PixelData"].VR = "OW"
            paths.append(folder / name.format(number))
            ds.save_as(paths[-1], enforce_file_format=True)
        return paths

    return write
