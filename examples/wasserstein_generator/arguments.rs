//! What is asked for on the command line.

use brenier::ot::sinkhorn::gradient::Loss;
use brenier::ot::sinkhorn::minibatch::{Differentiation, Options};
use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;

pub struct Arguments {
    pub quick: bool,
    pub images: String,
    /// One label, or all.
    pub label: Option<u8>,
    pub latent: usize,
    pub batch: usize,
    pub steps: u64,
    /// Of the image generator.
    pub loss: Options,
}

/// The value of `--name=value`.
fn value(name: &str) -> Option<String> {
    std::env::args().find_map(|argument| {
        argument.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('=').map(str::to_owned)
    })
}

fn number<N: FromStr<Err: Display>>(name: &str, default: N) -> Result<N, Box<dyn Error>> {
    match value(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|error| format!("--{name}={text}: {error}").into()),
    }
}

impl Arguments {
    pub fn read() -> Result<Self, Box<dyn Error>> {
        let is_there = |flag: &str| std::env::args().any(|argument| argument == flag);
        let quick = is_there("--quick");
        let images = value("images").unwrap_or_else(|| "mnist".into());
        if !["mnist", "fashion", "cifar"].contains(&images.as_str()) {
            return Err(format!("--images={images}: expected mnist, fashion or cifar").into());
        }
        let label = match value("label").as_deref() {
            Some("all") => None,
            None if images != "mnist" => None,
            None => Some(3),
            Some(_) => Some(number("label", 3)?),
        };
        let loss = match value("loss").as_deref() {
            None | Some("dual") => Loss::Dual,
            Some("primal") => Loss::EntropicPrimal,
            Some("cost") => Loss::TransportCost,
            Some(other) => return Err(format!("--loss={other}: expected dual, primal or cost").into()),
        };
        let gradient = match value("gradient").as_deref() {
            None | Some("envelope") => Differentiation::Envelope,
            Some("unrolled") => Differentiation::Unrolled,
            Some("implicit") => Differentiation::Implicit,
            Some(other) => {
                return Err(format!("--gradient={other}: expected envelope, unrolled or implicit").into());
            }
        };
        let loss = Options::new(number("epsilon", 0.01)?)
            .with_loss(loss)
            .with_differentiation(gradient)
            .with_debiased(is_there("--debiased"));
        Ok(Arguments {
            quick,
            images,
            label,
            latent: number("latent", 64)?,
            batch: number("batch", 32)?,
            steps: number("steps", if quick { 200 } else { 800 })?,
            loss,
        })
    }
}
