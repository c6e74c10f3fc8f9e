"""The owner's page in a real browser: it fits, and what is pressed is done."""

from __future__ import annotations

import json
import re
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_annotate_jobs.model import Comment, Verb
from napari_annotate_jobs.server._exports import do_exports
from napari_annotate_jobs.testing._backends import Unavailable
from napari_annotate_jobs.testing._browser import chromium

JOB = "job"
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}


@pytest.fixture(scope="module")
def browser():
    try:
        opened = chromium()
        browser = opened.__enter__()
    except Unavailable as error:
        pytest.skip(str(error))
    yield browser
    opened.__exit__(None, None, None)


@pytest.fixture
def site(make_bench, kit, servers):
    """Return a server behind a socket, with a project that people have worked on."""
    bench = make_bench(assignment="assigned")
    images = bench.service.settings.home / "images" / "images"
    rows, columns = np.indices((16, 16))
    ball = (200 * np.exp(-((rows - 8) ** 2 + (columns - 8) ** 2) / 30)).astype("u1")
    for n in range(3):  # of the fourth case there are none
        (images / str(n)).mkdir(parents=True)
        stack = np.stack([ball // (n + 1)] * 4)
        tifffile.imwrite(images / str(n) / "x.tif", stack, photometric="minisblack")
    with bench.client("olga") as olga:
        olga.post("/jobs/job/assign", json={"people": ["ana", "ben"]})
    for name, case in (("ana", "case-0"), ("ben", "case-1"), ("ana", "case-2")):
        store = bench.store(name)
        change, digest, data = kit.painted(2)
        store.save(JOB, case, change, {digest: data}, base=0)
        store.save(JOB, case, kit.labelled(1, 1), {}, base=1)
        if case != "case-2":
            store.submit(JOB, case, base=2)
    eve = bench.store("eve")
    eve.judge(JOB, "case-0", Verb.PASS, person="ana", comments=())
    said = [Comment(person="eve", text="look again")]
    eve.judge(JOB, "case-1", Verb.RETURN, person="ben", comments=said)
    bench.address = servers.address
    return bench


class Page:
    """A tab, logged in as an owner; keeps what goes wrong and what is asked for."""

    def __init__(self, browser, bench, *, size="wide", scheme="light"):
        width, height = SIZES[size]
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        self.bench, self.tab = bench, self.context.new_page()
        self.tab.set_default_timeout(20_000)
        self.asked, self.wrong = [], []
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("console", self._said)
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))

    def _said(self, message):
        # A case without images: the page has words in its place.
        if message.type in {"error", "warning"} and "404" not in message.text:
            self.wrong.append(message.text)

    def log_in(self):
        self.tab.goto(f"{self.bench.address}/jobs/job")
        self.tab.get_by_text("With a token instead").click()
        self.tab.get_by_label("Token").fill(self.bench.token("olga"))
        self.tab.get_by_role("button", name="Log in").click()
        self.tab.get_by_role("heading", name="Livers").wait_for()

    def close(self):
        hosts = {re.match(r"\w+://[^/]*", url)[0] for url in self.asked}
        assert hosts == {self.bench.address}
        assert self.wrong == []
        self.context.close()


@pytest.fixture
def visit(browser, site):
    opened = []

    def visit(**options):
        page = Page(browser, site, **options)
        opened.append(page)
        page.log_in()
        return page

    yield visit
    for page in opened:
        page.close()


def overflow(tab):
    """Return what is wider than the window, or is cut off."""
    return tab.evaluate(
        """() => {
        const wide = document.documentElement.clientWidth;
        const found = [];
        if (document.documentElement.scrollWidth > wide) found.push("the page");
        for (const each of document.querySelectorAll("main *, header *")) {
            const box = each.getBoundingClientRect();
            if (each.closest("svg") && each.tagName !== "svg") continue;
            if (box.width && (box.right > wide + 1 || box.left < -1))
                found.push(each.tagName + " " + each.textContent.slice(0, 40));
        }
        return found;
    }"""
    )


def contrast(tab):
    """Return texts that stand out too little, by WCAG 2.1's formula (4.5 to 1)."""
    return tab.evaluate(
        r"""() => {
        const numbers = (text) => text.match(/[\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b]
            .map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (each) => {
            for (let at = each; at; at = at.parentElement) {
                const back = numbers(getComputedStyle(at).backgroundColor);
                if (back.length < 4 || back[3] > 0) return back;
            }
            return [255, 255, 255];
        };
        const found = [];
        for (const each of document.querySelectorAll("main *, header *")) {
            const own = [...each.childNodes].some(
                (n) => n.nodeType === 3 && n.textContent.trim());
            if (!own || !each.offsetParent || each.closest(".away")) continue;
            if (each.closest("button:disabled")) continue;
            const a = light(numbers(getComputedStyle(each).color)) + 0.05;
            const b = light(behind(each)) + 0.05;
            const ratio = Math.max(a, b) / Math.min(a, b);
            if (ratio < 4.5) found.push(`${each.textContent.trim()}: ${ratio}`);
        }
        return found;
    }"""
    )


def torn(tab):
    """Return words that go on in the next line, and boxes away from their words."""
    return tab.evaluate(
        r"""() => {
        const found = [];
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        for (let node; (node = walk.nextNode());) {
            const parent = node.parentElement;
            if (!parent.checkVisibility() || parent.closest("svg, option")) continue;
            for (const word of node.data.matchAll(/[^\s-]+/g)) {
                if (word[0].length > 12) continue;
                const range = document.createRange();
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                const tops = [...range.getClientRects()].map((box) => box.top);
                if (new Set(tops).size > 1) found.push(word[0]);
            }
        }
        for (const box of document.querySelectorAll("label > input[type=checkbox]")) {
            if (!box.checkVisibility()) continue;
            const range = document.createRange();
            range.selectNodeContents(box.parentElement);
            range.setStartAfter(box);
            const [words, mark] = [range, box].map((x) => x.getClientRects()[0]);
            if (words.top > mark.bottom) found.push(box.parentElement.textContent);
        }
        return found;
    }"""
    )


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_all_fits_and_can_be_read(visit, tmp_path, size, scheme):
    page = visit(size=size, scheme=scheme)
    tab = page.tab
    for name, path in (
        ("project", "/jobs/job"),
        ("cases", "/jobs/job/cases"),
        ("docs", "/api/v1/docs"),
    ):
        tab.goto(page.bench.address + path)
        tab.wait_for_load_state("networkidle")
        assert overflow(tab) == []
        assert torn(tab) == []
        assert contrast(tab) == []
        shot = tmp_path / f"{name}.png"
        tab.screenshot(path=shot, full_page=True)
        picture = np.asarray(Image.open(shot).convert("L"))
        assert picture.shape[1] == SIZES[size][0]
        # It is drawn, in the brightness that was asked for.
        assert (np.median(picture) > 128) is np.bool_(scheme == "light")
        assert np.ptp(picture) > 150
    tab.goto(page.bench.address + "/jobs/job")
    tab.get_by_text("Suspend…").first.click()
    assert overflow(tab) == []
    assert torn(tab) == []


@pytest.mark.slow
def test_what_is_pressed_is_done(visit):
    page = visit()
    tab, bench = page.tab, page.bench

    def tasks():
        with bench.client("olga") as olga:
            return [
                (t["case"], t["person"]) for t in olga.get("/jobs/job/tasks").json()
            ]

    tab.get_by_role("navigation").get_by_role("link", name="Cases").click()
    assert tab.locator("li.case").count() == 4
    tab.wait_for_load_state("networkidle")
    drawn = tab.evaluate(
        "() => [...document.images].map((i) => i.naturalWidth > 0 && i.offsetWidth > 0)"
    )
    assert drawn == [True, True, True, False]
    assert tab.get_by_text("no picture").locator("visible=true").count() == 1
    assign = tab.get_by_role("button", name="Assign")
    assert assign.is_disabled()
    tab.get_by_label("Case 3").check()
    tab.get_by_label("ana", exact=True).check()
    assert assign.inner_text() == "Assign 1 case"
    assign.click()
    tab.get_by_text("1 case given to whom you chose.").wait_for()
    assert ("case-3", "ana") in tasks()
    assert ("case-3", "ben") not in tasks()
    tab.get_by_role("link", name="Progress").click()
    row = tab.get_by_role("row", name="ana annotator")
    row.get_by_text("Suspend…").click()
    row.get_by_label("ben").check()
    row.get_by_role("button", name="Suspend").click()
    tab.get_by_text("Suspended; 2 cases handed on.").wait_for()
    assert ("case-3", "ben") in tasks()
    tab.get_by_role("button", name="Let in again").click()
    tab.get_by_text("They are in again.").wait_for()
    with tab.expect_download() as download:
        tab.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "Livers people.csv"
    tab.get_by_role("button", name="Log out").click()
    tab.get_by_role("heading", name="Log in").wait_for()
    tab.goto(f"{bench.address}/jobs/job")
    assert tab.url.startswith(f"{bench.address}/log-in")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_an_export_is_asked_for_made_and_fetched(visit, tmp_path, size, scheme):
    page = visit(size=size, scheme=scheme)
    tab, service = page.tab, page.bench.service
    table = tab.locator("#exports table")

    def export(form, what):
        tab.get_by_role("combobox", name="Format").select_option(form)
        tab.get_by_role("combobox", name="What").select_option(what)
        tab.get_by_role("button", name="Export").click()
        tab.wait_for_load_state("networkidle")

    def looked_at(name):
        assert overflow(tab) == []
        assert torn(tab) == []
        assert contrast(tab) == []
        shot = tmp_path / f"exports-{name}.png"
        tab.locator("#exports").screenshot(path=shot)
        picture = np.asarray(Image.open(shot).convert("L"))
        assert (np.median(picture) > 128) is np.bool_(scheme == "light")
        assert np.ptp(picture) > 150

    assert table.count() == 0
    export("coco", "finished")
    export("yolo", "passed")
    assert table.locator("tbody tr").count() == 2
    assert table.get_by_text("waiting").count() == 2
    looked_at("waiting")
    # What a server does by itself is done here, at a time of our own.
    assert len(do_exports(service)) == 2
    tab.reload()
    assert table.get_by_text("waiting").count() == 0
    looked_at("done")
    row = table.get_by_role("row", name="coco")
    with tab.expect_download() as download:
        row.get_by_role("link", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as packed:
        assert packed.testzip() is None
        assert len(json.loads(packed.read("export.json"))["cases"]) == 1
    row.get_by_role("button", name="Remove").click()
    tab.wait_for_load_state("networkidle")
    assert table.get_by_role("row", name="coco").count() == 0
    looked_at("removed")


@pytest.mark.slow
def test_the_page_needs_no_script(browser, site):
    context = browser.new_context(java_script_enabled=False)
    try:
        tab = context.new_page()
        tab.goto(f"{site.address}/log-in")
        tab.get_by_text("With a token instead").click()
        tab.get_by_label("Token").fill(site.token("olga"))
        tab.get_by_role("button", name="Log in").click()
        tab.goto(f"{site.address}/jobs/job/cases")
        tab.get_by_label("Case 3").check()
        tab.get_by_label("ana", exact=True).check()
        tab.get_by_role("button", name="Assign").click()
        tab.get_by_text("1 case given to whom you chose.").wait_for()
    finally:
        context.close()
