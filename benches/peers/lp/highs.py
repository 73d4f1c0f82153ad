"""HiGHS: its simplex on one thread."""

import highspy
import numpy
from scipy import sparse

from harness.serving import timed
from lp.program import Program

STATUSES = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
    highspy.HighsModelStatus.kUnboundedOrInfeasible: "unbounded_or_infeasible",
    highspy.HighsModelStatus.kTimeLimit: "time_limit",
    highspy.HighsModelStatus.kIterationLimit: "iteration_limit",
}

# Its numbers for the strategies of its simplex.
STRATEGIES = {"dual": 1, "primal": 4}


def solver(path, method="dual", presolve=False):
    """A solver with the program of an MPS file in it."""
    model = highspy.Highs()
    options = {
        "output_flag": False,
        "threads": 1,
        "parallel": "off",
        "solver": "simplex",
        "simplex_strategy": STRATEGIES[method],
        "presolve": "on" if presolve else "off",
        # A coefficient is a coefficient, however small it is.
        "small_matrix_value": 1e-12,
    }
    for name, value in options.items():
        model.setOptionValue(name, value)
    if model.readModel(str(path)) == highspy.HighsStatus.kError:
        raise ValueError(f"HiGHS cannot read {path}")
    return model


def solve(model, limit=None):
    """Solves from the program in memory: its seconds, the status, the objective and the steps."""
    model.clearSolver()
    if limit is not None:
        # The limit is on all that its clock has counted, reading and earlier solves too.
        model.setOptionValue("time_limit", model.getRunTime() + limit)
    seconds, _ = timed(model.run)
    status = model.getModelStatus()
    info = model.getInfo()
    return {
        "seconds": seconds,
        "status": STATUSES.get(status, model.modelStatusToString(status)),
        "objective": info.objective_function_value,
        "iterations": info.simplex_iteration_count,
    }


def program_of(model):
    """The program that HiGHS has read."""
    lp = model.getLp()
    form = lp.a_matrix_
    data = (numpy.array(form.value_), numpy.array(form.index_), numpy.array(form.start_))
    shape = (lp.num_row_, lp.num_col_)
    columnwise = form.format_ == highspy.MatrixFormat.kColwise
    matrix = sparse.csc_array(data, shape) if columnwise else sparse.csr_array(data, shape).tocsc()
    return Program(
        costs=numpy.array(lp.col_cost_),
        lower=numpy.array(lp.col_lower_),
        upper=numpy.array(lp.col_upper_),
        row_lower=numpy.array(lp.row_lower_),
        row_upper=numpy.array(lp.row_upper_),
        matrix=matrix,
        maximise=lp.sense_ == highspy.ObjSense.kMaximize,
        offset=lp.offset_,
    )
