"""The page in a real Chromium: a block in fake time, a trial in real time, two tabs."""

import contextlib
import json
import os
import pathlib
import threading

import pytest

from keras_genmod.hype import StudyServer
from keras_genmod.hype.plan import opaque
from tests.hype.small_studies import small_study

CHROMIUM = "/usr/bin/chromium"
playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright (of the extra `dev`) drives the browser"
)
pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.skipif(
        not os.path.exists(CHROMIUM), reason=f"{CHROMIUM} is missing (apt-get install)"
    ),
]
HERE = pathlib.Path(__file__).parent
FLAGS = [
    "--no-sandbox",  # as root there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FRAME = 1000 / 60
PATIENCE = 120_000  # milliseconds that a busy machine may take


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium):
    """A browser without memory, in which nothing may go wrong or leave the machine."""
    context = chromium.new_context(viewport={"width": 900, "height": 760})
    context.set_default_timeout(PATIENCE)
    problems = []
    context.on("console", lambda message: problems.append(message.text))
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on(
        "request",
        lambda request: (
            problems.append(request.url)
            if not request.url.startswith(("http://127.0.0.1:", "data:"))
            else None
        ),
    )
    yield context
    context.close()
    # A reply of 409 is what a second tab is for.
    assert [text for text in problems if "409" not in text] == []


@contextlib.contextmanager
def serving(study):
    with study, StudyServer(study) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


# By the page's own clock, which does not count how long the driver takes to look.
NOTE_FIRST_SCREEN = """
    new MutationObserver(() => {
        if (document.body?.dataset.screen) window.firstScreen ??= performance.now();
    }).observe(document, {subtree: true, childList: true, attributes: true});
"""


def seconds_to_consent(page, url):
    """Returns how long a page takes from its address to its first screen."""
    page.goto(url)
    page.wait_for_selector("body[data-screen=consent]")
    return page.evaluate("window.firstScreen") / 1000


def play(browser, study, threshold=300.0, dropped=0, hidden=0):
    """Lets a scripted observer take part in fake time, to the end."""
    given = {
        "frame": FRAME,
        "threshold": threshold,
        "truth": [
            opaque(study.salt, "real", None, i) for i in range(study.protocol.num_real)
        ],
        "failing": {"dropped": dropped, "hidden": hidden},
    }
    page = browser.new_page()
    page.add_init_script(f"window.given = {json.dumps(given)};")
    page.add_init_script(path=HERE / "fake_display.js")
    with serving(study) as url:
        page.goto(url)
        page.wait_for_selector("body[data-screen=end]")
        text = page.inner_text("#end")
        trials, dump = study.trials(), study.database.dump()
        scores = study.scores(num_resamples=10)
    page.close()
    assert "That was all" in text
    return trials, scores, dump


def test_a_block_in_fake_time_finds_the_threshold(browser, tmp_path):
    timed = {"num_blocks": 1, "num_trials": 150, "qualification_trials": 0}
    study = small_study(tmp_path / "x", "time", ("a",), num=160, **timed)
    # Each paints five images: the third trial drops a frame, the fifth is hidden.
    trials, scores, _ = play(browser, study, 300.0, dropped=11, hidden=21)
    counted = [trial for trial in trials if trial.discarded is None]
    assert len(counted) == 150 and len(trials) == 152
    assert [(t.position, t.discarded) for t in trials if t.discarded] == [
        (2, "dropped"),
        (3, "hidden"),
    ]
    assert trials[2].shown_ms == pytest.approx(29 * FRAME + FRAME)
    for trial in counted:
        assert trial.frame_ms == pytest.approx(FRAME)
        frames = trial.shown_ms / FRAME
        assert frames == pytest.approx(round(frames))
        assert abs(trial.shown_ms - trial.asked_ms) <= FRAME / 2 + 1e-6
    expected = study.protocol.staircase.exposures(
        [t.correct for t in counted], [t.frame_ms for t in counted]
    )
    assert [trial.asked_ms for trial in counted] == expected[:-1]
    assert scores["a"].value == pytest.approx(300, abs=40)


def test_two_runs_of_one_seed_give_the_same_database(browser, tmp_path):
    timed = {"num_blocks": 2, "num_trials": 6, "qualification_trials": 0}
    first, second = (
        play(browser, small_study(tmp_path / name, "time", ("a",), 40, **timed))[2]
        for name in ("first", "second")
    )
    assert first == second and first.count('INSERT INTO "trial"') == 12


def test_a_trial_in_real_time_by_keys_alone(browser, tmp_path):
    timed = {"start_ms": 250.0, "countdown_ms": 50.0, "qualification_trials": 0}
    study = small_study(tmp_path / "x", "time", ("a",), **timed)
    page = browser.new_page()
    page.add_init_script(path=HERE / "watched_display.js")
    page.add_init_script(NOTE_FIRST_SCREEN)
    with serving(study) as url:
        # One of ten loads: a busy machine is slow now and then.
        assert any(seconds_to_consent(page, url) < 1.0 for _ in range(10))
        assert "photosensitive epilepsy" in page.inner_text("#consent")
        for key in ("Tab", "Space", "Tab", "Enter"):
            page.keyboard.press(key)
        page.wait_for_selector("body[data-screen=ready]")
        page.keyboard.press("Space")
        # Where the machine is too busy for a trial, another one follows.
        page.wait_for_selector("body[data-screen=answer]")
        painted = page.evaluate("window.painted")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("body[data-screen=told]")
        assert page.inner_text("#told").split()[-1] in ("Right", "Wrong")
        *failed, trial = study.trials()
    assert all(one.discarded for one in failed) and trial.discarded is None
    assert trial.answer == "fake" and trial.asked_ms == 250
    image, *masks = painted[-5:]
    assert trial.shown_ms == pytest.approx(masks[0] - image, abs=0.5)
    assert abs(trial.shown_ms - trial.asked_ms) <= trial.frame_ms
    assert masks[1] - masks[0] == pytest.approx(30, abs=trial.frame_ms)


def test_two_tabs_share_a_session_and_lose_no_trial(browser, tmp_path):
    study = small_study(tmp_path / "x", num_trials=10, qualification_trials=0)
    with serving(study) as url:
        first, second = browser.new_page(), browser.new_page()
        first.goto(url)
        first.check("#agree")
        first.click("text=Begin")
        first.wait_for_selector("body[data-screen=ready]")
        second.goto(url)
        second.click("#same")  # goes on with the same code
        for page in (first, second):
            page.bring_to_front()
            page.wait_for_selector("body[data-screen=ready]")
            page.click("#go")
            page.wait_for_selector("body[data-screen=answer]")
        for page in (first, second):  # the second one answers what is answered
            page.bring_to_front()
            page.keyboard.press("ArrowLeft")
            page.wait_for_selector("text=2 of 10")
            page.wait_for_selector("body[data-screen=answer]")
        second.keyboard.press("ArrowRight")
        second.wait_for_selector("text=3 of 10")
        trials = study.trials()
    assert [(t.position, t.answer) for t in trials] == [(0, "real"), (1, "fake")]


def test_another_person_at_the_same_browser_is_asked_first(browser, tmp_path):
    study = small_study(tmp_path / "x", num_trials=10, qualification_trials=0)

    def people():
        return len(study.database.rows("SELECT * FROM evaluator"))

    with serving(study) as url:
        page = browser.new_page()
        page.goto(url)
        page.check("#agree")
        page.click("text=Begin")
        page.wait_for_selector("body[data-screen=ready]")
        code = page.inner_text("#code")
        page.goto(url)
        page.wait_for_selector("body[data-screen=again]")
        assert code not in page.inner_text("body")
        page.click("#same")
        page.wait_for_selector("body[data-screen=ready]")
        assert page.inner_text("#code") == code and people() == 1
        page.goto(url)
        page.click("#other")
        page.wait_for_selector("body[data-screen=consent]")
        assert not page.is_checked("#agree") and people() == 1
        page.check("#agree")
        page.click("text=Begin")
        page.wait_for_selector("body[data-screen=ready]")
        assert page.inner_text("#code") != code and people() == 2
        stored = page.evaluate("Object.keys(localStorage)")
    assert stored == [f"study {study.id}"]
