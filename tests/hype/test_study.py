"""Studies from the first consent to the score, with simulated observers."""

import collections
import csv
import dataclasses
import io
import sqlite3

import numpy as np
import pytest

from keras_genmod.hype import (
    Observer,
    OutOfTurn,
    Report,
    Study,
    StudyProtocol,
    UnknownEvaluator,
    create_study,
    simulate,
)
from keras_genmod.hype.database import Database
from keras_genmod.hype.plan import opaque
from tests.hype.small_studies import images, small_study

pytestmark = pytest.mark.any_backend
PERFECT = Observer(threshold_ms=1.0, share_right=1.0)


@pytest.fixture
def make(tmp_path):
    """A function that makes a study; all are closed at the end."""
    made = []

    def study(variant="infinity", name="x", **changes):
        made.append(small_study(tmp_path / f"{name}.study", variant, **changes))
        return made[-1]

    yield study
    for one in made:
        one.close()


def report(state, **changes):
    place = {name: state[name] for name in ("block", "position", "attempt")}
    if state["exposure_ms"] is not None:
        place |= {"shown_ms": round(state["exposure_ms"], -1), "frame_ms": 10.0}
    return Report(**{**place, **changes})


def play(study, code, num, right=True, **changes):
    """Answers so many trials; returns the state that follows."""
    state = study.state(code)
    for _ in range(num):
        answer = study.answer(state, right)
        state = study.record(code, report(state, answer=answer, **changes))["state"]
    return state


# Both far from 100 ms, where a staircase that always steps down ends.
@pytest.mark.parametrize("threshold", [300.0, 450.0])
def test_a_simulated_observer_has_its_threshold_found(threshold, tmp_path):
    real, fake = images(300), images(300, 1)
    protocol = StudyProtocol.of("time", qualification_trials=0)
    observer = Observer(threshold_ms=threshold, slope=3.0)
    path = tmp_path / "x.study"
    with create_study(path, real, {"a": fake}, protocol, seed=0) as study:
        for seed in range(2):
            simulate(study, observer, seed, frame_ms=10.0)
        (result,) = study.scores().values()
    assert result.value == pytest.approx(threshold, abs=40)
    assert result.last_half_ms == pytest.approx(threshold, abs=25)


def test_everyone_ends_at_the_shortest_exposure_by_the_literal_rule(make):
    study = make("time", rule="literal", num_trials=60, num_blocks=1, num=160)
    simulate(study, Observer(threshold_ms=386.0), 0, frame_ms=10.0)
    (result,) = study.scores().values()
    assert result.value == pytest.approx(100)


@pytest.mark.parametrize("variant", ["infinity", "pairwise"])
def test_the_error_of_simulated_observers_is_found(variant, make):
    study = make(variant, models=("a",))
    for seed in range(30):
        simulate(study, Observer(share_right=0.7), seed)
    (result,) = study.scores().values()
    assert result.value == pytest.approx(0.3, abs=3 * np.sqrt(0.21 / 600))
    assert result.interval[0] < 0.3 < result.interval[1]
    assert (result.error_on_fake is None) == (variant == "pairwise")


@pytest.mark.parametrize("variant", ["infinity", "pairwise", "time"])
def test_two_runs_of_one_seed_give_the_same_database(variant, make):
    dumps = []
    for name, seed in (("first", 5), ("second", 5), ("third", 6)):
        study = make(variant, name)
        for k in range(3):
            simulate(study, Observer(), seed + 10 * k, dropped_share=0.2)
        dumps.append(study.database.dump())
    assert dumps[0] == dumps[1] != dumps[2]


def test_codes_and_names_of_images_are_of_one_study(make):
    names = []
    for name in ("first", "second"):
        study = make(name=name, salt=None)
        images = study.database.rows("SELECT id FROM image")
        made = {study.id, study.start(), *(row["id"] for row in images)}
        assert len(made) == 2 + len(images) and study.salt not in made
        # Who knows the seed and the order of the images makes none of them.
        assert not made & {opaque(3, "real", None, i) for i in range(80)}
        assert opaque(3, "evaluator", 1)[:16] not in made
        names.append(made)
    assert not names[0] & names[1]


def test_a_file_without_a_salt_has_names_by_its_seed(make, tmp_path):
    make().close()
    raw = sqlite3.connect(tmp_path / "x.study")
    raw.execute("ALTER TABLE study DROP COLUMN salt")
    raw.close()
    with Study(tmp_path / "x.study") as study:
        assert study.start() == opaque(3, "evaluator", 1)[:16]


@pytest.mark.parametrize("variant", ["infinity", "pairwise", "time"])
def test_nobody_sees_an_image_twice_and_half_are_real(variant, make):
    study = make(variant)
    code = simulate(study, PERFECT, 0)
    rows = study.database.rows("SELECT * FROM trial JOIN image ON image = image.id")
    others = [row["other_image"] for row in rows if row["other_image"]]
    seen = [row["image"] for row in rows] + others
    assert len(set(seen)) == len(seen)
    assert bool(others) == (variant == "pairwise")
    for block in {row["block"] for row in rows}:
        kinds = [row["kind"] for row in rows if row["block"] == block]
        assert kinds.count("real") == kinds.count("fake")
        assert kinds != sorted(kinds)
    assert study.state(code) == {"stage": "done"}


def test_the_qualification_shows_all_models_and_evaluators_judge_one_in_turn(make):
    study = make(models=("a", "b"))
    for seed in range(4):
        simulate(study, PERFECT, seed)
    rows = study.database.rows(
        "SELECT block.evaluator, block.stage, image.model FROM trial "
        "JOIN block ON block = block.id JOIN image ON image = image.id "
        "WHERE kind = 'fake'"
    )
    counts = collections.Counter(
        (r["evaluator"], r["model"]) for r in rows if r["stage"] == "qualification"
    )
    assert set(counts.values()) == {2} and len(counts) == 8
    judged = {(r["evaluator"], r["model"]) for r in rows if r["stage"] == "judgement"}
    assert judged == {(1, "a"), (2, "b"), (3, "a"), (4, "b")}


@pytest.mark.parametrize("wrong, stage", [(1, "judgement"), (2, "not_admitted")])
@pytest.mark.parametrize("kind", ["real", "fake"])
def test_65_percent_of_each_kind_admit(wrong, stage, kind, make):
    study = make(models=("a",))  # 3 of 4 of each kind are needed
    code = study.start()
    state = study.state(code)
    for _ in range(8):
        right = study.answer(state, True)
        missed = wrong > 0 and right == kind
        wrong -= missed
        answer = study.answer(state, not missed)
        state = study.record(code, report(state, answer=answer))["state"]
    assert state["stage"] == stage


def test_a_session_goes_on_where_it_stopped(make, tmp_path):
    study = make("time")
    code = study.start()
    before = play(study, code, 15)
    study.close()
    with Study(tmp_path / "x.study", clock=lambda: 0.0) as again:
        assert again.state(code) == before
        play(again, code, 5)


def test_exposures_follow_the_rule_and_are_kept_beside_what_was_shown(make):
    study = make("time", qualification_trials=0)
    code = study.start()
    play(study, code, 2)
    state = play(study, code, 1, right=False)
    assert state["exposure_ms"] == 510
    study.record(code, report(state, answer="real", shown_ms=503.0, frame_ms=20.0))
    asked = [(t.asked_ms, t.shown_ms, t.frame_ms) for t in study.trials()]
    assert asked == [
        (500, 500, 10),
        (490, 490, 10),
        (480, 480, 10),
        (510, 503, 20),
    ]
    assert len(set(state["masks"])) == 4


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"dropped": 1}, "dropped"),
        ({"hidden": True}, "hidden"),
        ({"shown_ms": 516.0}, "dropped"),
        ({"shown_ms": 484.0}, "dropped"),
    ],
)
def test_a_failed_trial_is_kept_discarded_and_repeated(changes, reason, make):
    study = make("time", qualification_trials=0)
    code = study.start()
    state = study.state(code)
    outcome = study.record(code, report(state, **changes))
    assert outcome["discarded"] and outcome["correct"] is None
    again = outcome["state"]
    assert (again["position"], again["attempt"]) == (state["position"], 1)
    assert again["exposure_ms"] == 500 and again["images"] != state["images"]
    assert study.answer(again, True) == study.answer(state, True)  # of the same kind
    (trial,) = study.trials()
    assert trial.discarded == reason and trial.correct is None


def test_images_that_stand_in_are_new_until_there_are_none(make):
    study = make("time", qualification_trials=0, num=24, num_blocks=1)  # 14 spares each
    code = study.start()
    state, seen = study.state(code), []
    for _ in range(16):
        seen += state["images"]
        state = study.record(code, report(state, hidden=True))["state"]
    assert len(set(seen)) == 15 and seen[15] == seen[0]


def test_only_the_trial_at_hand_can_be_answered_and_once(make):
    study = make()
    code = study.start()
    state = study.state(code)
    for change in ({"position": 1}, {"block": 1}, {"attempt": 1}):
        with pytest.raises(OutOfTurn):
            study.record(code, report(state, answer="real", **change))
    study.record(code, report(state, answer="real"))
    with pytest.raises(OutOfTurn):
        study.record(code, report(state, answer="fake"))
    for answer in ("left", None):
        with pytest.raises(ValueError, match="`answer` must be one of"):
            study.record(code, report(study.state(code), answer=answer))
    assert [trial.answer for trial in study.trials()] == ["real"]
    for unknown in ("", "nobody"):
        with pytest.raises(UnknownEvaluator):
            study.state(unknown)


def test_a_timed_trial_needs_its_times(make):
    study = make("time", qualification_trials=0)
    code = study.start()
    with pytest.raises(ValueError, match="`report` must say how long"):
        study.record(code, report(study.state(code), answer="real", shown_ms=None))


@pytest.mark.parametrize(
    "name, value",
    [
        ("position", -1),
        ("block", True),
        ("dropped", 0.5),
        ("answer", ["real"]),
        ("shown_ms", float("nan")),
        ("shown_ms", -1.0),
        ("frame_ms", 0.0),
        ("frame_ms", 1e4),
        ("hidden", 1),
        ("reaction_ms", "fast"),
    ],
)
def test_reports_that_make_no_sense_are_refused(name, value):
    good = {"block": 0, "position": 0, "attempt": 0}
    with pytest.raises(ValueError, match=f"`{name}`"):
        Report(**{**good, name: value})


@pytest.mark.parametrize("feedback", [True, False])
def test_feedback_is_given_where_the_protocol_has_it(feedback, make):
    study = make(feedback=feedback)
    code = study.start()
    for right in (True, False):
        state = study.state(code)
        given = report(state, answer=study.answer(state, right))
        assert study.record(code, given)["correct"] == (right if feedback else None)
    assert [trial.correct for trial in study.trials()] == [1, 0]


def test_rows_can_be_added_and_neither_changed_nor_deleted(make):
    study = make()
    simulate(study, PERFECT, 0)
    for table in ("study", "image", "evaluator", "block", "trial"):
        column = "title" if table == "study" else "rowid"
        for verb in (f"UPDATE {table} SET {column} = 1", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match="keeps every row"):
                study.database.rows(verb)
    assert study.database.rows("PRAGMA journal_mode")[0][0] == "wal"


@pytest.mark.parametrize(
    "table, key",
    [
        ("study", ()),
        ("image", ("id",)),
        ("evaluator", ("code",)),
        ("block", ("evaluator", "number")),
        ("trial", ("block", "position", "attempt")),
    ],
)
def test_no_row_is_replaced(table, key, make):
    study = make()
    simulate(study, PERFECT, 0)
    before = study.database.dump()
    row = dict(study.database.rows(f"SELECT * FROM {table}")[0])
    number = row.pop("id") if isinstance(row.get("id"), int) else None
    by_number = {**row, **dict.fromkeys(key, "new"), "rowid": number or 1}
    for values in (row, by_number):
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        for verb in ("REPLACE", "INSERT OR REPLACE"):
            query = f"{verb} INTO {table} ({names}) VALUES ({marks})"
            with pytest.raises(sqlite3.IntegrityError, match="keeps every row"):
                study.database.rows(query, *values.values())
    assert study.database.dump() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, OSError])
def test_a_study_that_is_not_finished_leaves_no_file(error, make, tmp_path):
    def stop(*_):
        raise error

    path = tmp_path / "x.study"
    with pytest.raises(error):
        make(clock=stop)  # which is read once the file is begun
    assert list(tmp_path.iterdir()) == []
    # A killed program leaves what it had begun, which is not at the path.
    Database(f"{path}.part", create=True).close()
    (tmp_path / "x.study.part-wal").write_text("of a killed program")
    study = make()
    assert study.start() and not list(tmp_path.glob("*.part*"))


def test_files_that_are_no_studies_are_refused(make, tmp_path):
    make()
    with pytest.raises(FileExistsError, match="`path` must be a new file"):
        make()
    with pytest.raises(FileNotFoundError, match="`path` must be a study's file"):
        Study(tmp_path / "none")
    (tmp_path / "text").write_text("no data base, but long enough to be read as one")
    with pytest.raises(ValueError, match="`path` must be a study's file"):
        Study(tmp_path / "text")
    sqlite3.connect(tmp_path / "other").close()
    with pytest.raises(ValueError, match="not made by `create_study`"):
        Study(tmp_path / "other")


@pytest.mark.parametrize("damage", ["empty", "no_json", "no_fields", "cut_off"])
def test_unfinished_and_damaged_studies_are_refused(damage, make, tmp_path):
    path = tmp_path / "bad"
    if damage == "cut_off":
        make().close()
        whole = (tmp_path / "x.study").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    else:
        database = Database(path, create=True)
        rest = {"seed": 0, "salt": "", "title": "", "models": "[]", "created": 0}
        if damage != "empty":
            text = "{" if damage == "no_json" else '{"image_shape": null}'
            database.add("study", protocol=text, **rest)
        database.close()
    message = "`path` must be a (whole )?study's file.*Received: path="
    with pytest.raises(ValueError, match=message):
        Study(path)
    if damage != "cut_off":
        with pytest.raises(ValueError, match="unfinished or damaged"):
            Study(path)


def test_csv_holds_every_trial_and_no_code(make, tmp_path):
    study = make("time")
    code = simulate(study, Observer(), 0, dropped_share=0.3)
    study.write_csv(tmp_path / "trials.csv")
    text = (tmp_path / "trials.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(study.trials()) > 48 and code not in text
    assert {row["evaluator"] for row in rows} == {"1"}
    assert [row["shown_ms"] for row in rows if row["stage"] == "judgement"][0] != ""
    assert set(rows[0]) == {f.name for f in dataclasses.fields(study.trials()[0])}


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_csv_never_takes_the_place_of_the_study(ending, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = small_study("x.study")
    simulate(study, PERFECT, 0)
    before = study.database.dump()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / f"x.study{ending}")
    monkeypatch.chdir(tmp_path / "folder")
    own = f"../x.study{ending}"
    for path in (own, tmp_path / "folder" / own, tmp_path / "link"):
        with pytest.raises(ValueError, match="`path` must be another file than the st"):
            study.write_csv(path)
    study.close()
    with Study(tmp_path / "x.study") as again:
        assert again.database.dump() == before


def test_csv_is_not_begun_in_the_place_of_the_study(make, tmp_path):
    study = make(name="x.csv")
    study.database.path.rename(tmp_path / "y.csv.part")
    study.close()
    (tmp_path / "again").hardlink_to(tmp_path / "y.csv.part")
    with Study(tmp_path / "y.csv.part") as study:
        for path in (tmp_path / "y.csv", tmp_path / "again"):
            with pytest.raises(ValueError, match="`path` must be another file than"):
                study.write_csv(path)
        study.write_csv(tmp_path / "z.csv")
    Study(tmp_path / "y.csv.part").close()


def test_csv_goes_to_a_file_in_a_folder_that_exists(make, tmp_path):
    study = make()
    with pytest.raises(ValueError, match="`path` must be a file, not a folder"):
        study.write_csv(tmp_path)
    with pytest.raises(OSError, match="`path` must lie in a folder that exists"):
        study.write_csv(tmp_path / "none" / "x.csv")


def test_a_study_makes_no_folder(make, tmp_path):
    with pytest.raises(OSError, match="`path` must lie in a folder that exists.*none"):
        make(name="none/x")
    assert list(tmp_path.iterdir()) == []


def test_trials_name_both_images_of_a_pair_by_their_pixels(make):
    study = make("pairwise", qualification_trials=0)
    simulate(study, PERFECT, 0)
    hashes = {
        row["sha256"]: row["kind"] for row in study.database.rows("SELECT * FROM image")
    }
    for trial in study.trials():
        sides = ["real", "fake"] if trial.answer == "left" else ["fake", "real"]
        assert [hashes[trial.image], hashes[trial.other_image]] == sides
        assert trial.kind == sides[0] and trial.correct


def test_nothing_of_a_person_is_stored(make):
    columns = [
        row[1]
        for table in ("evaluator", "block", "trial")
        for row in make(name=table).database.rows(f"PRAGMA table_info({table})")
    ]
    personal = {"name", "email", "address", "ip", "agent", "age"}
    assert not personal & set(columns)


@pytest.mark.parametrize(
    "change", [{"threshold_ms": 0.0}, {"slope": -1.0}, {"share_right": 2.0}]
)
def test_observers_are_checked(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"`{name}` must"):
        Observer(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"study": "x.study"},
        {"observer": 0.75},
        {"seed": 2**32},
        {"frame_ms": 0.0},
        {"dropped_share": -1.0},
        {"dropped_share": 1.0},
    ],
)
def test_what_a_simulation_is_of_is_checked(change, make):
    (name,) = change
    with pytest.raises(ValueError, match=f"`{name}` must"):
        simulate(**{"study": make(), "observer": PERFECT, "seed": 0, **change})
