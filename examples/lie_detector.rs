//! A lie detector and how it is tricked (sheet 10, exercise 3): a linear probe on activations of Llama-3-8B, and
//! perturbations of a lie until the probe calls it true.
//!
//! `cargo run --release --example lie_detector [-- --quick] [FOLDER]` trains the probe on statements about cities
//! (tested on other cities), proves the optimum of the penalised likelihood, and goes through the exercise's three
//! steps: one lie is flipped by gradient descent, the same perturbation is put on all other lies, a side loss keeps
//! it small. Found numbers stand beside the expected ones; plots go into FOLDER (`target/plots` if none is given).
//! Without the data a generated stand-in takes their place, and says so.

#[allow(dead_code)] // Other examples use more of it.
mod plot;

use brenier::data::{self, npy};
use brenier::matrix::{Matrix, MatrixView};
use brenier::nn::adversarial::{
    BallOptions, Norm, PenalisedOptions, Perturbation, cosine, penalised_with, projected_gradient,
    random_flip_rates, smallest_flip, transfer,
};
use brenier::nn::probe::evaluation::roc_curve;
use brenier::nn::probe::{
    AdamwOptions, DiscriminantOptions, Epoch, LikelihoodOptions, Probe, Samples, discriminant,
    fit_adamw_with, fit_likelihood, mean_difference,
};
use brenier::random::RandomStream;
use plotters::prelude::*;
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

const ACTIVATIONS: &str = "lie-detection/cities_acts_layer12_f16.npy";
const LABELS: &str = "lie-detection/cities_labels_u8.npy";
/// Two rows for each city: the split is by city.
const TRAIN: usize = 800;
/// λ, then |δ| and the share of test lies that the same δ flips, for δ fitted to the first test lie.
const PENALTIES: [(f64, f64, f64); 4] =
    [(0.0, 5.49, 1.00), (0.1, 1.17, 0.97), (1.0, 0.92, 0.53), (10.0, 0.44, 0.05)];

struct Statements {
    x: Matrix<f32>,
    labels: Vec<bool>,
    train: usize,
    real: bool,
}

impl Statements {
    /// The activations of `cities`, or two Gaussian classes.
    fn load(quick: bool) -> Result<Self, Box<dyn Error>> {
        if let (Some(x), Some(labels)) = (data::file(ACTIVATIONS), data::file(LABELS)) {
            let x: Matrix<f32> = npy::read(x)?.to_matrix()?;
            let labels: Vec<f32> = npy::read(labels)?.to_vec()?;
            let labels = labels.into_iter().map(|label| label == 1.0).collect();
            return Ok(Statements { x, labels, train: TRAIN, real: true });
        }
        println!("{}", data::skipped(ACTIVATIONS, "https://github.com/sciai-lab/Truth_is_Universal"));
        println!("In their place: a generated stand-in, two Gaussian classes along one direction.\n");
        let (rows, inputs) = if quick { (400, 256) } else { (1000, 4096) };
        let mut stream = RandomStream::new(12);
        let mut direction: Vec<f32> = stream.normal_matrix(1, inputs).into_vec();
        let length = Norm::Euclidean.of(&direction) as f32;
        direction.iter_mut().for_each(|d| *d /= length);
        let labels: Vec<bool> = (0..rows).map(|row| row % 2 == 0).collect();
        let mut x: Matrix<f32> = stream.normal_matrix(rows, inputs);
        for (row, &label) in labels.iter().enumerate() {
            let shift = if label { 1.0 } else { -1.0 };
            for (x, d) in x.row_mut(row).iter_mut().zip(&direction) {
                *x = 0.1 * *x + shift * d;
            }
        }
        Ok(Statements { x, labels, train: rows * 4 / 5, real: false })
    }

    fn part(&self, test: bool) -> Samples<'_, f32> {
        let rows = if test { self.train..self.x.rows() } else { 0..self.train };
        Samples::new(self.x.rows_range(rows.clone()), &self.labels[rows])
    }

    /// The test rows that are lies.
    fn test_lies(&self) -> Matrix<f32> {
        let rows: Vec<&[f32]> =
            (self.train..self.x.rows()).filter(|&row| !self.labels[row]).map(|row| self.x.row(row)).collect();
        Matrix::try_from_rows(&rows).expect("rows of one matrix")
    }

    /// `expected`, for the real data only.
    fn expected(&self, expected: &str) -> String {
        if self.real { format!("   (expected {expected})") } else { String::new() }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let statements = Statements::load(quick)?;
    let (train, test) = (statements.part(false), statements.part(true));
    println!(
        "{} statements of {} activations, {} for training.",
        statements.x.rows(),
        statements.x.columns(),
        statements.train
    );

    println!(
        "\nThe probe of the exercise: AdamW, learning rate 1e-3, weight decay 0.1, 1000 epochs, no bias, from zero."
    );
    let mut losses = Vec::new();
    let began = Instant::now();
    let fit = fit_adamw_with(&train, &AdamwOptions::default(), &mut |epoch: &Epoch| {
        losses.push(epoch.loss);
        ControlFlow::Continue(())
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let probe = fit.probe;
    let (on_train, on_test) = (probe.evaluate(&train)?, probe.evaluate(&test)?);
    println!("  accuracy, train:  {:.3}{}", on_train.confusion.accuracy(), statements.expected("1.000"));
    println!("  accuracy, test:   {:.3}{}", on_test.confusion.accuracy(), statements.expected("1.000"));
    println!(
        "  on the test cities: area under the curve {:.4}, log-loss {:.4}, calibration error {:.3}, Brier score {:.4}",
        on_test.area_under_curve,
        on_test.log_loss,
        on_test.calibration.expected_error,
        on_test.calibration.brier_score
    );
    println!(
        "  loss {:.5} after {} epochs in {seconds:.2} s, |w| = {:.4}",
        fit.loss,
        fit.epochs,
        probe.norm()
    );

    likelihood_and_means(&statements, &probe)?;
    let lies = statements.test_lies();
    let table = three_steps(&statements, &probe, &lies, quick)?;
    draw_training(&losses)?;
    draw_scores(&probe, test.x(), &statements, &lies, &table)?;
    draw_curves(&probe, &statements)
}

/// The penalised likelihood, proved; and two directions that need no training.
fn likelihood_and_means(statements: &Statements, adamw: &Probe<f32>) -> Result<(), Box<dyn Error>> {
    let (train, test) = (statements.part(false), statements.part(true));
    println!("\nThe optimum of |w|²/2 + sum of log-losses, by Newton's method with conjugate gradients:");
    for (name, bias, expected) in
        [("no bias", false, "24.7948623, |w| = 5.36076"), ("with bias", true, "train 0.9988, test 1.0000")]
    {
        let fit = fit_likelihood(&train, &LikelihoodOptions::default().with_bias(bias))?;
        let accuracy = |samples| fit.probe.evaluate(samples).map(|e| e.confusion.accuracy());
        println!(
            "  {name:9}: {:.7}, |w| = {:.5}, gap {:.0e}, {:?} after {} steps ({} products); train {:.4}, test {:.4}{}",
            fit.certificate.objective,
            fit.norm,
            fit.certificate.gap,
            fit.status,
            fit.iterations,
            fit.inner_iterations,
            accuracy(&train)?,
            accuracy(&test)?,
            statements.expected(expected)
        );
        println!(
            "             cosine with the direction of AdamW: {:.3}",
            cosine(fit.probe.direction(), adamw.direction())?
        );
    }
    let means = mean_difference(&train)?;
    let fisher = discriminant(&train, &DiscriminantOptions::default())?;
    println!("Directions in closed form:");
    for (name, probe) in [("difference of the means", &means), ("with the inverse covariance", &fisher.probe)]
    {
        println!(
            "  {name:28} test {:.3}, area under the curve {:.4}, cosine with AdamW's {:.3}",
            probe.evaluate(&test)?.confusion.accuracy(),
            probe.evaluate(&test)?.area_under_curve,
            cosine(probe.direction(), adamw.direction())?
        );
    }
    Ok(())
}

/// One perturbation of the table of penalties.
struct Row {
    penalty: f64,
    found: Perturbation<f32>,
    flip_rate: f64,
    /// |δ| at each step.
    norms: Vec<f64>,
}

/// The adversarial part of the exercise.
fn three_steps(
    statements: &Statements,
    probe: &Probe<f32>,
    lies: &Matrix<f32>,
    quick: bool,
) -> Result<Vec<Row>, Box<dyn Error>> {
    let first = lies.row(0);
    let closed = smallest_flip(probe, first, Norm::Euclidean, 0.0)?;
    let length = Norm::Euclidean.of(&closed);
    let share = length / Norm::Euclidean.of(first);
    println!("\nThe shortest way of the first test lie to the boundary (closed form):");
    println!("  |δ| = {length:.4}, {:.0}% of |x|{}", 100.0 * share, statements.expected("0.7676, 12%"));
    for (factor, expected) in [(1.05, "40%"), (1.5, "97%"), (2.0, "100%")] {
        let delta: Vec<f32> = closed.iter().map(|d| factor as f32 * d).collect();
        let outcome = transfer(probe, lies, &delta)?;
        println!(
            "  {factor} times that flips {:.0}% of the test lies{}",
            100.0 * outcome.flip_rate(),
            statements.expected(expected)
        );
    }
    let worst = smallest_flip(probe, first, Norm::Maximum, 0.0)?;
    println!("  if every activation may change a little: {:.5} each is enough", Norm::Maximum.of(&worst));
    // From a random place in so many dimensions long steps turn faster towards the optimum.
    let radius = 1.05 * length as f32;
    let ball = BallOptions::new(radius).with_step_size(0.25 * radius).with_random_start(RandomStream::new(3));
    let attack = projected_gradient(probe, MatrixView::from_slice(first, 1, first.len())?, &[false], &ball)?;
    println!(
        "  projected gradient steps in a ball of 1.05 times the radius end at z = {:.4} (closed form: {:.4})",
        attack.scores[0],
        -0.05 * probe.logit(first)?
    );

    println!(
        "\nThe exercise's three steps. δ is fitted to the first test lie: BCE + λ|δ|², Adam 1e-2, 500 steps."
    );
    println!(
        "      λ     |δ|   (expected)   that lie     test lies flipped (expected)   cosine with w   random directions flip"
    );
    let mut table = Vec::new();
    let mut stream = RandomStream::new(4);
    for (penalty, expected_norm, expected_rate) in PENALTIES {
        let options = PenalisedOptions::default().with_penalty(penalty);
        let mut norms = Vec::new();
        let one = MatrixView::from_slice(first, 1, first.len())?;
        let found = penalised_with(probe, one, &options, &mut |state: &Perturbation<f32>| {
            norms.push(state.norm);
            ControlFlow::Continue(())
        })?;
        norms.push(found.norm);
        let outcome = transfer(probe, lies, &found.delta)?;
        let directions = if quick { 20 } else { 200 };
        let random = random_flip_rates(probe, lies, found.norm as f32, directions, &mut stream)?;
        let expected = |text: String| if statements.real { text } else { String::new() };
        println!(
            "  {penalty:>5}   {:5.2}   {:>10}   {:8}   {:>17.0}%  {:>10}   {:>13.4}   {:>5.1}% (at most {:.0}%)",
            found.norm,
            expected(format!("({expected_norm:.2})")),
            if found.scores[0] > 0.0 { "flipped" } else { "stays" },
            100.0 * outcome.flip_rate(),
            expected(format!("({:.0}%)", 100.0 * expected_rate)),
            cosine(&found.delta, probe.direction())?,
            100.0 * random.iter().sum::<f64>() / random.len() as f64,
            100.0 * random[random.len() - 1],
        );
        table.push(Row { penalty, flip_rate: outcome.flip_rate(), found, norms });
    }
    println!(
        "\nWhy the detector holds when δ must be small: z(x + δ) = z(x) + w·δ, so δ counts only along the one direction that stands for truth. Adam's δ (steps of\n\
         equal size in every entry) lies along sign(w) at first, and along w itself where the penalty keeps it short. A lie is {length:.2} away from the boundary along w; the\n\
         penalty 10 stops δ before that, for that lie and for nearly all. A direction drawn at random has about 1/√{} of its length along w: at the same length it does\n\
         next to nothing. That one direction moves all lies alike is the linear representation hypothesis.",
        statements.x.columns()
    );
    Ok(table)
}

fn draw_training(losses: &[f64]) -> Result<(), Box<dyn Error>> {
    let path = plot::file("lie_detector_training.svg")?;
    let area = SVGBackend::new(&path, (640, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let mut axes = ChartBuilder::on(&area)
        .caption("Loss of the probe", ("sans-serif", 20))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..losses.len() as f64, (0.8 * least..1.0).log_scale())?;
    axes.configure_mesh()
        .light_line_style(WHITE)
        .x_desc("epoch")
        .y_desc("mean cross-entropy")
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    let points = losses.iter().enumerate().map(|(epoch, &loss)| (epoch as f64, loss));
    axes.draw_series(LineSeries::new(points, plot::SOURCE.stroke_width(2)))?;
    area.present()?;
    println!("\ndrawn: {}", path.display());
    Ok(())
}

/// Scores of the test statements, and of the lies with each perturbation.
fn draw_scores(
    probe: &Probe<f32>,
    test: MatrixView<'_, f32>,
    statements: &Statements,
    lies: &Matrix<f32>,
    table: &[Row],
) -> Result<(), Box<dyn Error>> {
    let path = plot::file("lie_detector_scores.svg")?;
    let area = SVGBackend::new(&path, (900, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut groups: Vec<(String, Vec<f32>, RGBColor)> = Vec::new();
    let scores = probe.logits(test)?;
    let of = |truth: bool| -> Vec<f32> {
        let labels = &statements.labels[statements.train..];
        scores.iter().zip(labels).filter(|&(_, &label)| label == truth).map(|(&z, _)| z).collect()
    };
    groups.push(("truths".to_owned(), of(true), plot::SOURCE));
    groups.push(("lies".to_owned(), of(false), plot::TARGET));
    for row in table {
        let moved = Matrix::from_fn(lies.rows(), lies.columns(), |i, j| lies[(i, j)] + row.found.delta[j]);
        groups.push((format!("lies + δ, λ = {}", row.penalty), probe.logits(&moved)?, plot::TARGET));
    }
    let all = groups.iter().flat_map(|(_, scores, _)| scores).map(|&z| f64::from(z));
    let (least, most) = all.fold((0.0_f64, 0.0_f64), |(a, b), z| (a.min(z), b.max(z)));
    let mut axes = ChartBuilder::on(&area)
        .caption("Scores of the test statements (below 0: called a lie)", ("sans-serif", 20))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(-0.5..groups.len() as f64 - 0.5, 1.1 * least..1.1 * most)?;
    let names: Vec<String> = groups.iter().map(|(name, _, _)| name.clone()).collect();
    axes.configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(groups.len())
        .x_label_formatter(&|x| names.get(x.round() as usize).cloned().unwrap_or_default())
        .y_desc("z")
        .draw()?;
    for (place, (_, scores, colour)) in groups.iter().enumerate() {
        // Spread in a fixed pattern, so that points do not hide each other.
        let points = scores
            .iter()
            .enumerate()
            .map(|(k, &z)| (place as f64 + 0.5 * ((k * 37 % 100) as f64 / 100.0 - 0.5), f64::from(z)));
        axes.draw_series(points.map(|point| Circle::new(point, 2, colour.mix(0.7).filled())))?;
    }
    let ends = [(-0.5, 0.0), (groups.len() as f64 - 0.5, 0.0)];
    axes.draw_series([PathElement::new(ends, BLACK.stroke_width(1))])?;
    area.present()?;
    println!("drawn: {}", path.display());

    let path = plot::file("lie_detector_perturbation.svg")?;
    let area = SVGBackend::new(&path, (640, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let longest = table.iter().flat_map(|row| &row.norms).copied().fold(0.0, f64::max);
    let steps = table.iter().map(|row| row.norms.len()).max().unwrap_or(1) as f64;
    let mut axes = ChartBuilder::on(&area)
        .caption("Length of δ during the descent", ("sans-serif", 20))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..steps, 0.0..1.05 * longest)?;
    axes.configure_mesh().light_line_style(WHITE).x_desc("step").y_desc("|δ|").draw()?;
    for (k, row) in table.iter().enumerate() {
        let colour = [plot::TARGET, RGBColor(230, 140, 20), RGBColor(44, 140, 60), plot::SOURCE][k % 4];
        let points = row.norms.iter().enumerate().map(|(step, &norm)| (step as f64, norm));
        axes.draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(format!("λ = {}: {:.0}% of the lies flipped", row.penalty, 100.0 * row.flip_rate))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(2)));
    }
    axes.configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.9))
        .border_style(plot::LINE)
        .draw()?;
    area.present()?;
    println!("drawn: {}", path.display());
    Ok(())
}

/// The ROC curve and the calibration on the test cities.
fn draw_curves(probe: &Probe<f32>, statements: &Statements) -> Result<(), Box<dyn Error>> {
    let test = statements.part(true);
    let curve = roc_curve(&probe.logits(test.x())?, test.labels())?;
    let calibration = probe.evaluate(&test)?.calibration;
    let path = plot::file("lie_detector_curves.svg")?;
    let area = SVGBackend::new(&path, (840, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let panels = area.split_evenly((1, 2));
    let titles =
        [("ROC curve", "lies called true", "truths called true"), ("Calibration", "predicted", "happened")];
    let curves = [
        curve.iter().map(|point| (point.false_positive_rate, point.true_positive_rate)).collect::<Vec<_>>(),
        calibration
            .bins
            .iter()
            .filter(|bin| bin.count > 0)
            .map(|bin| (bin.mean_probability, bin.frequency))
            .collect(),
    ];
    for ((panel, (title, across, up)), points) in panels.iter().zip(titles).zip(curves) {
        let mut axes = ChartBuilder::on(panel)
            .caption(title, ("sans-serif", 20))
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(50)
            .build_cartesian_2d(-0.02..1.02, -0.02..1.02)?;
        axes.configure_mesh().light_line_style(WHITE).x_desc(across).y_desc(up).draw()?;
        axes.draw_series([PathElement::new([(0.0, 0.0), (1.0, 1.0)], plot::LINE.stroke_width(1))])?;
        axes.draw_series(LineSeries::new(points.iter().copied(), plot::SOURCE.stroke_width(2)))?;
        plot::points(&mut axes, points, 3, plot::SOURCE)?;
    }
    area.present()?;
    println!("drawn: {}", path.display());
    Ok(())
}
