"""Steps through slices with three planes, and with napari-orthogonal-views.

Ours has all docks open. The peer is bare napari with the same layers and the plugin
napari-orthogonal-views (``pip install napari-orthogonal-views``), its views shown. A
step is a move of the slider, every canvas being painted.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import napari
from _bench import compare
from qtpy.QtWidgets import QApplication
from step_slices import STEPS, at_work, steps


def main() -> None:
    try:
        from napari_orthogonal_views.ortho_view_manager import show_orthogonal_views
    except ImportError:
        print("This needs the peer: pip install napari-orthogonal-views")
        return
    with tempfile.TemporaryDirectory() as folder:
        driver = at_work(Path(folder))
        viewer = driver.viewer
        layers = [
            layer.as_layer_data_tuple()
            for layer in viewer.layers
            if type(layer).__name__ != "Shapes"  # boxes are in our main canvas alone
        ]
        driver.press_action("three_planes")
        driver.settle()
        bare = napari.Viewer()
        bare.window.resize(1280, 800)
        for data, kwargs, kind in layers:
            bare._add_layer_from_data(data, kwargs, kind)
        bare.dims.set_current_step(0, 5)
        show_orthogonal_views(bare)
        QApplication.processEvents()
        compare(
            "step through slices with three planes",
            lambda: steps(viewer),
            lambda: steps(bare),
            repeats=5,
            goal=1.3,
            steps=2 * STEPS,
            slices=int(layers[0][0].shape[0]),
        )
        driver.station.close()
        viewer.close()
        bare.close()


if __name__ == "__main__":
    main()
