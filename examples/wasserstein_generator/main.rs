//! A generator trained with the Sinkhorn loss: two blobs in the plane, and images.
//!
//! `cargo run --release --example wasserstein_generator [-- OPTIONS] [FOLDER]` prints tables and draws into FOLDER
//! (`target/plots` if none is given).
//!
//! | option | default | |
//! | --- | --- | --- |
//! | `--images=mnist`, `fashion`, `cifar` | `mnist` | which images |
//! | `--label=3`, `all` | `3`; `all` for the others | which of them |
//! | `--latent=64` | 64 | numbers of noise that an image is made of |
//! | `--epsilon=0.01` | 0.01 | ε for images, in squared distances of pixels from 0 to 1 |
//! | `--loss=dual`, `primal`, `cost` | `dual` | <u, μ> + <v, ν> - ε ΣP, <P, C> + ε ΣP ln P, <P, C> |
//! | `--gradient=envelope`, `unrolled`, `implicit` | `envelope` | how it is differentiated |
//! | `--debiased` | | the Sinkhorn divergence |
//! | `--steps=800`, `--batch=32` | 800, 32 | of the image generator |
//! | `--quick` | | fewer steps |

mod arguments;
mod blobs;
mod images;
mod merit;
#[allow(dead_code)] // The plots of other examples need more of it.
#[path = "../plot/mod.rs"]
mod plot;
mod sheet;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments::Arguments::read()?;
    blobs::run(&arguments)?;
    images::run(&arguments)
}
