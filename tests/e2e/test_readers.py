"""Which files and folders napari offers our reader for, beside other plugins'."""

from __future__ import annotations

import shutil

import imageio.v3 as imageio
import nibabel
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.errors import MultipleReaderError, ReaderPluginError
from napari.plugins import _npe2
from npe2 import DynamicPlugin, PluginManager
from qtpy.QtWidgets import QApplication, QFileDialog

# For each, npe2 looks through all that is installed, twice.
pytestmark = pytest.mark.slow

OURS = "napari-annotate-jobs"


@pytest.fixture
def manager():
    """Let napari's readers, ours and two other plugins' be found."""
    manager = PluginManager.instance()
    manager.discover()
    others = []
    for name, patterns in (("cells", ["*.czi", "*.lif"]), ("any", ["*.raw", "*"])):
        plugin = DynamicPlugin(f"other-{name}")
        plugin.register()
        others.append(plugin)

        @plugin.contribute.reader(filename_patterns=patterns)
        def get_reader(path, name=name):
            return lambda path: [(np.zeros((2, 3)), {"name": name}, "image")]

    yield others
    for plugin in others:
        plugin.cleanup()


@pytest.fixture
def alone(manager):
    """Leave napari's readers and ours only."""
    manager.pop().cleanup()
    return manager


@pytest.mark.parametrize(
    "name",
    ["a.tif", "a.TIF", "a.ome.tif", "a.png", "a.jpg", "a.csv", "a.czi", "a.npy",
     "a.zarr", "a.py", "a.txt", "a", "README", "LICENSE", "Makefile", "run-12",
     "image001", "a.dcm.txt", "a.h5", "1.2.tif", "1.2.840.1.2.3.tif", "v1.2.3"],
)  # fmt: skip
def test_other_files_are_not_claimed(manager, tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    assert OURS not in _npe2.get_readers(str(tmp_path / name))


@pytest.mark.parametrize("content", ["empty", "pictures", "dicom"])
def test_no_folder_is_claimed(manager, tmp_path, samples, content):
    folder = tmp_path / "folder"
    if content == "dicom":
        shutil.copytree(samples["mr-brain"], folder)
    else:
        folder.mkdir()
    assert OURS not in _npe2.get_readers(str(folder))


@pytest.mark.parametrize(
    "name",
    ["a.dcm", "A.DCM", "a.dicom", "a.IMA", "IM0001", "00000012", "I1000007", "7",
     "1.2.840.113619.2.55.3.12", "1.3.12.2.1107.5.1.4.22", "2.25.3348712", "a.nii",
     "a.nii.gz", "a.b.nii.gz", "a.nrrd", "a.nhdr", "a.mha", "a.mhd"],
)  # fmt: skip
def test_what_is_read_by_name_is_claimed(manager, tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    assert OURS in _npe2.get_readers(str(tmp_path / name))


def test_pictures_and_tables_open_as_without_the_plugin(alone, tmp_path):
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    imageio.imwrite(tmp_path / "cells.tif", picture)
    (tmp_path / "points.csv").write_text("index,axis-0,axis-1\n0,1,2\n1,3,4\n")
    (tmp_path / "folder").mkdir()
    imageio.imwrite(tmp_path / "folder" / "a.png", picture)
    viewer = ViewerModel()
    for name in ("cells.tif", "points.csv", "folder"):
        (layer,) = viewer.open(tmp_path / name, plugin=None)
        assert layer.source.reader_plugin == "napari"
    np.testing.assert_array_equal(viewer.layers[0].data, picture)


def test_dicom_without_an_ending_opens(alone, tmp_path, samples):
    first = sorted(samples["mr-brain"].iterdir())[0]
    for name in ("IM0001", "1.2.840.113619.2.55.3.12"):
        shutil.copy(first, tmp_path / name)
        (layer,) = ViewerModel().open(tmp_path / name, plugin=None)
        assert layer.source.reader_plugin == OURS
        assert layer.data.shape[0] == 1
    (tmp_path / "IM0002").write_bytes(b"not an image" * 20)
    with pytest.raises(ReaderPluginError):
        ViewerModel().open(tmp_path / "IM0002", plugin=None)


def test_where_napari_reads_the_name_too_one_chooses(alone, tmp_path):
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 3, 2), np.int16), np.eye(4)), path)
    with pytest.raises(MultipleReaderError):
        ViewerModel().open(path, plugin=None)
    (layer,) = ViewerModel().open(path, plugin=OURS)
    assert layer.data.shape == (2, 3, 4)


def test_a_folder_opens_from_the_menu(make_napari_viewer, samples, qtbot):
    from napari_annotate_jobs._manifest import open_images

    viewer = make_napari_viewer(show=True)
    entries = [
        action.text()
        for menu in viewer.window.file_menu.actions()
        if menu.menu() is not None
        for action in menu.menu().actions()
    ]
    assert any(text.startswith("Open Folder of DICOM or NIfTI") for text in entries)
    open_images()
    (dialog,) = (w for w in QApplication.allWidgets() if isinstance(w, QFileDialog))
    dialog.fileSelected.emit(str(samples["mr-brain"]))
    dialog.close()
    assert [layer.data.shape[0] for layer in viewer.layers] == [20]


def test_a_folder_without_images_is_told(tmp_path, monkeypatch):
    from napari_annotate_jobs.app import _docks

    told = []
    monkeypatch.setattr(_docks, "tell_error", told.append)
    _docks.add_images(ViewerModel(), str(tmp_path))
    _docks.add_images(ViewerModel(), str(tmp_path / "missing"))
    empty, missing = map(str, told)
    assert "no image" in empty
    assert "not there" in missing
