"""Faults of studies of people: rules, scores, what is shown, what is refused."""

from tests.mutants import Mutant

_STAIRCASE = "tests/hype/test_staircase.py"
_SCORES = "tests/hype/test_scores.py"
_STUDY = "tests/hype/test_study.py"
_MASKS = "tests/hype/test_masks.py"
_SERVER = "tests/hype/test_server.py"
_BROWSER = "tests/hype/test_browser.py"

MUTANTS = [
    Mutant(
        "hype/staircase.py",
        '"weighted": (1, 3, 1)',
        '"weighted": (3, 1, 1)',
        _STAIRCASE,
    ),
    Mutant(
        "hype/staircase.py",
        "now, in_a_row = now - down * step, 0",
        "now = now - down * step",
        _STAIRCASE,
    ),
    Mutant(
        "hype/scores.py",
        "size=(count, len(array))",
        "size=(count, len(array) - 1)",
        _SCORES,
    ),
    Mutant(
        "hype/scores.py",
        "kinds[np.argmax(counts)]",
        "kinds[counts == counts.max()][-1]",
        _SCORES,
    ),
    Mutant(
        "hype/human_realism.py",
        'scores[0].protocol.check_same("scores", score.protocol)',
        "pass",
        _SCORES,
    ),
    Mutant(
        "hype/turns.py",
        'min(right.count("real"), right.count("fake")) >= needed',
        "len(right) >= 2 * needed",
        f"{_STUDY} -k admit",
    ),
    Mutant(
        "hype/turns.py",
        "self._models[int(np.argmin(counts))]",
        "self._models[0]",
        f"{_STUDY} -k in_turn",
    ),
    Mutant(
        "hype/plan.py",
        "numbers[num_blocks * size :][block::num_blocks]",
        "numbers[block::num_blocks]",
        f"{_STUDY} -k stand_in",
    ),
    Mutant(
        "hype/plan.py",
        "numbers[block * size : (block + 1) * size], spares",
        "numbers[:size], spares",
        f"{_STUDY} -k twice",
    ),
    Mutant(
        "hype/study.py",
        "if report.hidden:",
        "if False:",
        f"{_STUDY} -k failed_trial",
    ),
    Mutant(
        "hype/study.py",
        "now.place != report.place",
        "False",
        f"{_STUDY} -k at_hand",
    ),
    Mutant(
        "hype/masks.py",
        "    turned[:, 0, 0] = 1.0  # the mean\n",
        "",
        _MASKS,
    ),
    Mutant(
        "hype/database.py",
        'self._connection.execute("COMMIT")',
        "pass",
        f"{_SERVER} -k killed",
    ),
    Mutant(
        "hype/server.py",
        "not in [[host] for host in hosts]",
        "== []",
        f"{_SERVER} -k names",
    ),
    Mutant(
        "hype/server.py",
        "if origin is not None and",
        "if False and",
        f"{_SERVER} -k origins",
    ),
    Mutant(
        "hype/server.py",
        "or int(length) > LARGEST_BODY",
        "",
        f"{_SERVER} -k bodies",
    ),
    Mutant(
        "hype/static/display.js",
        "shown: before - start, dropped",
        "shown: step.ms, dropped",
        f"{_BROWSER} -k threshold",
    ),
    Mutant(
        "hype/static/study.js",
        "hidden: wasHidden,",
        "hidden: false,",
        f"{_BROWSER} -k threshold",
    ),
    Mutant(
        "hype/database.py",
        "WHEN EXISTS (SELECT 1 FROM {name} WHERE rowid = NEW.rowid OR ({same}))",
        "WHEN FALSE",
        "tests/hype/test_study.py",
    ),
    Mutant(
        "hype/study.py",
        'code = plan.opaque(self.salt, "evaluator", count + 1)[:16]',
        'code = plan.opaque(self.seed, "evaluator", count + 1)[:16]',
        "tests/hype/test_study.py",
    ),
    Mutant(  # a study's journal is no file of its own
        "hype/database.py",
        'for ending in ("", *BESIDE))',
        'for ending in ("",))',
        f"{_STUDY} -k never_takes",
    ),
]
