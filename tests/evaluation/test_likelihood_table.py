"""The ledger: rows by protocol and kind, and nothing mixed."""

import json
import re

import numpy as np
import pytest

from keras_genmod.distributions import LogPartition
from keras_genmod.evaluation import Likelihood, LikelihoodProtocol, LikelihoodTable

pytestmark = pytest.mark.any_backend

PROTOCOL = {
    "kind": "exact",
    "dataset": "mnist",
    "split": "test",
    "binarization": "static(0)",
    "num_levels": 2,
    "num_dims": 784,
    "count": 10_000,
}


def likelihood(mean, standard_error=0.5, log_partition=None, **fields):
    return Likelihood(
        mean=mean,
        standard_error=standard_error,
        protocol=LikelihoodProtocol(**{**PROTOCOL, **fields}),
        log_partition=log_partition,
    )


BOUND = {"kind": "lower_bound", "options": (("importance_samples", 500), ("seed", 0))}

# Everything that must not be mixed with the protocol above.
OTHERS = {
    "kind": {"kind": "lower_bound"},
    "kind, of an estimate": {"kind": "estimated_lower_bound"},
    "dataset": {"dataset": "usps"},
    "split": {"split": "train"},
    "binarization": {"binarization": "dynamic(0)"},
    "num_levels": {"num_levels": 256},
    "num_dims": {"num_dims": 1024},
    "count": {"count": 9_999},
    "conditional": {"conditional": True},
    "dequantization": {"dequantization": 256},
    "importance_samples": {"options": (("importance_samples", 5),)},
    "num_temperatures": {"options": (("num_temperatures", 1000),)},
}


@pytest.fixture
def table():
    return LikelihoodTable(
        [
            ("low", likelihood(-100.0)),
            ("bound", likelihood(-80.0, **BOUND)),
            ("high", likelihood(-90.0, standard_error=None)),
            ("high", likelihood(-85.0, split="train")),
        ]
    )


def test_sections_have_one_protocol_and_are_sorted_inside(table):
    names = [[name for name, _ in rows] for rows in table.sections()]
    assert names == [["high", "low"], ["bound"], ["high"]]
    for rows in table.sections():
        assert len({row.protocol for _, row in rows}) == 1


def test_markdown_shows_each_section_with_its_protocol_and_signs(table):
    first, second, third = table.to_markdown().split(":\n\n")[1:]
    lines = str(table).splitlines()
    assert lines[0].startswith("kind=exact, dataset=mnist, split=test, binarization=")
    assert "| high | = -90.00 | - | 0.1656 |" in first
    assert first.index("high") < first.index("low") and "bound |" not in first
    assert "| bound | >= -80.00 | 0.5 |" in second
    assert "importance_samples=500, seed=0" in str(table)
    assert "| high | = -85.00 |" in third


def test_densities_have_no_bits_column():
    text = str(LikelihoodTable([("flow", likelihood(-3.0, num_levels=None))]))
    assert "bits" not in text and "| flow | = -3.00 | 0.5 |" in text


@pytest.mark.parametrize("difference", OTHERS)
def test_rankings_across_protocols_are_refused(difference):
    one, other = likelihood(-90.0), likelihood(-80.0, **OTHERS[difference])
    difference = difference.split(",")[0]
    table = LikelihoodTable([("one", one), ("other", other)])
    assert len(table.sections()) == 2
    for call in (table.ranking, table.best, lambda: table.compare("one", "other")):
        with pytest.raises(ValueError, match=f"same protocol and kind.*{difference}: "):
            call()
    with pytest.raises(ValueError, match=f"`other` must .*{difference}: "):
        one.compare_to(other)


def test_one_section_is_ranked(table):
    chosen = table.where(kind="exact", split="test")
    assert [name for name, _ in chosen.ranking()] == ["high", "low"]
    assert chosen.best() == ("high", likelihood(-90.0, standard_error=None))
    assert chosen.compare("high", "low") == 10.0
    assert len(table.where(importance_samples=500)) == 1
    assert len(table.where(kind="estimate")) == 0


def test_json_goes_there_and_back(table, tmp_path):
    table.add(
        "annealed",
        likelihood(-1.0, kind="estimate", options=(("temperatures", (0.0, 0.5, 1.0)),)),
    )
    text = table.to_json(tmp_path / "table.json")
    assert (tmp_path / "table.json").read_text() == text
    again = LikelihoodTable.from_json(text)
    assert list(again) == list(table)
    assert again.to_json() == text
    row = json.loads(text)["rows"][1]
    assert row["protocol"]["options"] == {"importance_samples": 500, "seed": 0}


def annealed(mean, num_chains, effective=None):
    """Returns an estimate from chains of which so many count (all if `None`)."""
    log_weights = np.zeros(num_chains)
    log_weights[effective or num_chains :] = -np.inf
    found = LogPartition.from_log_weights(log_weights, 10, seed=0)
    return likelihood(mean, kind="estimate", log_partition=found)


def test_an_estimate_from_few_chains_is_marked_and_never_best():
    rows = {
        "few": annealed(-80.0, 100, effective=19),
        "many": annealed(-90.0, 100, effective=20),
        "low": annealed(-95.0, 100),
    }
    table = LikelihoodTable(rows.items())
    assert [name for name, _ in table.ranking()] == ["few", "many", "low"]
    assert table.best()[0] == "many"
    text = str(table)
    assert "| 19.0 of 100 (!) |" in text and "| 20.0 of 100 |" in text
    assert text.endswith("puts log p(x) too high.")
    with pytest.raises(ValueError, match="at least 20 effective.*none of \\['few'"):
        LikelihoodTable([("few", rows["few"])]).best()
    del rows["few"]
    assert "(!)" not in str(LikelihoodTable(rows.items()))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_cannot_be_ranked_are_refused(number):
    for bad in (likelihood(number), likelihood(-1.0, standard_error=number)):
        with pytest.raises(ValueError, match="`likelihood` must have finite numbers"):
            LikelihoodTable([("bad", bad)])


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
@pytest.mark.parametrize(
    "before", ["mean", "standard_error", "value", "high", "effective_sample_size"]
)
def test_json_of_numbers_that_are_none_is_an_error(number, before):
    text = LikelihoodTable([("row", annealed(-1.0, 30))]).to_json()
    text, count = re.subn(f'"{before}": [-.0-9]+', f'"{before}": {number}', text)
    assert count == 1
    with pytest.raises(ValueError, match="`text` must be what `to_json` returns"):
        LikelihoodTable.from_json(text)


def test_a_long_table_is_filled_in_linear_time():
    row = likelihood(-1.0)
    compared = []

    class Name(str):
        __slots__ = ()

        def __eq__(self, other):
            compared.append(other)
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    table = LikelihoodTable((Name(i), row) for i in range(500))
    assert len(table) == 500 and len(compared) < 500  # all pairs: 124,750


def test_estimates_of_log_z_stand_beside_the_number():
    wide, narrow = (
        LogPartition.from_log_weights(np.log(weights), 10, seed=0)
        for weights in ([1.0, 2.0, 3.0, 6.0], [1.0, 1.1])
    )
    table = LikelihoodTable()
    for name, found in (("wide", wide), ("narrow", narrow)):
        table.add(name, likelihood(-1.0, kind="estimate", log_partition=found))
    text = str(table)
    assert "| log Z, 3 standard errors | effective chains |" in text
    assert "| 1.10 (-inf to 1.83) | 2.9 of 4 (!) |" in text
    assert "| 2.0 of 2 (!) |" in text
    again = LikelihoodTable.from_json(table.to_json())
    assert list(again) == list(table)
    assert "Infinity" not in table.to_json()
    exact = likelihood(-1.0, log_partition=LogPartition.exact(2.0))
    assert "log Z" not in str(LikelihoodTable([("exact", exact)]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"rows": []}',
        '{"schema": "other", "rows": []}',
        '{"schema": "keras_genmod.LikelihoodTable/1", "rows": [{"name": "a"}]}',
    ],
)
def test_json_of_something_else_is_an_error(text):
    with pytest.raises(ValueError, match="`text` must be what `to_json` returns"):
        LikelihoodTable.from_json(text)


def test_json_without_numbers_is_an_error(table):
    text = table.to_json().replace("-100.0", '"high"')
    with pytest.raises(ValueError, match="`text` must be"):
        LikelihoodTable.from_json(text)


def test_bad_rows_are_refused(table):
    with pytest.raises(ValueError, match="`name` must be new under its protocol"):
        table.add("low", likelihood(-1.0))
    with pytest.raises(ValueError, match="`likelihood` must be a Likelihood"):
        table.add("other", -93.8)
    with pytest.raises(ValueError, match="`name` must be a name"):
        table.add("", likelihood(-1.0))
    with pytest.raises(ValueError, match="`first` must be the name.*2 rows"):
        table.compare("high", "low")
    with pytest.raises(ValueError, match="`second` must be the name.*0 rows"):
        table.compare("low", "nobody")
    with pytest.raises(ValueError, match="must have a row"):
        LikelihoodTable().best()


def test_one_line_says_everything():
    line = str(likelihood(-80.0, **BOUND))
    assert line.startswith("log p(x) >= -80.00 nats (standard error 0.5), 0.1472 bits")
    assert line.endswith("count=10000, importance_samples=500, seed=0]")
    assert str(likelihood(-1.0)).endswith("num_dims=784, count=10000]")
