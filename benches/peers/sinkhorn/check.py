"""The check of an answer, in float64, from the potentials alone."""

from dataclasses import dataclass

import numpy as np

# Rows whose part of the plan is computed at once.
BLOCK = 256


# An error at the tolerance may be found a little above it: rounding of n products, with room to spare.
ROUNDING = 1e-3


def reached(error, tolerance):
    return error <= (1 + ROUNDING) * tolerance


@dataclass
class Checked:
    """L1 errors of the marginals, of rows and of columns, added; and <C, P>."""

    error: float
    cost: float


def check(log_rows, log_columns, costs, epsilon, a, b):
    """Of the plan P_ij = exp(log_rows_i + log_columns_j - C_ij / epsilon). What has no weight has no mass.

    An overflow or a NaN makes the error infinite.
    """
    log_rows, log_columns = (
        np.where(weights > 0, np.asarray(logs, np.float64), -np.inf)
        for logs, weights in ((log_rows, a), (log_columns, b))
    )
    rows, columns, cost = np.empty(len(a)), np.zeros(len(b)), 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, len(a), BLOCK):
            part = slice(first, first + BLOCK)
            block = costs[part].astype(np.float64)
            plan = np.exp(log_rows[part, None] + log_columns - block / epsilon)
            rows[part] = plan.sum(1)
            columns += plan.sum(0)
            cost += float((plan * block).sum())
        error = float(np.abs(rows - a).sum() + np.abs(columns - b).sum())
    return Checked(error if np.isfinite(error) else float("inf"), cost)
