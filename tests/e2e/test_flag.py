"""A case is flagged by key, button and menu, and the cases are sorted, in a window."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.model import AnnotationChange, CaseOrder
from napari_annotate_jobs.stores import open_store

BRAIN, XRAYS, LUNGS = DEMO_JOBS


def reason_line(driver):
    """Return where the reason is written; it has the keyboard."""
    driver.wait(lambda: driver.question is not None)
    line = driver.question.findChild(QLineEdit)
    driver.wait(line.hasFocus)
    return line


def write(driver, text):
    line = reason_line(driver)
    line.clear()
    driver.type_text(text, line)  # and Enter
    driver.settle()


@pytest.fixture
def flags(demo):
    def read(job, case):
        with open_store(str(demo)) as store:
            return [flag.reason for flag in store.case(job, case).flags]

    return read


def test_a_flag_is_set_by_key_changed_by_button_and_seen_in_the_list(open_case, flags):
    driver = open_case(XRAYS)
    case = driver.session.case.row.case
    mark = driver.current_job.annotate.flag
    assert not mark.button.isChecked() and not mark.text.isVisible()
    driver.press_action("flag")
    line = reason_line(driver)
    box = driver.question
    assert case.name in box.text()
    assert not box.defaultButton().isEnabled()  # without a reason
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert driver.question is box
    write(driver, "left and right?")
    driver.wait(lambda: flags(XRAYS, case.id) == ["left and right?"])
    driver.wait(mark.text.isVisible)
    assert "left and right?" in mark.text.text()
    assert mark.button.isChecked()
    driver.wait(lambda: driver.window.focusWidget() is driver.canvas)
    assert driver.session.editor.annotation.is_blank

    driver.click(mark.button)
    assert reason_line(driver).text() == "left and right?"
    write(driver, "mirrored")
    driver.wait(lambda: flags(XRAYS, case.id) == ["mirrored"])

    driver.current_job.jobs_requested.emit()
    page = driver.my_jobs.page
    driver.wait(lambda: page._flagged.text().endswith(" 1"))
    driver.click(page._flagged)
    driver.wait(lambda: page._table.cases.total == 1)
    assert page._table.cases.case_row(0).case.id == case.id

    # From the menu of the row, and away again.
    page.flag_requested.emit(case.id)
    driver.wait(lambda: driver.question is not None)
    driver.answer("Take the flag away")
    driver.wait(lambda: not flags(XRAYS, case.id))
    driver.wait(lambda: page._table.cases.total == 0)
    driver.wait(lambda: not mark.text.isVisibleTo(driver.current_job.annotate))


def test_a_reason_that_cannot_be_kept_is_not_lost(open_case, flags, monkeypatch):
    driver = open_case(XRAYS)
    case = driver.session.case.row.case
    with monkeypatch.context() as patch:

        def full(*_, **__):
            raise StoreAccessError("there is no room", where="disk")

        patch.setattr(driver.session.store, "flag", full)
        driver.press_action("flag")
        write(driver, "mirrored")
        line = reason_line(driver)
        driver.wait(lambda: line.text() == "mirrored")
    QTest.keyClick(line, Qt.Key.Key_Return)
    driver.wait(lambda: flags(XRAYS, case.id) == ["mirrored"])


def test_a_reviewer_sees_the_flag_and_takes_it_away(driver, demo, flags):
    with open_store(str(demo), person="ana") as store:
        case = store.cases(LUNGS).rows[0].case.id
        nothing = AnnotationChange(case_nothing_to_label=True)
        revision = store.save(LUNGS, case, nothing, {}, base=0)
        store.submit(LUNGS, case, base=revision)
        store.flag(LUNGS, case, "motion")
    driver.open_review(LUNGS)
    page = driver.my_jobs.page
    driver.wait(lambda: page._flagged.text().endswith(" 1"))
    page._filters.button(0).click()
    driver.wait(lambda: page._table.cases.total > 0)
    row = next(
        page._table.cases.case_row(at)
        for at in range(page._table.cases.total)
        if page._table.cases.case_row(at).case.id == case
    )
    assert row.flags[0].reason == "motion"
    page.case_requested.emit(f"{case}\n{row.person}")
    driver.settle()
    driver.wait(driver.current_job.panel.flag.text.isVisible)
    driver.press_action("flag")
    driver.wait(lambda: driver.question is not None)
    driver.answer("Take all flags away")
    driver.wait(lambda: not flags(LUNGS, case))


def test_the_order_of_cases_is_remembered(driver):
    driver.open_job(XRAYS)
    page = driver.my_jobs.page
    page._order.menu().actions()[1].trigger()
    driver.wait(lambda: page._table.cases._query.order is CaseOrder.NAME)
    driver.settle()
    driver.my_jobs.show_jobs()
    driver.open_job(BRAIN)
    assert page._order.order is CaseOrder.JOB
    driver.my_jobs.show_jobs()
    driver.open_job(XRAYS)
    assert page._order.order is CaseOrder.NAME
    driver.settle()
    names = [page._table.cases.case_row(at).case.name for at in range(2)]
    assert names == sorted(names)
