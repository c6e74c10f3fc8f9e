"""Label layers of napari's as files that other programs read."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_annotate_jobs.errors import InvalidValueError, StoreAccessError
from napari_annotate_jobs.formats import write_label_layer

VOXELS = np.zeros((4, 6, 5), np.int32)
VOXELS[1, 2:4, 1:3] = 7
VOXELS[3, 0, 4] = 300

AFFINE = np.array(
    [[0, 0, 0.7, -50], [0, 0.8, 0, -60], [2.5, 0, 0, 10], [0, 0, 0, 1]], float
)
"""(slice, row, column, 1) to LPS."""


def as_ras(affine):
    """Return the NIfTI affine of one in our order."""
    return np.diag([-1.0, -1, 1, 1]) @ affine[:, [2, 1, 0, 3]]


@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
def test_nifti_keeps_values_and_place(tmp_path, ending):
    path = tmp_path / f"masks{ending}"
    meta = {"scale": (2.5, 0.8, 0.7), "metadata": {"affine_lps": AFFINE}}
    assert write_label_layer(path, VOXELS, meta) == [str(path)]
    image = nib.load(path)
    assert np.array_equal(np.asarray(image.dataobj), VOXELS.transpose(2, 1, 0))
    assert np.allclose(image.affine, as_ras(AFFINE))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_without_an_affine_the_scale_says_where_it_lies(tmp_path):
    meta = {"scale": (3, 2, 1.5), "translate": (30, 20, 10)}
    write_label_layer(tmp_path / "a.nii.gz", VOXELS, meta)
    image = nib.load(tmp_path / "a.nii.gz")
    assert np.allclose(image.header.get_zooms(), (1.5, 2, 3))
    lps = np.array([[1.5, 0, 0, 10], [0, 2, 0, 20], [0, 0, 3, 30], [0, 0, 0, 1]])
    assert np.allclose(image.affine, np.diag([-1, -1, 1, 1]) @ lps)


def test_a_segmentation_of_slicer_has_names_and_colours(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    colormap = DirectLabelColormap(
        color_dict={None: "black", 7: "#ff0000", 300: "#0000ff"}
    )
    layer = Labels(
        VOXELS,
        scale=(2.5, 0.8, 0.7),
        colormap=colormap,
        features={"index": [7, 300], "name": ["liver", "spleen"]},
    )
    path = tmp_path / "masks.seg.nrrd"
    write_label_layer(path, *layer.as_layer_data_tuple()[:2])
    data, header = nrrd.read(str(path))
    assert np.array_equal(data, VOXELS.transpose(2, 1, 0))
    assert (header["Segment0_Name"], header["Segment1_Name"]) == ("liver", "spleen")
    assert header["Segment0_Color"] == "1 0 0"
    assert header["Segment1_LabelValue"] == "300"


def test_napari_saves_with_it(tmp_path):
    from napari.plugins import _initialize_plugins

    _initialize_plugins()
    viewer = ViewerModel()
    viewer.add_labels(VOXELS, name="masks", scale=(2.5, 0.8, 0.7))
    for name in ("masks.nii.gz", "masks.seg.nrrd"):
        viewer.layers.save(str(tmp_path / name), plugin="napari-annotate-jobs")
    image = nib.load(tmp_path / "masks.nii.gz")
    assert np.array_equal(np.asarray(image.dataobj), VOXELS.transpose(2, 1, 0))
    assert (tmp_path / "masks.seg.nrrd").read_bytes().startswith(b"NRRD")


def test_a_plane_and_an_empty_layer(tmp_path):
    write_label_layer(tmp_path / "plane.nii.gz", VOXELS[1], {})
    assert nib.load(tmp_path / "plane.nii.gz").shape == (5, 6, 1)
    write_label_layer(tmp_path / "none.nii.gz", np.zeros((2, 3, 4), bool), {})
    assert not np.asarray(nib.load(tmp_path / "none.nii.gz").dataobj).any()


@pytest.mark.parametrize(
    ("name", "data", "meta", "said"),
    [
        ("a.png", VOXELS, {}, "ending"),
        ("a.nii.gz", VOXELS[None], {}, "4 axes"),
        ("a.nii.gz", -VOXELS, {}, "-300 to 0"),
        ("a.nii.gz", VOXELS * 1000, {}, "0 to 300000"),
        ("a.nii.gz", VOXELS, {"metadata": {"affine_lps": np.eye(3)}}, "affine"),
    ],
)
def test_what_cannot_be_held_is_refused(tmp_path, name, data, meta, said):
    with pytest.raises(InvalidValueError, match=said):
        write_label_layer(tmp_path / name, data, meta)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_stays_if_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(StoreAccessError, match="No space"):
        write_label_layer(path, VOXELS, {})
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.nii.gz"]
