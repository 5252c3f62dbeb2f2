"""What HYPE finds of observers whose answers are made, and how fast.

`KERAS_BACKEND=torch python -m benchmarks.human_judgement --write` lets simulated
observers of known skill judge images, and writes the scores beside what they should be
to a table of QUALITY.md (`make results`). Nobody has looked at anything.
"""

import pathlib
import tempfile
import time

import numpy as np
import typer

from benchmarks import loops, quality_runs
from keras_genmod import hype

SHARES = (0.5, 0.65, 0.9)  # of right answers: those who see no difference guess
THRESHOLDS = (200.0, 350.0, 600.0)  # milliseconds for 75% right answers
COLUMNS = ("study", "made observers", "should be", "found", "95%", "evaluators")
TEXT = """Scores of `keras_genmod.hype` on made data: simulated observers, of whom it is
known how often they are right (HYPE-infinity) or how long they must look to be right
in 75% of all trials (HYPE-time), answer in place of people. Observers of one row are
alike; {num} of them judge noise, by the paper's numbers of trials. {speed:,.0f}
simulated trials a minute on one core, qualification included.

Intervals are of 95%, by bootstrap over evaluators. HYPE-time's score is the exposure
that a block has shown most often, in whole frames of the display: how far it lies from
the threshold is the staircase's own error, too, and intervals need not hold the
threshold."""


def judged(protocol, observer, num, folder):
    """Returns the score of observers, and how many trials they made."""
    draws = np.random.default_rng(0).random
    size = (8, 8, 1)
    real = draws((num_images(protocol), *size))
    fake = draws((num_images(protocol), *size))
    name = f"{protocol.variant}-{observer.share_right}-{observer.threshold_ms}.study"
    path = pathlib.Path(folder) / name
    with hype.create_study(path, real, {"made": fake}, protocol, seed=0) as study:
        for seed in range(num):
            hype.simulate(study, observer, seed)
        return study.scores()["made"], len(study.trials())


def num_images(protocol):
    """Returns enough images for a study of a protocol."""
    return protocol.num_trials * protocol.num_blocks + protocol.qualification_trials


def row(protocol, observer, num, folder):
    """Returns a row of the table, and the number of trials behind it."""
    score, trials = judged(protocol, observer, num, folder)
    if protocol.is_timed:
        made, expected = f"75% at {observer.threshold_ms:g} ms", observer.threshold_ms
    else:
        made, expected = f"{observer.share_right:.0%} right", 1 - observer.share_right
    ends = " to ".join(score.in_words(end) for end in score.interval)
    name = "HYPE-time" if protocol.is_timed else "HYPE-infinity"
    cells = (name, made, score.in_words(expected), score.in_words(score.value), ends)
    return (*cells, str(score.num_evaluators)), trials


def main(num_evaluators: int = 30, write: bool = False):
    """Lets made observers take part in a study each.

    Args:
        num_evaluators: Of each study; 30 in the paper.
        write: Whether the file of the table is replaced.
    """
    studies = [
        *(("infinity", hype.Observer(share_right=share)) for share in SHARES),
        *(("time", hype.Observer(threshold_ms=limit)) for limit in THRESHOLDS),
    ]
    rows, trials, start = [], 0, time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for variant, observer in studies:
            protocol = hype.StudyProtocol.of(variant)
            cells, made = row(protocol, observer, num_evaluators, folder)
            rows.append(cells)
            trials += made
            print(*cells, sep=" | ", flush=True)
    speed = 60 * trials / (time.process_time() - start)
    print(f"{speed:,.0f} trials a minute")
    if write:
        text = TEXT.format(num=num_evaluators, speed=speed)
        table = {"caption": "", "columns": COLUMNS, "rows": rows}
        path = quality_runs.FOLDER / f"human_judgement-{loops.BACKEND}.json"
        title = "Human judgement, of made answers"
        quality_runs.write_table(path, title, text, [table])


if __name__ == "__main__":
    typer.run(main)
