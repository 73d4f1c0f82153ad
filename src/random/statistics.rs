//! What the tests of this room measure samples with.

/// Pearson's chi-square of the counts, as deviations above its mean: (chi² - df) / sqrt(2 df), df = cells - 1.
///
/// The seeds of the tests are fixed, so a bound of 5 is not a matter of luck at run time: it says that these samples
/// are not the one in thousands that a sound generator gives.
pub(super) fn chi_square_excess(counts: &[u64], expected: &[f64]) -> f64 {
    let mut chi_square = 0.0;
    let mut cells = 0;
    for (&count, &expected) in counts.iter().zip(expected) {
        if expected > 0.0 {
            chi_square += (count as f64 - expected).powi(2) / expected;
            cells += 1;
        }
    }
    let freedom = f64::from(cells - 1);
    (chi_square - freedom) / (2.0 * freedom).sqrt()
}

/// Pearson's correlation.
pub(super) fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    xy / (xx * yy).sqrt()
}

/// The distribution function of the standard normal: the series of odd powers near zero, the continued fraction of
/// Laplace in the tails. Relative error below 1e-13.
pub(super) fn normal_cdf(x: f64) -> f64 {
    let density = (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    if x.abs() < 3.0 {
        // Phi(x) = 1/2 + phi(x) (x + x^3/3 + x^5/(3*5) + ...).
        let (mut term, mut sum) = (x, 0.0);
        for k in 1..200 {
            sum += term;
            term *= x * x / (2 * k + 1) as f64;
        }
        0.5 + density * sum
    } else {
        // 1 - Phi(z) = phi(z) / (z + 1/(z + 2/(z + 3/(z + ...)))).
        let z = x.abs();
        let mut fraction = z;
        for k in (1..200).rev() {
            fraction = z + f64::from(k) / fraction;
        }
        if x < 0.0 { density / fraction } else { 1.0 - density / fraction }
    }
}

/// The Kolmogorov-Smirnov statistic times sqrt(n). For samples of the distribution it is above 1.95 once in a thousand
/// times, above 2.4 once in fifty thousand.
pub(super) fn kolmogorov_smirnov(mut samples: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    let n = samples.len() as f64;
    let mut distance: f64 = 0.0;
    for (k, &x) in samples.iter().enumerate() {
        let value = cdf(x);
        distance = distance.max(value - k as f64 / n).max((k + 1) as f64 / n - value);
    }
    distance * n.sqrt()
}

#[test]
fn normal_cdf_agrees_with_tables() {
    for (x, expected) in [
        (0.0, 0.5),
        (1.0, 0.841_344_746_068_542_9),
        (-2.5, 0.006_209_665_325_776_132),
        (-6.0, 9.865_876_450_376_946e-10),
        (4.0, 0.999_968_328_758_166_9),
    ] {
        assert!((normal_cdf(x) / expected - 1.0).abs() < 1e-13, "{x}");
    }
}
