"""The people of the walk with a job server: each is a process, told when to go on.

A person prints what they have done, after ``MARK``, and goes on at the next line that
comes in.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.session import SaveKind

from ._proof import faults_of
from ._walk import NODULE, TUMOUR, DemoError, Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.app._docks import MyJobs

__all__ = ["CASES", "MARK", "PASSWORDS", "Annotator"]

MARK = "@ "
"""Begins a line that is for who directs the walk, not for who looks on."""
PASSWORDS = {name: f"{name}-at-demo" for name in ("ana", "ben", "eve")}
CASES = ("ct-lung", "ct-lung-nodule")
COMMENT = "The tumour reaches one slice further"
LABELS = ("segmentation:Tumour", "classification:Motion artefact")
_LONG = 900.0


class Cues:
    """What the person is told, line by line."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, name="cues", daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self._lines.put(line.strip())
        self._lines.put("")  # who directs is gone

    def tell(self, word: str) -> None:
        """Say how far one is."""
        print(f"{MARK}{word}", flush=True)

    def waits_for(self, word: str) -> bool:
        """Return True once a word has come; without waiting."""
        try:
            found = self._lines.get_nowait()
        except queue.Empty:
            return False
        return self._is(found, word)

    def wait_for(self, word: str) -> None:
        """Wait for a word; who directs says it, or is gone."""
        self._is(self._lines.get(), word)

    @staticmethod
    def _is(found: str, word: str) -> bool:
        if found != word:
            raise DemoError(f"told {found!r} instead of {word!r}")
        return True


class Annotator(Walk):
    """An annotator in a window of their own, on a computer of their own.

    Parameters
    ----------
    my_jobs : MyJobs
        Docked in a viewer that is shown.
    pictures : Path
        Folder for the pictures.
    cues : Cues
        When to go on.
    person : str
        Who.
    """

    def __init__(
        self, my_jobs: MyJobs, pictures: Path, cues: Cues, person: str
    ) -> None:
        super().__init__(my_jobs, pictures)
        self._cues, self._person = cues, person

    def go(self, server: str) -> None:
        """Do everything but what follows once a case was returned."""
        self.log_in(server)
        (self.job_id,) = (each.job.id for each in self.driver.station.summaries)
        self.driver.open_job(self.job_id)
        self.show("job-page", f"{self._person} opens the job")
        self.driver.annotate()
        self.driver.press_action("preset_7")
        self.annotate_while_cut()
        self.must(
            self.driver.session.case.row.case.id == CASES[1],
            "the next case did not open",
        )
        self.paint("Tumour", NODULE)
        self.mark_rest()
        self.submit("Mark them Nothing to Label and submit")
        self.show("submitted", f"{self._person} has submitted both cases")

    def log_in(self, server: str) -> None:
        """Add the server in My Jobs, with name and password."""
        driver = self.driver
        buttons = driver.buttons("Add a server")
        driver.click(buttons[0])
        driver.wait(lambda: driver.dialog("log_in") is not None)
        dialog: Any = driver.dialog("log_in")
        driver.fill(dialog.server, server)
        driver.fill(dialog.person, self._person)
        driver.fill(dialog.secret, PASSWORDS[self._person])
        self.show_question("log-in", f"{self._person} adds the server")
        driver.click(dialog.button)
        driver.wait(lambda: bool(driver.station.summaries), _LONG)
        driver.activate()
        self.show("my-jobs", f"Jobs of the server are in {self._person}'s list")

    def annotate_while_cut(self) -> None:
        """Paint; the network is cut in the middle of it, and comes back."""
        driver, places = self.driver, list(TUMOUR.items())
        self.paint("Tumour", dict(places[:2]))
        self._cues.tell("half")
        driver.wait(lambda: self._cues.waits_for("go on"), _LONG)
        # The line goes in the middle of a request of one of the two.
        self.paint("Tumour", dict(places[2:3]))
        driver.wait(lambda: self._cues.waits_for("cut"), _LONG)
        self.paint("Tumour", dict(places[3:]))
        driver.go_to(12)
        self.label("Motion artefact")
        state = driver.session.saving
        driver.wait(lambda: state.state.kind is SaveKind.OFFLINE, _LONG)
        self.must(state.state.kept, "what is not saved is kept nowhere")
        driver.go_to(places[1][0])
        cut = f"The network is cut: {state.state.text}"
        self.show("offline", cut, settled=False)
        self._cues.tell("offline")
        driver.wait(lambda: self._cues.waits_for("mended"), _LONG)
        driver.wait(lambda: state.state.kind is SaveKind.SAVED, _LONG)
        self.must(not state.state.pending, "not all was saved")
        self.show("online", "It is there again, and all is saved by itself")
        driver.select(0, 5)
        driver.press_action("nothing_to_label")
        for index in range(6):
            self.record.on(index).nothing = True
        self.mark_rest()
        self.submit("Mark them Nothing to Label and submit")

    def rework(self) -> None:
        """Change what came back, and submit it again."""
        driver = self.driver
        self.back_to_jobs()
        driver.open_job(self.job_id)
        self.show("returned", "A case was returned: it comes first")
        driver.annotate()
        self.must(driver.session.slice == 10, "it did not open at the comment")
        self.show("comment", "It opens at the slice that the comment is on")
        self.paint("Tumour", {10: (183, 176, 12)})
        self.record.on(10).nothing = False
        driver.press_action("resolve_thread")
        driver.settle()
        self.submit()
        self.show("resubmitted", "Changed, resolved and submitted again")


def annotate(cues: Cues, person: str, server: str, folder: Path) -> int:
    """Be an annotator, in a napari window."""
    import napari

    from napari_annotate_jobs.app._docks import show_my_jobs

    pictures = folder / "pictures" / person
    pictures.mkdir(parents=True)
    viewer = napari.Viewer(title="napari · Annotate Jobs")
    viewer.window.resize(1280, 800)
    walk = Annotator(show_my_jobs(viewer), pictures, cues, person)
    driver = walk.driver
    try:
        driver.activate()
        walk.go(server)
        cues.tell("submitted")
        if person == "ana":
            driver.wait(lambda: cues.waits_for("returned"), _LONG)
            walk.rework()
            cues.tell("resubmitted")
        driver.wait(lambda: cues.waits_for("prove"), _LONG)
    except (DemoError, LookupError, AssertionError, TimeoutError) as error:
        driver.screenshot_now(pictures / "failed.png")
        print(f"The walk ended early: {error}", file=sys.stderr)
        return 1
    finally:
        driver.station.close()
        viewer.close()
    return prove(folder / "pulled", walk)


def prove(job: Path, walk: Annotator) -> int:
    """Compare what came out with what was done; print what does not agree."""
    faults, strokes = [], 0
    for (_, case), record in walk.records.items():
        faults += faults_of(job, case, record, person=walk._person)
        strokes += sum(len(each.strokes) for each in record.slices.values())
    for fault in faults:
        print(fault, file=sys.stderr)
    cases = len(walk.records)
    told = f"{len(faults)} faults" if faults else "all as they were drawn"
    print(f"{walk._person}: {strokes} strokes in {cases} cases read back: {told}")
    return 1 if faults or cases != len(CASES) or not strokes else 0


# ------------------------------------------------------------- owner and reviewer
def _does(*arguments: object) -> None:
    """Do something on the command line."""
    words = [str(each) for each in arguments]
    print("  $ napari-annotate-jobs " + " ".join(words), flush=True)
    command = [sys.executable, "-m", "napari_annotate_jobs.cli", *words]
    if code := subprocess.run(
        command, stdin=subprocess.DEVNULL, check=False
    ).returncode:
        raise DemoError(f"{words[0]} ended with {code}")


def own(cues: Cues, server: str, folder: Path) -> int:
    """Be the owner: make the job and its people, and see what came of it."""
    from napari_annotate_jobs.samples import sample_paths
    from napari_annotate_jobs.stores.http import HttpStore, keep_token

    cues.wait_for("begin")
    token = (folder / "token").read_text().strip()
    paths = sample_paths()
    images = [paths[case] for case in CASES]
    with HttpStore(server, token=token) as store:
        me = store.person
        keep_token(server, me, token)
        for name, password in PASSWORDS.items():
            form = {"name": name, "password": password}
            store.wire.request("POST", "/people", body=form)
    people = ["--annotators", "ana", "ben", "--reviewers", "eve", "--owners", me]
    labels = ["--labels", *LABELS]
    named = ["--name", "Lung tumours"]
    _does("new", folder / "lung", "--images", *images, *labels, *named, *people)
    _does("push", folder / "lung", server)
    cues.tell("made")
    cues.wait_for("look")
    with HttpStore(server, token=token) as store:
        (job,) = (each.job.id for each in store.jobs())
        counts = store.review_counts(job)
        if (counts.passed, counts.total) != (4, 4):
            raise DemoError(f"not all has passed: {counts}")
    _does("list", server)
    _does("pull", f"{server}/jobs/{job}", folder / "pulled")
    _does("check", folder / "pulled")
    cues.tell("pulled")
    cues.wait_for("prove")
    return 0


def review(cues: Cues, server: str) -> int:
    """Be the reviewer: return a case, pass the others, and that one too."""
    from napari_annotate_jobs.stores.http import HttpStore, keep_token, log_in

    cues.wait_for("review")
    token = log_in(server, "eve", PASSWORDS["eve"])
    with HttpStore(server, token=token) as store:
        keep_token(server, store.person, token)
        (job,) = (each.job.id for each in store.jobs())
    at = f"{server}/jobs/{job}"
    _does("review", at, "--waiting")
    where = ["--comment", COMMENT, "--slice", 11]
    _does("return", at, CASES[0], "--of", "ana", *where)
    _does("pass", at, "--all", "--yes")
    cues.tell("returned")
    cues.wait_for("review")
    _does("pass", at, CASES[0], "--of", "ana")
    cues.tell("passed")
    cues.wait_for("prove")
    return 0


def main(arguments: Sequence[str]) -> int:
    """Be one of them.

    Parameters
    ----------
    arguments : sequence of str
        Who, the address of the server, and the folder of the walk.

    Returns
    -------
    int
        The exit code.
    """
    person, server, folder = arguments
    cues = Cues()
    try:
        if person == "owner":
            return own(cues, server, Path(folder))
        if person == "eve":
            return review(cues, server)
        return annotate(cues, person, server, Path(folder))
    except DemoError as error:
        print(f"The walk ended early: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
