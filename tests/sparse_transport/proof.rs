//! The proof of optimality, from the plan, the potentials and the costs alone.

use brenier::Matrix;
use brenier::ot::Status;
use brenier::ot::exact::Solution;
use std::fmt::Display;

/// What the parts of an answer say about it.
#[derive(Debug)]
pub struct Measured {
    /// Σ P C.
    pub cost: f64,
    /// Σ P |C|.
    pub size: f64,
    /// Σ P (f + g).
    pub dual: f64,
    /// How much less than the dual value any plan may cost, because of violated pairs: Σ aᵢ maxⱼ (fᵢ + gⱼ - Cᵢⱼ)⁺ or the same by
    /// columns, whichever is less.
    pub violated: f64,
    /// Σ P |C - f - g|.
    pub slack: f64,
    /// The largest f + g - C over all pairs, or zero.
    pub violation: f64,
    /// The largest |f| and |g|.
    pub largest_potential: f64,
    /// The largest difference between a marginal and a weight.
    pub marginal_error: f64,
    /// What rounding may do to sums over the plan: 64 roundings of the largest cost or potential on it, for all its mass.
    pub rounding: f64,
}

impl Measured {
    /// By how much two optimal costs of this problem may differ.
    pub fn allowed(&self) -> f64 {
        1e-9 * self.size + self.rounding
    }

    /// Whether potentials have too few digits to decide: the plan pays so little beside the largest cost on it (times its mass) that
    /// even one rounding of that is more than a share of 1e-8. Then "inaccurate" is the honest status.
    pub fn is_beyond_double_precision(&self) -> bool {
        self.rounding > 64e-8 * self.size
    }
}

pub fn measure(solution: &Solution, costs: &Matrix<f64>, source: &[f64], target: &[f64]) -> Measured {
    let (n, m) = (costs.rows(), costs.columns());
    let (f, g) = (&solution.source_potentials, &solution.target_potentials);
    assert_eq!((f.len(), g.len()), (n, m));
    assert_eq!((solution.plan.rows(), solution.plan.columns()), (n, m));
    assert!(f.iter().chain(g).all(|potential| potential.is_finite()), "potentials are numbers");
    let (mut source_marginal, mut target_marginal) = (vec![0.0; n], vec![0.0; m]);
    let (mut cost, mut size, mut dual, mut slack, mut largest) = (0.0, 0.0, 0.0, 0.0, 0.0_f64);
    for entry in solution.plan.entries() {
        let (i, j) = (entry.source, entry.target);
        assert!(entry.mass > 0.0, "entry ({i}, {j}) carries {}", entry.mass);
        source_marginal[i] += entry.mass;
        target_marginal[j] += entry.mass;
        cost += entry.mass * costs[(i, j)];
        size += entry.mass * costs[(i, j)].abs();
        dual += entry.mass * (f[i] + g[j]);
        slack += entry.mass * (costs[(i, j)] - f[i] - g[j]).abs();
        largest = largest.max(costs[(i, j)].abs()).max(f[i].abs()).max(g[j].abs());
    }
    let (mut of_rows, mut of_columns) = (vec![0.0_f64; n], vec![0.0_f64; m]);
    for (i, of_row) in of_rows.iter_mut().enumerate() {
        for (j, (&c, of_column)) in costs.row(i).iter().zip(&mut of_columns).enumerate() {
            let violation = f[i] + g[j] - c;
            if violation > 0.0 {
                *of_row = of_row.max(violation);
                *of_column = of_column.max(violation);
            }
        }
    }
    let weighed = |weights: &[f64], worst: &[f64]| weights.iter().zip(worst).map(|(w, v)| w * v).sum::<f64>();
    let marginal_error = (source_marginal.iter().zip(source))
        .chain(target_marginal.iter().zip(target))
        .map(|(got, want)| (got - want).abs())
        .fold(0.0, f64::max);
    Measured {
        cost,
        size,
        dual,
        violated: weighed(source, &of_rows).min(weighed(target, &of_columns)),
        slack,
        violation: of_rows.iter().copied().fold(0.0, f64::max),
        largest_potential: f.iter().chain(g).fold(0.0, |largest, potential| largest.max(potential.abs())),
        marginal_error,
        rounding: 64.0 * f64::EPSILON * largest * source.iter().sum::<f64>(),
    }
}

/// Asserts that the plan is a vertex with these marginals.
pub fn assert_feasible(
    solution: &Solution,
    measured: &Measured,
    source: &[f64],
    target: &[f64],
    context: &dyn Display,
) {
    let (n, m) = (source.len(), target.len());
    assert!(solution.plan.entries().len() < n + m, "{context}: not a vertex");
    let mass: f64 = source.iter().sum();
    // Each mass is rounded once, to a unit or to a number; sums of weights that differ are adjusted on one side.
    let slack = 4.0 * (n + m) as f64 * f64::EPSILON * mass + (mass - target.iter().sum::<f64>()).abs();
    assert!(measured.marginal_error <= slack, "{context}: {measured:?}");
}

/// Asserts that the answer is optimal, by weak duality over all pairs; gives back its parts.
///
/// Any plan costs at least the dual value less what pairs violate. So the cost is within slack plus violation of the least one: this
/// must be below 1e-9 of Σ P |C|, but for rounding.
pub fn assert_proved(
    solution: &Solution,
    costs: &Matrix<f64>,
    source: &[f64],
    target: &[f64],
    context: &dyn Display,
) -> Measured {
    let certificate = &solution.certificate;
    let measured = measure(solution, costs, source, target);
    let all = format!("{context}: {}\n{measured:?}\n{certificate}", solution.report.method);
    assert_feasible(solution, &measured, source, target, &all);
    if certificate.status == Status::Inaccurate && measured.is_beyond_double_precision() {
        return measured;
    }
    assert_eq!(certificate.status, Status::Optimal, "{all}");
    assert!(measured.slack + measured.violated <= measured.allowed(), "{all}");
    // As documented: 1e-13 of the numbers at hand, or sixteen roundings of the largest potential. Costs of points are computed in
    // another order here, which is another few roundings of them.
    for i in 0..costs.rows() {
        let f = solution.source_potentials[i];
        for (j, (&cost, &g)) in costs.row(i).iter().zip(&solution.target_potentials).enumerate() {
            let noise = 20.0 * f64::EPSILON * measured.largest_potential;
            let tolerance = 1.1e-13 * (cost.abs() + f.abs() + g.abs()) + noise;
            assert!(f + g - cost <= tolerance, "pair ({i}, {j}): {:e} > {tolerance:e}\n{all}", f + g - cost);
        }
    }
    // The certificate says the same, up to the rounding of sums and of costs computed in another order.
    assert!(
        (certificate.primal_cost - measured.cost).abs() <= 1e-12 * measured.size + measured.rounding,
        "{all}"
    );
    assert!((certificate.gap - (measured.cost - measured.dual)).abs() <= measured.allowed(), "{all}");
    let noise = 64.0 * f64::EPSILON * measured.largest_potential;
    assert!((certificate.dual_violation - measured.violation).abs() <= noise, "{all}");
    measured
}

/// Whether the measured cost is this one, within 1e-9 of what the plan pays, but for rounding.
pub fn assert_same_cost(one: &Measured, other: f64, context: &dyn Display) {
    let allowed = one.allowed();
    assert!((one.cost - other).abs() <= allowed, "{context}: {} and {other}, allowed {allowed:e}", one.cost);
}

/// Whether two answers agree in every bit of everything but the time they took.
pub fn same_answer(one: &Solution, other: &Solution) -> bool {
    let bits = |solution: &Solution| -> Vec<u64> {
        let numbers = solution.source_potentials.iter().chain(&solution.target_potentials);
        let masses = solution.plan.entries().iter().map(|entry| entry.mass.to_bits());
        numbers.map(|value| value.to_bits()).chain(masses).collect()
    };
    let report = |solution: &Solution| {
        let report = &solution.report;
        let stages: Vec<_> = report.stages.iter().map(|stage| (stage.name, stage.turns)).collect();
        let counts =
            (report.sparse_pivots, report.plain_pivots, report.candidates, report.arcs, report.rounds);
        (report.method, stages, counts, report.warm_start_error.to_bits())
    };
    one.plan == other.plan
        && bits(one) == bits(other)
        // Debug prints every number so that it can be read back: words that agree are bits that agree.
        && format!("{:?}", one.certificate) == format!("{:?}", other.certificate)
        && report(one) == report(other)
}
