use super::super::work_vector::WorkVector;
use super::super::{BasisStatus, LinearProgram, Options, read_mps, run_to_the_end, solve_with};
use super::*;
use crate::data::{netlib_file, netlib_skipped};
use crate::random::RandomStream;
use proptest::prelude::*;

/// B times a vector, from the matrix itself.
fn times_basis(matrix: &SparseMatrix, head: &[usize], x: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; x.len()];
    for (&variable, &x) in head.iter().zip(x) {
        if variable < matrix.columns() {
            matrix.column(variable).for_each(|(row, value)| product[row] += value * x);
        } else {
            product[variable - matrix.columns()] -= x;
        }
    }
    product
}

/// Bᵀ times a vector.
fn times_basis_transposed(matrix: &SparseMatrix, head: &[usize], y: &[f64]) -> Vec<f64> {
    let column = |&variable: &usize| match variable.checked_sub(matrix.columns()) {
        Some(row) => -y[row],
        None => matrix.column(variable).map(|(row, value)| value * y[row]).sum(),
    };
    head.iter().map(column).collect()
}

/// Σ |b_ij| |x_j| by rows: what the residual of a backward stable solve is measured by.
fn times_absolute(matrix: &SparseMatrix, head: &[usize], x: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; x.len()];
    for (&variable, &x) in head.iter().zip(x) {
        if variable < matrix.columns() {
            matrix.column(variable).for_each(|(row, value)| product[row] += (value * x).abs());
        } else {
            product[variable - matrix.columns()] += x.abs();
        }
    }
    product
}

fn work_vector(values: &[f64]) -> WorkVector {
    let mut x = WorkVector::new(values.len());
    for (index, &value) in values.iter().enumerate() {
        if value != 0.0 {
            x.insert(index, value);
        }
    }
    x
}

fn column_of(matrix: &SparseMatrix, variable: usize) -> WorkVector {
    let mut x = WorkVector::new(matrix.rows());
    match variable.checked_sub(matrix.columns()) {
        Some(row) => x.insert(row, -1.0),
        None => matrix.column(variable).for_each(|(row, value)| x.insert(row, value)),
    }
    x
}

/// Listed means: the pattern holds the nonzeros, each once, and nothing else.
fn assert_exact_pattern(x: &WorkVector) {
    let nonzeros: Vec<u32> =
        (0..x.values.len() as u32).filter(|&index| x.values[index as usize] != 0.0).collect();
    if x.listed {
        let mut pattern = x.pattern.clone();
        pattern.sort_unstable();
        assert_eq!(pattern, nonzeros);
    } else {
        assert!(nonzeros.len() * 10 > x.values.len(), "{} of {}", nonzeros.len(), x.values.len());
    }
    assert!(x.values.iter().all(|value| *value == 0.0 || value.abs() >= TINY));
}

/// The largest residual of both solves by both ways (search and plain), relative to Σ |b| |x| and the right-hand side.
fn residual(factor: &mut Factor, matrix: &SparseMatrix, head: &[usize], b: &[f64]) -> f64 {
    let mut worst = 0.0_f64;
    for expected_density in [0.0, 1.0] {
        let mut x = work_vector(b);
        factor.ftran(&mut x, expected_density);
        assert_exact_pattern(&x);
        let product = times_basis(matrix, head, &x.values);
        let scale = times_absolute(matrix, head, &x.values);
        for row in 0..b.len() {
            worst = worst.max((product[row] - b[row]).abs() / (scale[row] + b[row].abs() + 1.0));
        }
        let mut y = work_vector(b);
        factor.btran(&mut y, expected_density);
        assert_exact_pattern(&y);
        let product = times_basis_transposed(matrix, head, &y.values);
        let absolute: Vec<f64> = y.values.iter().map(|value| value.abs()).collect();
        let absolute_matrix = absolute_of(matrix);
        for (row, scale) in times_basis_transposed(&absolute_matrix, head, &absolute).iter().enumerate() {
            worst = worst.max((product[row] - b[row]).abs() / (scale.abs() + b[row].abs() + 1.0));
        }
    }
    worst
}

fn absolute_of(matrix: &SparseMatrix) -> SparseMatrix {
    let triplets = (0..matrix.columns())
        .flat_map(|column| matrix.column(column).map(move |(row, value)| (row, column, value.abs())));
    SparseMatrix::from_triplets(matrix.rows(), matrix.columns(), triplets)
}

/// A random matrix with about `per_column` entries a column.
fn random_matrix(rows: usize, columns: usize, per_column: f64, stream: &mut RandomStream) -> SparseMatrix {
    let mut triplets = Vec::new();
    for column in 0..columns {
        let count = (2.0 * per_column * stream.uniform::<f64>()) as usize + 1;
        for _ in 0..count.min(rows) {
            let row = stream.below(rows as u64).expect("rows > 0") as usize;
            let magnitude = 10.0_f64.powf(stream.uniform_range(-1.0, 1.0).expect("a range"));
            let sign = if stream.uniform::<f64>() < 0.5 { -1.0 } else { 1.0 };
            triplets.push((row, column, sign * magnitude));
        }
    }
    SparseMatrix::from_triplets(rows, columns, triplets)
}

fn random_head(rows: usize, columns: usize, stream: &mut RandomStream) -> Vec<usize> {
    stream.sample_without_replacement(rows + columns, rows).expect("fewer rows than variables")
}

fn random_vector(rows: usize, nonzeros: usize, stream: &mut RandomStream) -> Vec<f64> {
    let mut b = vec![0.0; rows];
    for _ in 0..nonzeros {
        b[stream.below(rows as u64).expect("rows > 0") as usize] = stream.normal();
    }
    b
}

/// A head names each variable once; replaced ones are gone and their logicals there.
fn assert_permuted(before: &[usize], after: &[usize], columns: usize, replacements: &[Replacement]) {
    let mut expected: Vec<usize> = before.to_vec();
    for replacement in replacements {
        let place =
            expected.iter().position(|&variable| variable == replacement.removed).expect("it was basic");
        expected[place] = columns + replacement.row;
        assert_eq!(after[replacement.row], columns + replacement.row);
    }
    let mut after = after.to_vec();
    after.sort_unstable();
    expected.sort_unstable();
    assert_eq!(after, expected);
}

#[test]
fn the_basis_of_logicals_is_minus_identity() {
    let mut factor = Factor::new(4);
    let mut x = work_vector(&[1.0, 0.0, -2.0, 0.0]);
    factor.ftran(&mut x, 0.0);
    assert_eq!(x.values, [-1.0, 0.0, 2.0, 0.0]);
    factor.btran(&mut x, 0.0);
    assert_eq!(x.values, [1.0, 0.0, -2.0, 0.0]);
    assert_eq!((factor.nonzeros(), factor.updates()), (4, 0));
}

#[test]
fn a_basis_without_rows_is_fine() {
    let mut factor = Factor::new(0);
    assert_eq!(factor.factorise(&SparseMatrix::from_triplets(0, 3, []), &mut [], 0.1), []);
    let mut x = WorkVector::new(0);
    factor.ftran(&mut x, 0.5);
    factor.btran(&mut x, 0.5);
    assert!(!factor.should_refactorise());
}

#[test]
fn a_permuted_triangle_is_not_filled_in() {
    let mut stream = RandomStream::new(1);
    let rows = 200;
    let (to_row, to_column) = (stream.permutation(rows), stream.permutation(rows));
    let mut triplets = Vec::new();
    for column in 0..rows {
        triplets.push((to_row[column], to_column[column], 2.0));
        for _ in 0..if column > 0 { 4 } else { 0 } {
            let above = stream.below(column as u64).expect("column > 0") as usize;
            triplets.push((to_row[above], to_column[column], 1.0));
        }
    }
    let matrix = SparseMatrix::from_triplets(rows, rows, triplets);
    for matrix in [matrix.transpose(), matrix] {
        let mut head: Vec<usize> = (0..rows).collect();
        let mut factor = Factor::new(rows);
        assert_eq!(factor.factorise(&matrix, &mut head, 0.1), []);
        assert_eq!(factor.nonzeros(), matrix.nonzeros());
    }
}

#[test]
fn random_bases_are_solved_as_by_dense_elimination() {
    let mut stream = RandomStream::new(2);
    for case in 0..60 {
        let rows = 1 + case;
        let matrix = random_matrix(rows, 2 * rows, 1.0 + (case % 5) as f64, &mut stream);
        let mut head = random_head(rows, 2 * rows, &mut stream);
        let before = head.clone();
        let mut factor = Factor::new(rows);
        let replacements = factor.factorise(&matrix, &mut head, 0.1);
        assert_permuted(&before, &head, 2 * rows, &replacements);
        let dense = faer::Mat::from_fn(rows, rows, |row, place| column_of(&matrix, head[place]).values[row]);
        let b = random_vector(rows, 1 + rows / 3, &mut stream);
        let right = faer::Mat::from_fn(rows, 1, |row, _| b[row]);
        use faer::linalg::solvers::Solve;
        let expected = dense.full_piv_lu().solve(&right);
        let expected_transposed = dense.transpose().to_owned().full_piv_lu().solve(&right);
        let (mut x, mut y) = (work_vector(&b), work_vector(&b));
        factor.ftran(&mut x, 0.0);
        factor.btran(&mut y, 0.0);
        for row in 0..rows {
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-8 * (1.0 + b.abs());
            assert!(
                close(x.values[row], expected[(row, 0)]),
                "case {case}: {} {}",
                x.values[row],
                expected[(row, 0)]
            );
            assert!(close(y.values[row], expected_transposed[(row, 0)]), "case {case}");
        }
    }
}

/// One exchange of a random pair that is not too near to singular; false if the update refused.
fn exchange(
    factor: &mut Factor,
    matrix: &SparseMatrix,
    head: &mut [usize],
    stream: &mut RandomStream,
) -> bool {
    let (rows, variables) = (matrix.rows(), matrix.rows() + matrix.columns());
    loop {
        let entering = stream.below(variables as u64).expect("variables > 0") as usize;
        if head.contains(&entering) {
            continue;
        }
        let mut x = column_of(matrix, entering);
        let expected_density = stream.uniform::<f64>() * 0.2;
        factor.ftran_entering(&mut x, expected_density);
        let largest = x.values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let start = stream.below(rows as u64).expect("rows > 0") as usize;
        let mut candidates = (start..rows).chain(0..start);
        let Some(row) = candidates.find(|&row| x.values[row].abs() >= 0.1 * largest && largest > 1e-6) else {
            continue;
        };
        let mut y = WorkVector::new(rows);
        factor.btran_leaving(row, &mut y, expected_density);
        let mut other = y.clone(); // what the caller solves in between
        factor.ftran(&mut other, expected_density);
        let mut other = column_of(matrix, entering);
        factor.btran(&mut other, expected_density);
        let done = factor.update(row, x.values[row]);
        head[row] = entering;
        return done;
    }
}

#[test]
fn thousands_of_exchanges_keep_the_residual_small() {
    let mut stream = RandomStream::new(3);
    for (rows, per_column) in [(5, 2.0), (60, 1.5), (300, 2.0), (300, 4.0)] {
        let columns = 2 * rows;
        let matrix = random_matrix(rows, columns, per_column, &mut stream);
        let mut factor = Factor::new(rows);
        let mut head: Vec<usize> = (columns..columns + rows).collect();
        let mut worst = 0.0_f64;
        for step in 0..2000 {
            if !exchange(&mut factor, &matrix, &mut head, &mut stream) || factor.should_refactorise() {
                let before = head.clone();
                let replacements = factor.factorise(&matrix, &mut head, 0.1);
                assert_permuted(&before, &head, columns, &replacements);
            }
            if step % 10 == 0 {
                let b = random_vector(rows, 1 + step % 7, &mut stream);
                worst = worst.max(residual(&mut factor, &matrix, &head, &b));
            }
        }
        assert!(worst < 1e-9, "{rows} rows: {worst}");
    }
}

#[test]
fn an_exchange_against_the_rules_is_refused() {
    let matrix = SparseMatrix::from_triplets(2, 2, [(0, 0, 1.0), (1, 1, 1e-13)]);
    let mut factor = Factor::new(2);
    assert!(!factor.update(0, 1.0), "nothing was kept");
    let mut x = column_of(&matrix, 0);
    let mut y = WorkVector::new(2);
    factor.ftran_entering(&mut x, 0.0);
    factor.btran_leaving(1, &mut y, 0.0);
    assert!(!factor.update(0, x.values[0]), "the kept row is another");
    factor.factorise(&matrix, &mut [2, 3], 0.1);
    factor.ftran_entering(&mut x, 0.0);
    factor.btran_leaving(0, &mut y, 0.0);
    assert!(!factor.update(0, 0.5), "the pivot disagrees");
    factor.factorise(&matrix, &mut [2, 3], 0.1);
    let mut x = column_of(&matrix, 0);
    factor.ftran_entering(&mut x, 0.0);
    factor.btran_leaving(1, &mut y, 0.0);
    assert!(!factor.update(1, x.values[1]), "the pivot is 0");
}

#[test]
fn dependent_columns_go_out_and_the_rows_without_a_pivot_come_in() {
    // Columns 0 and 1 are the same, column 2 is empty, column 3 = 2 column 0 + column 4.
    let matrix = SparseMatrix::from_triplets(
        5,
        5,
        [
            (0, 0, 1.0),
            (1, 0, 2.0),
            (0, 1, 1.0),
            (1, 1, 2.0),
            (0, 3, 2.0),
            (1, 3, 7.0),
            (2, 3, 1.0),
            (1, 4, 3.0),
            (2, 4, 1.0),
        ],
    );
    let mut head = [0, 1, 2, 3, 4];
    let mut factor = Factor::new(5);
    let replacements = factor.factorise(&matrix, &mut head, 0.1);
    assert_permuted(&[0, 1, 2, 3, 4], &head, 5, &replacements);
    assert_eq!(replacements.len(), 3);
    assert!(replacements.iter().any(|replacement| replacement.removed == 2));
    assert!([3, 4].iter().all(|&row| replacements.iter().any(|replacement| replacement.row == row)));
    assert!(residual(&mut factor, &matrix, &head, &[1.0, 2.0, 3.0, 4.0, 5.0]) < 1e-14);
}

#[test]
fn numbers_that_cannot_be_computed_with_are_singular_columns() {
    let (huge, small) = (1e300, 1e-300);
    for (bad, others) in [(f64::NAN, 1.0), (f64::INFINITY, 1.0), (small, 1.0), (huge, small), (huge, huge)] {
        let mut stream = RandomStream::new(4);
        for _ in 0..50 {
            let mut triplets = Vec::new();
            for place in 0..24 {
                let (row, column) =
                    (stream.below(6).expect("6 rows") as usize, stream.below(6).expect("6 columns") as usize);
                triplets.push((
                    row,
                    column,
                    if place % 5 == 0 { bad } else { others * stream.normal::<f64>() },
                ));
            }
            let matrix = SparseMatrix::from_triplets(6, 6, triplets);
            let mut head = [0, 1, 2, 3, 4, 5];
            let mut factor = Factor::new(6);
            let replacements = factor.factorise(&matrix, &mut head, 0.1);
            assert_permuted(&[0, 1, 2, 3, 4, 5], &head, 6, &replacements);
            for &variable in head.iter().filter(|&&variable| variable < 6) {
                assert!(
                    matrix.column(variable).all(|(_, value)| value.is_finite()),
                    "column {variable} stayed"
                );
            }
        }
    }
}

#[test]
fn a_logical_named_twice_is_replaced() {
    let matrix = SparseMatrix::from_triplets(3, 1, [(0, 0, 1.0)]);
    let mut head = [2, 2, 0];
    let mut factor = Factor::new(3);
    assert_eq!(factor.factorise(&matrix, &mut head, 0.1), [Replacement { row: 2, removed: 2 }]);
    assert_eq!(head, [0, 2, 3]);
}

/// The basic variables after so many simplex steps, or at the optimum.
fn basis_of_a_solve(program: &LinearProgram, max_iterations: Option<u64>) -> (Vec<usize>, u64) {
    let options = Options { max_iterations, ..Options::default().with_presolve(false) };
    let solution = solve_with(program, &options, &mut run_to_the_end).unwrap();
    let statuses = solution.basis.columns.iter().chain(&solution.basis.rows);
    let basic = statuses.enumerate().filter(|(_, status)| **status == BasisStatus::Basic);
    (basic.map(|(variable, _)| variable).collect(), solution.iterations)
}

/// Columns at random, exchanged at random, and the bases that the simplex comes to halfway and at the end.
#[test]
fn bases_of_netlib_problems_are_solved_as_by_faer() {
    for name in ["25fv47", "afiro", "degen2", "pilot4", "scfxm1", "ship04s", "sierra", "stair"] {
        let Some(path) = netlib_file(&format!("{name}.mps")) else {
            println!("{}", netlib_skipped(&format!("{name}.mps")));
            continue;
        };
        let program = read_mps(path).unwrap().program;
        let matrix = program.matrix();
        let (rows, columns) = (matrix.rows(), matrix.columns());
        let mut stream = RandomStream::new(rows as u64);
        let mut factor = Factor::new(rows);
        // Those that depend on others give way to logicals.
        let mut head = random_head(rows, columns, &mut stream);
        let before = head.clone();
        let replacements = factor.factorise(&matrix, &mut head, 0.1);
        assert_permuted(&before, &head, columns, &replacements);
        assert_eq!(factor.factorise(&matrix, &mut head, 0.1), [], "{name}: what was repaired is regular");
        exchange_and_compare(name, &mut factor, &matrix, head, &mut stream);

        let (end, steps) = basis_of_a_solve(&program, None);
        let (halfway, _) = basis_of_a_solve(&program, Some(steps / 2));
        for mut head in [halfway, end] {
            assert_eq!(
                factor.factorise(&matrix, &mut head, 0.1),
                [],
                "{name}: the simplex keeps its bases regular"
            );
            let stored: usize = head.iter().map(|&variable| column_of(&matrix, variable).pattern.len()).sum();
            assert!(factor.nonzeros() <= 2 * stored, "{name}: {} from {stored}", factor.nonzeros());
            compare_with_faer(name, &mut factor, &matrix, &head, &mut stream);
        }
    }
}

fn exchange_and_compare(
    name: &str,
    factor: &mut Factor,
    matrix: &SparseMatrix,
    mut head: Vec<usize>,
    stream: &mut RandomStream,
) {
    for step in 0..200 {
        if !exchange(factor, matrix, &mut head, stream) || factor.should_refactorise() {
            assert_eq!(factor.factorise(matrix, &mut head, 0.1), [], "{name}");
        }
        if step % 20 == 0 {
            let b = random_vector(matrix.rows(), 1 + step % 9, stream);
            let worst = residual(factor, matrix, &head, &b);
            assert!(worst < 1e-9, "{name}: {worst}");
        }
    }
    assert_eq!(factor.factorise(matrix, &mut head, 0.1), [], "{name}");
    compare_with_faer(name, factor, matrix, &head, stream);
}

fn compare_with_faer(
    name: &str,
    factor: &mut Factor,
    matrix: &SparseMatrix,
    head: &[usize],
    stream: &mut RandomStream,
) {
    let rows = matrix.rows();
    let triplets: Vec<_> = (0..rows)
        .flat_map(|place| {
            let column = column_of(matrix, head[place]);
            let entry = move |&row: &u32| {
                faer::sparse::Triplet::new(row as usize, place, column.values[row as usize])
            };
            column.pattern.clone().iter().map(entry).collect::<Vec<_>>()
        })
        .collect();
    use faer::linalg::solvers::Solve;
    let oracle = faer::sparse::SparseColMat::<usize, f64>::try_new_from_triplets(rows, rows, &triplets)
        .expect("indices within the matrix")
        .sp_lu()
        .expect("a regular matrix");
    let b = random_vector(rows, rows, stream);
    let expected = oracle.solve(&faer::Mat::from_fn(rows, 1, |row, _| b[row]));
    let expected: Vec<f64> = (0..rows).map(|row| expected[(row, 0)]).collect();
    let mut x = work_vector(&b);
    factor.ftran(&mut x, 1.0);
    let norm = expected.iter().fold(1.0_f64, |norm, value| norm.max(value.abs()));
    for (row, (found, expected)) in x.values.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() <= 1e-6 * norm, "{name}: row {row}");
    }
}

/// Rank of a matrix of small integers modulo a prime, by elimination without rounding.
fn rank(mut a: Vec<Vec<i64>>) -> usize {
    const PRIME: i64 = 2_147_483_647;
    let power = |base: i64, mut exponent: i64| {
        let (mut result, mut base) = (1, base.rem_euclid(PRIME));
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = result * base % PRIME;
            }
            base = base * base % PRIME;
            exponent >>= 1;
        }
        result
    };
    let mut rank = 0;
    for column in 0..a.first().map_or(0, Vec::len) {
        let Some(pivot) = (rank..a.len()).find(|&row| a[row][column].rem_euclid(PRIME) != 0) else {
            continue;
        };
        a.swap(rank, pivot);
        let inverse = power(a[rank][column], PRIME - 2);
        for row in rank + 1..a.len() {
            let factor = a[row][column].rem_euclid(PRIME) * inverse % PRIME;
            for other in column..a[row].len() {
                a[row][other] = (a[row][other] - factor * a[rank][other].rem_euclid(PRIME)).rem_euclid(PRIME);
            }
        }
        rank += 1;
    }
    rank
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Entries -2 to 2: many bases are singular, and exactly as many columns go out as the rank is short.
    #[test]
    fn as_many_columns_are_replaced_as_the_rank_is_short(rows in 1_usize..16, fill in 1_usize..5, seed in any::<u64>()) {
        let mut stream = RandomStream::new(seed);
        let mut dense = vec![vec![0_i64; rows]; rows];
        for _ in 0..rows * fill {
            let (row, column) = (stream.below(rows as u64).unwrap() as usize, stream.below(rows as u64).unwrap() as usize);
            dense[row][column] = stream.below(5).unwrap() as i64 - 2;
        }
        let entries = (0..rows).flat_map(|row| (0..rows).map(move |column| (row, column)));
        let dense_ref = &dense;
        let matrix = SparseMatrix::from_triplets(
            rows, rows, entries.map(|(row, column)| (row, column, dense_ref[row][column] as f64)), // with explicit zeros
        );
        let before: Vec<usize> = (0..rows).collect();
        let mut head = before.clone();
        let mut factor = Factor::new(rows);
        let replacements = factor.factorise(&matrix, &mut head, 0.1);
        assert_permuted(&before, &head, rows, &replacements);
        prop_assert_eq!(replacements.len(), rows - rank(dense.clone()));
        let b = random_vector(rows, rows, &mut stream);
        prop_assert!(residual(&mut factor, &matrix, &head, &b) < 1e-12);
    }
}
