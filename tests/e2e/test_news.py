"""What others did since the last visit, and the order of the list, in a window."""

from __future__ import annotations

from getpass import getuser

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import (
    AnnotationChange,
    CaseOrder,
    Comment,
    SliceAnnotation,
)
from napari_annotate_jobs.stores import FolderStore

_, XRAYS, _ = DEMO_JOBS


@pytest.fixture
def returned(demo):
    """Return a function by which a reviewer returns the first case of the X-rays."""

    def give_back():
        me = getuser()
        with FolderStore(demo / XRAYS, me) as store:
            case = store.cases(XRAYS).rows[0].case.id
            key = store.open_series(XRAYS, case).header.slices[0].key
            said = SliceAnnotation(index=0, nothing_to_label=True)
            change = AnnotationChange(slices={key: said})
            base = store.save(XRAYS, case, change, {}, base=0)
            store.submit(XRAYS, case, base=base)
        with FolderStore(demo / XRAYS, "eve") as store:
            remark = Comment(person="eve", text="Look again")
            store.return_case(XRAYS, case, [remark], person=me)
        return case

    return give_back


def test_what_is_new_is_listed_by_a_click_and_then_known(driver, returned):
    news = driver.my_jobs._news
    driver.wait(lambda: news._since and not news._looking)
    case = returned()
    driver.my_jobs.refresh()
    driver.wait(lambda: bool(news._news))
    view = driver.my_jobs.jobs
    (summary,) = (s for s in driver.station.summaries if s.job.id == XRAYS)
    assert view._model.news(summary) == "1 returned"
    driver.settle()
    index = view._model.index(view._model.row_of(summary))
    driver.cards.scrollTo(index)
    at = view._delegate._layout(driver.cards.visualRect(index), summary)
    QTest.mouseClick(
        driver.cards.viewport(), Qt.MouseButton.LeftButton, pos=at.news.center()
    )
    page = driver.my_jobs.page
    driver.wait(lambda: page._only_line.isVisible())
    assert page._only_text.text() == "Since your last visit: 1 returned"
    driver.wait(lambda: page._table.cases.total == 1)
    assert page._table.cases.case_row(0).case.id == case
    assert not news._news
    driver.click(page._every)
    driver.wait(lambda: page._table.cases.total == 2)


def test_next_follows_the_list_a_case_was_opened_from(driver):
    driver.open_job(XRAYS)
    page = driver.my_jobs.page
    page._order.set_order(CaseOrder.JOB, backwards=True)
    page._query()
    driver.settle()
    table = page._table
    first, last = (table.cases.case_row(n).case.id for n in (0, 1))
    assert table.cases.case_row(0).ordinal == 1
    driver.click_row(driver.table, 0, double=True)
    driver.wait(lambda: driver.session.is_open)
    driver.settle()
    assert driver.session.case.row.case.id == first
    driver.press_action("next_case")
    driver.settle()
    assert driver.session.case.row.case.id == last
