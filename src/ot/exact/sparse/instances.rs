//! Small problems for the tests of the stages.

use super::super::costs::CostRows;
use super::arcs::Candidates;
use super::scaled::ScaledProblem;
use crate::Matrix;
use crate::matrix::Distance;
use crate::ot::problem::Problem;
use crate::random::RandomStream;

/// Masses of both sides, equal in sum; those of the larger side are at most `heaviest`, give or take.
pub(super) fn divided(
    rows: usize,
    columns: usize,
    heaviest: i64,
    random: &mut RandomStream,
) -> (Vec<i64>, Vec<i64>) {
    let total = rows.max(columns) as i64 * heaviest;
    let mut side = |count: usize| {
        let mut units = vec![1_i64; count];
        for _ in count as i64..total {
            units[random.below(count as u64).unwrap() as usize] += 1;
        }
        units
    };
    (side(rows), side(columns))
}

/// Whole numbers from -1 to `levels` - 2.
pub(super) fn integer_costs(count: usize, levels: u64, random: &mut RandomStream) -> Vec<f64> {
    (0..count).map(|_| random.below(levels).unwrap() as f64 - 1.0).collect()
}

/// All pairs.
pub(super) fn complete(rows: usize, columns: usize, costs: &[f64]) -> Candidates {
    let pairs: Vec<(u32, u32)> =
        (0..rows * columns).map(|at| ((at / columns) as u32, (at % columns) as u32)).collect();
    Candidates::from_rows(rows, &pairs, |source, target| costs[source as usize * columns + target as usize])
}

/// Normal points with this centre in every coordinate and this standard deviation.
pub(super) fn cloud(points: usize, dimension: usize, seed: u64, centre: f64, extent: f64) -> Matrix<f64> {
    RandomStream::new(seed).normal_matrix::<f64>(points, dimension).map(|value| centre + extent * value)
}

/// `look` at the costs of two clouds as they are and scaled; `None` where single precision cannot hold them.
pub(super) fn with_clouds<R>(
    [x, y]: [&Matrix<f64>; 2],
    distance: Distance,
    [supply, demand]: [&[i64]; 2],
    look: impl FnOnce(&CostRows<'_, f64>, &ScaledProblem<'_, '_, f64>) -> R,
) -> Option<R> {
    let problem = Problem::from_points(x, y, distance);
    let costs = CostRows::new(&problem).expect("a good problem");
    let scaled = ScaledProblem::new(problem.costs(), &costs, supply, demand)?;
    Some(look(&costs, &scaled))
}

/// The bits that `function` gives on one thread, which must be those on three.
pub(super) fn on_any_threads<R: PartialEq + std::fmt::Debug + Send>(function: impl Fn() -> R + Sync) -> R {
    #[cfg(feature = "parallel")]
    {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(&function)
        };
        let one = with(1);
        assert_eq!(one, with(3), "it depends on the number of threads");
        one
    }
    #[cfg(not(feature = "parallel"))]
    function()
}
