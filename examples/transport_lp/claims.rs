//! The claims of the exercise, each beside what was measured.

use super::{Exercise, SINKS, SOURCES};
use brenier::matrix::{Distance, Matrix, pairwise};
use brenier::ot::{TransportPlan, exact};

/// (a) Going straight is cheapest: the triangle inequality.
pub fn straight_lines(exercise: &Exercise, costs: &Matrix<f64>) {
    let between_sinks = pairwise(&exercise.sinks, &exercise.sinks, Distance::Euclidean)
        .expect("the sinks are finite points of one dimension");
    let (mut least, mut count) = (f64::INFINITY, 0);
    for i in 0..SOURCES {
        for j in 0..SINKS {
            for via in (0..SINKS).filter(|&via| via != j) {
                least = least.min(costs[(i, via)] + between_sinks[(via, j)] - costs[(i, j)]);
                count += 1;
            }
        }
    }
    println!("\n(a) C_ij = |x_i - y_j| is the length of the straight line, the least of all paths.");
    println!("    Claim: every detour costs more, |x - z| + |z - y| >= |x - y|.");
    println!(
        "    Measured: {count} detours through a third point; the cheapest costs {least:.4} more than going straight."
    );
}

/// (b), (c) The linear program, in both forms, and how well the plan satisfies it.
pub fn linear_program(exercise: &Exercise, plan: &TransportPlan) {
    let worst = |marginal: Vec<f64>, masses: &[f64]| {
        marginal.iter().zip(masses).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    let rows = worst(plan.source_marginal(), &exercise.source_masses);
    let columns = worst(plan.target_marginal(), &exercise.sink_masses);
    let (equalities, variables) = (SOURCES + SINKS, SOURCES * SINKS);
    println!(
        "\n(b) The plan's rows, one after the other, are x; the costs likewise c: minimise c.x subject to"
    );
    println!("    sum_j P_ij = m_i for {SOURCES} sources and sum_i P_ij = n_j for {SINKS} sinks, x >= 0.");
    println!(
        "    With inequalities, each equality as two: [B; -B] x <= [m, n; -m, -n], A is {} x {variables}.",
        2 * equalities
    );
    println!(
        "(c) With equalities: B x = (m, n), B is {equalities} x {variables}, of rank {} as both sides have the same mass.",
        equalities - 1
    );
    println!(
        "    A vertex has at most {} positive entries; this plan has {}.",
        equalities - 1,
        plan.entries().len()
    );
    println!("    Largest |B x - (m, n)|: {rows:.1e} (sources), {columns:.1e} (sinks).");
}

/// The plan, the dual variables, and complementary slackness.
pub fn plan_and_duals(costs: &Matrix<f64>, solution: &exact::Solution) {
    let (u, v) = (&solution.source_potentials, &solution.target_potentials);
    let slack = |i: usize, j: usize| costs[(i, j)] - u[i] - v[j];
    println!("\nThe optimal plan, and the slack C_ij - u_i - v_j of its entries:");
    println!("  source   sink     mass       cost C_ij     slack");
    for entry in solution.plan.entries() {
        let (i, j) = (entry.source, entry.target);
        println!("  {i:4}   {j:4}     {:.6}   {:.6}     {:8.1e}", entry.mass, costs[(i, j)], slack(i, j));
    }
    let row =
        |values: &[f64]| values.iter().map(|value| format!("{value:8.4}")).collect::<Vec<_>>().join(" ");
    println!("\nThe dual: maximise m.u + n.v subject to u_i + v_j <= C_ij.");
    println!("  u = {}", row(u));
    for part in v.chunks(10) {
        println!("  v = {}", row(part));
    }
    let support: Vec<(usize, usize)> =
        solution.plan.entries().iter().map(|entry| (entry.source, entry.target)).collect();
    let on = support.iter().map(|&(i, j)| slack(i, j).abs()).fold(0.0, f64::max);
    let off = (0..SOURCES)
        .flat_map(|i| (0..SINKS).map(move |j| (i, j)))
        .filter(|pair| !support.contains(pair))
        .map(|(i, j)| slack(i, j))
        .fold(f64::INFINITY, f64::min);
    let certificate = &solution.certificate;
    println!(
        "  Claim: the optima are equal.    Measured: primal {:.12}, dual {:.12}.",
        certificate.primal_cost, certificate.dual_value
    );
    println!(
        "  Claim: mass moves only where the slack is zero.    Measured: at most {on:.1e} on the {} entries.",
        support.len()
    );
    println!(
        "  Off them the least slack is {off:.4} > 0 (expected 0.0076): the plan is the only optimal one."
    );
}

/// (d) No two entries of the plan gain by exchanging their sinks.
pub fn exchange(costs: &Matrix<f64>, plan: &TransportPlan) {
    let entries = plan.entries();
    let (mut least, mut count) = (f64::INFINITY, 0);
    for (k, first) in entries.iter().enumerate() {
        for second in &entries[k + 1..] {
            let (i, j, s, t) = (first.source, first.target, second.source, second.target);
            if i != s && j != t {
                least = least.min(costs[(i, t)] + costs[(s, j)] - costs[(i, j)] - costs[(s, t)]);
                count += 1;
            }
        }
    }
    println!(
        "\n(d) Claim: for any two routes of an optimal plan, C_ij + C_kl <= C_il + C_kj; crossing routes in the plane"
    );
    println!(
        "    would gain by exchanging their sinks (triangle inequality at the crossing), so there are none."
    );
    println!(
        "    Measured: {count} pairs of routes with different ends; exchanging never gains, the closest call costs {least:.4}."
    );
}
