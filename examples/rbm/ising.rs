//! The Ising model on 6 x 6 sites at three temperatures, learned from samples.
//!
//! A machine with a hidden unit for each of the 72 bonds can be the model exactly: `e^{K s s'} = e^{-K}/2 Σ_{g=±1} e^{w g (s + s')}` with
//! cosh 2w = e^{2K}. It is sampled beside the trained one, as a check of the sampler. The trained one starts from small random weights.

use brenier::data::{self, PixelScale, idx};
use brenier::nn::Rbm;
use brenier::nn::rbm::{Sampler, Tempering, TemperingOptions, Trainer, TrainingOptions};
use brenier::random::RandomStream;
use brenier::{Matrix, MatrixView};
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

const SIDE: usize = 6;
const SITES: usize = SIDE * SIDE;
const HIDDEN: usize = 72;
const REFERENCE: &str = "rbm/ising_reference.json";

/// Temperature as the files spell it, then exact energy, |m| and heat capacity by site (transfer matrix), for when the file is not there.
const EXACT: [(&str, [f64; 3]); 3] = [
    ("1.8", [-1.858957, 0.956524, 0.440264]),
    ("2.269", [-1.517058, 0.805071, 0.996454]),
    ("3.0", [-0.886879, 0.448925, 0.556646]),
];

/// Energy, |m| and heat capacity by site.
fn measure<'a>(rows: impl Iterator<Item = &'a [f32]>, temperature: f64) -> [f64; 3] {
    let (mut count, mut energies, mut squares, mut magnetisations) = (0.0, 0.0, 0.0, 0.0);
    for row in rows {
        let spin =
            |line: usize, column: usize| 2.0 * f64::from(row[line % SIDE * SIDE + column % SIDE]) - 1.0;
        let (mut energy, mut magnetisation) = (0.0, 0.0);
        for line in 0..SIDE {
            for column in 0..SIDE {
                energy -= spin(line, column) * (spin(line + 1, column) + spin(line, column + 1));
                magnetisation += spin(line, column);
            }
        }
        count += 1.0;
        energies += energy;
        squares += energy * energy;
        magnetisations += f64::abs(magnetisation);
    }
    let sites = SITES as f64;
    let mean = energies / count;
    let variance = squares / count - mean * mean;
    [mean / sites, magnetisations / count / sites, variance / (temperature * temperature) / sites]
}

/// The machine that is the Ising model at K = 1/T.
fn exact_machine(temperature: f64) -> Result<Rbm<f32>, brenier::Error> {
    let w = (0.5 * (2.0 / temperature).exp().acosh()) as f32;
    let mut weight = Matrix::zeros(2 * SITES, SITES);
    for site in 0..SITES {
        let (line, column) = (site / SIDE, site % SIDE);
        let right = line * SIDE + (column + 1) % SIDE;
        let below = (line + 1) % SIDE * SIDE + column;
        for (bond, other) in [(2 * site, right), (2 * site + 1, below)] {
            weight[(bond, site)] += 4.0 * w;
            weight[(bond, other)] += 4.0 * w;
        }
    }
    Rbm::from_parts(&weight, &[-8.0 * w; SITES], &vec![-4.0 * w; 2 * SITES])
}

/// Samples of a machine by parallel tempering: `rounds` times all chains, ten sweeps apart.
fn sample(rbm: &Rbm<f32>, rounds: usize, seed: u64) -> Result<Matrix<f32>, brenier::Error> {
    const CHAINS: usize = 250;
    let options = TemperingOptions::default().with_chains(CHAINS).with_levels(8);
    let mut ladders = Tempering::new(rbm, &options, RandomStream::new(seed))?;
    ladders.advance(rbm, 300)?;
    let mut samples = Vec::new();
    for _ in 0..rounds {
        ladders.advance(rbm, 10)?;
        samples.extend(ladders.visible_rows().flatten());
    }
    Matrix::from_vec(rounds * CHAINS, SITES, samples)
}

/// The number of `"key": number` after `"section"`. The file is ours and flat: a reader of JSON would be more than it needs.
fn number(text: &str, section: &str, key: &str) -> Option<f64> {
    let section = text.split(&format!("\"{section}\"")).nth(1)?;
    let value = section.split(&format!("\"{key}\"")).nth(1)?.split_once(':')?.1;
    let end = value.find([',', '}', '\n'])?;
    value[..end].trim().parse().ok()
}

/// The samples of the file, or of the exact machine.
fn samples(name: &str, temperature: f64) -> Result<Matrix<f32>, Box<dyn Error>> {
    let file = format!("rbm/ising6x6-T{name}-2000-idx3-ubyte.gz");
    if let Some(path) = data::file(&file) {
        let bytes = idx::images::<f32>(path, PixelScale::Bytes)?.pixels;
        return Ok(bytes.map(|pixel| if pixel > 0.0 { 1.0 } else { 0.0 }));
    }
    println!("{}", data::skipped(&file, "none: Wolff samples, generated"));
    println!("Generated instead: samples of the machine that is the Ising model, by parallel tempering");
    Ok(sample(&exact_machine(temperature)?, 8, 7)?)
}

pub fn train(quick: bool) -> Result<(), Box<dyn Error>> {
    println!("Ising model on 6 x 6 sites, {SITES} x {HIDDEN} units: energy, |m| and heat capacity by site");
    let text = match data::file(REFERENCE) {
        Some(path) => Some(std::fs::read_to_string(path)?),
        None => {
            println!(
                "{}: the exact values are those written into this example",
                data::skipped(REFERENCE, "none: generated")
            );
            None
        }
    };
    println!("     T                            energy (error)       |m| (error)      heat capacity");
    for (name, written) in EXACT {
        let temperature: f64 = name.parse()?;
        let keys = ["exact_energy_per_site", "exact_abs_magnetisation", "exact_heat_capacity_per_site"];
        let mut exact = written;
        if let Some(text) = &text {
            for (value, key) in exact.iter_mut().zip(keys) {
                *value =
                    number(text, name, key).ok_or_else(|| format!("{REFERENCE}: no {key} for {name}"))?;
            }
        }
        let started = Instant::now();
        let data = samples(name, temperature)?;
        let rbm = learn(data.view(), quick)?;
        let seconds = started.elapsed().as_secs_f64();
        let rounds = if quick { 20 } else { 400 };
        println!(
            "  {name:>5}   exact             {:10.4}           {:8.4}          {:8.4}",
            exact[0], exact[1], exact[2]
        );
        let line = |title: &str, found: [f64; 3]| {
            let percent = |k: usize| 100.0 * (found[k] / exact[k] - 1.0);
            println!(
                "          {title:17} {:10.4} ({:+5.2}%)  {:8.4} ({:+5.2}%) {:8.4}",
                found[0],
                percent(0),
                found[1],
                percent(1),
                found[2]
            );
            percent(0).abs() <= 3.0 && percent(1).abs() <= 3.0
        };
        line("data", measure(data.iter_rows(), temperature));
        line(
            "a unit for a bond",
            measure(sample(&exact_machine(temperature)?, rounds, 5)?.iter_rows(), temperature),
        );
        let within = line("trained", measure(sample(&rbm, rounds, 6)?.iter_rows(), temperature));
        println!(
            "          {} 3% in energy and |m| (trained in {seconds:.1} s)",
            match (within, quick) {
                (true, _) => "within",
                (false, true) => "(--quick trains a few epochs only:) not within",
                (false, false) => "NOT within",
            }
        );
    }
    println!();
    Ok(())
}

/// Training with persistent chains, the centred gradient and a falling rate.
fn learn(data: MatrixView<'_, f32>, quick: bool) -> Result<Rbm<f32>, Box<dyn Error>> {
    let stream = RandomStream::new(4);
    let mut rbm = Rbm::random(SITES, HIDDEN, 0.1, &mut stream.split(0))?;
    // Hidden units start without a preference where half of the spins are up, and visible ones likewise.
    let weight = rbm.weight().to_matrix();
    for (bias, row) in rbm.hidden_bias_mut().iter_mut().zip(weight.iter_rows()) {
        *bias = -0.5 * row.iter().sum::<f32>();
    }
    for (site, bias) in rbm.visible_bias_mut().iter_mut().enumerate() {
        *bias = -0.5 * weight.column(site).sum::<f32>();
    }
    let options = TrainingOptions::default()
        .with_epochs(if quick { 100 } else { 300 })
        .with_batch(100)
        .with_learning_rates(0.3, 0.001)
        .with_offsets(0.5, 0.5)
        .with_sampler(Sampler::Persistent { chains: 200, steps: 1 });
    let mut trainer = Trainer::new(&rbm, options, stream.split(1))?;
    trainer.train(&mut rbm, data, &mut |_| ControlFlow::Continue(()))?;
    Ok(rbm)
}
