//! The texts of `brenier ot --help`.

/// The two ways to call it.
pub const USAGE: &str = "\
brenier ot [OPTIONS] <SOURCE> <TARGET>
       brenier ot [OPTIONS] --cost-matrix <FILE>";

/// What is computed. A paragraph is one line: the argument parser breaks it to the width of the terminal.
pub const WHAT: &str = "\
Optimal transport between two weighted point clouds, or for a given cost matrix: exact, or entropic with --epsilon.

Finds the cheapest way to move the mass of n sources onto m targets:

  minimise    sum_ij P_ij C_ij    over plans P >= 0
  such that   sum_j P_ij = a_i    (the source weights)
              sum_i P_ij = b_j    (the target weights)

C_ij is the distance between source point i and target point j (--cost), or an entry of --cost-matrix. Weights that \
are not given are 1/n and 1/m. They need not sum to one, but both sides must carry the same mass: within 1e-9 \
relative, or 1e-5 if weights come as f32. Nothing is normalised silently.

The method is a network simplex, for large problems on a sparse graph of candidate pairs that an entropic warm start \
finds; points on a line are sorted, whatever the method. Its answer comes with a proof: potentials f, g with f_i + g_j <= C_ij for all pairs \
bound every plan's cost from below by the dual value, sum_i a_i f_i + sum_j b_j g_j. The gap is the cost minus that.

With --epsilon E it finds the plan that minimises sum_ij P_ij C_ij + E KL(P | a b/M) instead, M the mass: \
P_ij = a_i b_j/M exp((f_i + g_j - C_ij)/E), by Sinkhorn's algorithm in the log domain. The regularised cost, the dual value and the gap are those of that problem. \
The rounded cost, of the feasible plan next to P, and the lower bound that the potentials prove enclose the exact cost.";

/// Inputs, examples, and the keys of `--json`.
pub const EXAMPLES: &str = "\
Inputs are .npy files of real numbers, or .csv files (by the extension: commas, a line for each point). A cloud has \
shape (n, d), one point in each row; shape (n,) is n points on a line. Weights have shape (n,), a cost matrix (n, m). \
Files of f32 stay f32 in memory; all others are read as f64, integers only where they \
fit exactly. Arithmetic is in f64 either way.

Examples:
  brenier ot source.npy target.npy
  brenier ot source.npy target.npy --cost euclidean --plan plan.npy
  brenier ot a.csv b.csv --source-weights wa.csv --target-weights wb.csv --cost minkowski:3
  brenier ot --cost-matrix costs.npy --plan plan.csv --plan-format sparse
  brenier ot source.npy target.npy --json --threads 1 | jq .cost
  brenier ot source.npy target.npy --source-potentials f.npy --target-potentials g.npy
  brenier ot source.npy moved.npy --initial-potentials f.npy g.npy --verbose

  brenier ot source.npy target.npy --epsilon 0.05 --epsilon-relative median
  brenier ot source.npy target.npy --epsilon 0.1 --plan plan.npy --top 10

An initial plan or initial potentials change the time, never the answer's optimality. Their files are laid out as --plan \
and the two options for potentials write them. --verbose ends with a table of the solver's stages.

Keys of --json without --epsilon (numbers that are not finite, and what is not known, are null):
  status               optimal, iteration_limit, stopped, or inaccurate (the costs span
                       more orders of magnitude than f64 has digits)
  cost                 sum_ij P_ij C_ij
  dual_value, gap      the lower bound that the potentials prove; cost - dual_value
  iterations           pivots
  seconds              in the solver alone
  seconds_total        from start to end, with reading and writing
  peak_memory_bytes    largest resident size of the process
  threads, simd        number of threads; instructions: portable, avx2 or avx512
  sources, targets     n and m
  dimensions           d; null for a cost matrix
  cost_name            the distance, or \"matrix\"
  element_type         f32 or f64
  support              positive entries of the plan, at most n + m - 1
  source_marginal_error, target_marginal_error
                       sum_i |sum_j P_ij - a_i|, sum_j |sum_i P_ij - b_j|
  dual_violation       largest f_i + g_j - C_ij over all pairs, or 0
  relative_dual_violation, tolerance
                       the same over |C_ij| + |f_i| + |g_j|; the most that is accepted
  mass_adjustment      target mass - source mass, as given; the plan has the source's
  negligible_source_weights, negligible_target_weights
                       indices of positive weights too small to count, taken as zero
  stopped_by           interrupt, timeout, or null
  report               what the solver did, an object:
    method               sorting, plain simplex, sparse simplex, or sparse, then plain
                         simplex where the first did not get to the end
    stages               of each, in order: name, seconds over all its turns, turns
    sparse_pivots, plain_pivots
                         pivots of either simplex; together the iterations
    candidates           pairs that the candidate sweep found worth a look
    arcs, rounds         arcs of the sparse graph in the end; how often some were added
    warm_start_error     L1 error of a marginal after the warm start, as a share of the
                         mass; null without one
  plan, source_potentials, target_potentials
                       the files that were written, or null
Keys of --json with --epsilon: of those above
  status               converged, iteration_limit, stopped, or inaccurate (rounding keeps
                       the marginal error above the tolerance)
  cost, transport_cost sum_ij P_ij C_ij
  dual_value, gap      lower bound on the regularised problem, with KL; upper bound - that
  iterations           looks at all pairs
  all from seconds to element_type, source_marginal_error, target_marginal_error,
  tolerance (of the marginal error), stopped_by, plan, source_potentials, target_potentials
and
  epsilon              in units of the cost
  method               accelerated, plain or anderson
  finished_in_double   whether the last iterations were in double precision
  passes               iterations, and inner work in such units
  marginal_error       L1 error of both marginals as a share of the mass, as the solver
                       saw it
  regularised_cost     cost + epsilon KL(P | a b/M)
  upper_bound          the optimal regularised cost lies between dual_value and this
  regularised_cost_with_entropy, dual_value_with_entropy
                       cost - epsilon H(P), and the dual value of that problem
  kl_divergence, entropy
                       KL(P | a b/M), and H(P) = - sum_ij P_ij (ln P_ij - 1)
  rounded_cost, cost_lower_bound
                       the exact cost (without entropy) lies between them
  top                  entries of each row that --plan has, or null for all
After an error the object is {\"status\":\"error\",\"error\":\"what was wrong\"}.
";
