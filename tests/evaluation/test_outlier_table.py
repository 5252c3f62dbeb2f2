"""The table of outliers: rows by model and score, cells of `outlier_auroc`."""

import json

import numpy as np
import pytest

from keras_genmod.evaluation import AnomalyScores, OutlierTable

pytestmark = pytest.mark.any_backend


def scores(values, name="free energy"):
    return AnomalyScores(scores=np.asarray(values, float), name=name, unit="nats")


@pytest.fixture
def table():
    table = OutlierTable("digits")
    sets = {"noise": [8, 9], "blank": [0, 0], "digits": [1, 2]}
    table.add("RBM", {name: scores(values) for name, values in sets.items()})
    return table


def test_separated_scores_have_an_auroc_of_one_and_the_failure_of_zero(table):
    found = {r["outliers"]: r for r in table.records()}
    assert found["noise"]["auroc"] == found["noise"]["average_precision"] == 1.0
    assert found["noise"]["fpr_at_95_tpr"] == found["blank"]["auroc"] == 0.0
    assert found["blank"]["fpr_at_95_tpr"] == 1.0
    assert (found["noise"]["inside"], found["noise"]["num_inside"]) == ("digits", 2)


def test_markdown_and_json_hold_every_cell(table, tmp_path):
    lines = str(table).splitlines()
    assert lines[0].startswith("digits against each set: AUROC / average precision")
    assert lines[2] == "| model | score | noise | blank |"
    assert lines[4].startswith("| RBM | free energy | 1.000 / 1.000 / 0.000 | 0.000 / ")
    text = table.to_json(tmp_path / "table.json")
    assert json.loads(text) == table.records()
    assert (tmp_path / "table.json").read_text() == text


def test_one_model_has_a_row_for_each_kind_of_score(table):
    sets = {"digits": [1], "noise": [2], "blank": [0]}
    table.add("RBM", {k: scores(v, "corrected") for k, v in sets.items()})
    assert len(table.records()) == 4


@pytest.mark.parametrize(
    "sets,names,message",
    [
        ({"digits", "noise", "blank"}, None, "new for `model`"),
        ({"noise", "blank"}, None, "`scores` must hold 'digits'"),
        ({"digits"}, None, "`scores` must hold 'digits'"),
        ({"digits", "noise"}, None, "`scores` must hold .*'noise', 'blank'"),
        ({"digits", "noise", "blank"}, "mixed", "all be made in one way"),
    ],
)
def test_bad_rows_are_refused(table, sets, names, message):
    order = [name for name in ("digits", "noise", "blank") if name in sets]
    rows = {
        name: scores([1], f"{names} {i}" if names else "free energy")
        for i, name in enumerate(order)
    }
    with pytest.raises(ValueError, match=message):
        table.add("RBM", rows)
