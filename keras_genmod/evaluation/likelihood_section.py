"""Likelihoods of one protocol as Markdown."""

from typing import TypeGuard

from keras_genmod.distributions import LogPartition
from keras_genmod.evaluation.likelihood import SIGNS, Likelihood

_FEW_CHAINS = (
    "(!) Fewer than 20 effective chains: not to be ranked. Such a log Z is mostly too "
    "low, which puts log p(x) too high."
)


def section_to_markdown(rows: list[tuple[str, Likelihood]]) -> str:
    """Returns the Markdown table of rows of one protocol, under a line with it.

    Args:
        rows: Pairs `(name, likelihood)`, in their order.
    """
    protocol = rows[0][1].protocol
    sign = SIGNS[protocol.kind]
    continuous = protocol.num_levels is None and protocol.dequantization is None
    bits = "" if continuous else " bits/dim |"
    given = "x given the condition" if protocol.conditional else "x"
    estimates = any(_is_estimate(row.log_partition) for _, row in rows)
    sums = " log Z, 3 standard errors | effective chains |" if estimates else ""
    heading = f"| model | log p({given}), nats | standard error |{bits}{sums}"
    rule = "| --- " * (heading.count("|") - 1) + "|"
    lines = [f"{protocol}:", "", heading, rule]
    for name, row in rows:
        error = row.standard_error
        spread = "-" if error is None else f"{error:.2g}"
        rate = f" {row.bits_per_dim:.4f} |" if bits else ""
        name = name.replace("|", "\\|")
        line = f"| {name} | {sign} {row.mean:.2f} | {spread} |{rate}"
        lines.append(line + (_sum_cells(row.log_partition) if estimates else ""))
    if not all(row.is_trusted for _, row in rows):
        lines += ["", _FEW_CHAINS]
    return "\n".join(lines)


def _is_estimate(log_partition: LogPartition | None) -> TypeGuard[LogPartition]:
    return log_partition is not None and log_partition.likelihood_kind == "estimate"


def _sum_cells(found: LogPartition | None) -> str:
    if not _is_estimate(found):
        return " - | - |"
    chains = f"{found.effective_sample_size:.1f} of {found.num_chains}"
    chains += " (!)" if found.has_few_chains else ""
    return f" {found.value:.2f} ({found.low:.2f} to {found.high:.2f}) | {chains} |"
