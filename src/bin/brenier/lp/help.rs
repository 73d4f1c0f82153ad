//! The texts of `brenier lp --help`.

/// What is computed. A paragraph is one line: the argument parser breaks it to the width of the terminal.
pub const WHAT: &str = "\
Linear programs from MPS and LP files, by the dual or the primal simplex, with proof.

  minimise or maximise   c'x + c0
  such that              L <= A x <= U    (rows)
                         l <=  x  <= u    (columns)

The answer is checked on the program as it stands in the file: residuals of both sides, complementarity, and the gap between the objectives of x and of the duals. \
An infeasible program comes with Farkas multipliers, rows whose weighted sum contradicts the bounds, an unbounded one with a ray along which \
the objective improves without end from a feasible point; both are checked in the same way. A dual is the derivative of the objective by the right-hand side of its row, \
a reduced cost that by the bound of its column, whether the program minimises or maximises.

Columns that the file declares integer are solved without that condition, and a warning says so.";

/// Inputs, outputs, examples, and the keys of `--json`.
pub const EXAMPLES: &str = "\
Examples:
  brenier lp afiro.mps
  brenier lp plan.mps.gz --json --time-limit 60 | jq .objective
  brenier lp diet.lp --solution diet.csv --basis-out diet.bas
  brenier lp diet.lp --ranging ranges.csv
  brenier lp changed.mps --basis-in diet.bas --dual
  brenier lp huge.mps --primal --no-presolve --verbose

The file of --solution is CSV with a header: part (row or column), name, status (basic, at_lower, at_upper, free), value, lower, upper, \
dual (of a column its reduced cost). Infinite bounds are inf and -inf. If the program is infeasible, a last field farkas has the multipliers \
(of a column that of its bound: the weighted sum of rows and columns is zero); if it is unbounded, a last field ray has the direction \
(of a row the rate at which it moves). Bases are in the format of MPS (XU, XL, UL, LL). A basis of the same program with other numbers is a good one to begin with.
The file of --ranging is CSV with a line for each cost and each bound: part, name, number (cost, lower or upper), value, rate (of the objective with it), least and largest (the ends of its range, with the objective there and the row or column that ends it). The ranges are those of the basis: at a degenerate optimum the objective may go on in the same way beyond them.

Keys of --json (numbers that are not finite, and what is not known, are null):
  status               optimal, infeasible, unbounded, iteration_limit, time_limit, stopped, or
                       inaccurate (what was found does not stand the check)
  objective            c'x + c0; null if infeasible or unbounded
  dual_value, gap      the objective of the duals; by how much that of x is worse (null after a
                       limit at which x or the duals are not feasible)
  iterations           simplex steps
  seconds              in the solver alone, with presolve and check
  seconds_total        from start to end, with reading and writing
  peak_memory_bytes    largest resident size of the process
  threads, simd        number of threads; instructions: portable, avx2 or avx512
  primal_residual      largest violation of a bound of a row or a column
  dual_residual        largest reduced cost or dual of a sign that no bound allows
  complementarity      largest product of a dual or reduced cost and the distance of the row or
                       column from its bound
  gap_relative         the size of the gap over that of the objective and its terms
  contradiction        of an infeasible program, an object: kind is farkas, with verified,
                       margin and residual of the check (relative), or bounds, with part and
                       name of what has its lower bound above its upper one; else null
  ray                  of an unbounded program, an object: verified, improvement and residual
                       of the check (relative); else null
  stopped_by           interrupt, or null
  version              of this command
  name, sense          of the program; minimise or maximise
  rows, columns, nonzeros, integer_columns
                       numbers of them
  method               dual or primal
  presolve, scaling    whether they were used
  warnings             what the file could have meant otherwise, and what of it is not solved
  solution, basis_in, basis_out, ranging
                       the files, or null
After an error the object is {\"status\":\"error\",\"error\":\"what was wrong\"}.
";

/// The exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    optimal, and proved
  1    bad input or output: the message names the file, the line and the section
  2    wrong usage
  3    stopped by a limit (iterations, time, precision) or by Ctrl-C: the residuals say what
       the x at hand is worth
  4    infeasible, and proved
  5    unbounded, and proved
  130  Ctrl-C a second time, or while nothing is being solved: no answer";
