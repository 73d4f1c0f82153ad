//! How weights begin, by the names that the field has for it and with PyTorch's definitions.
//!
//! A weight is (out, inp); "fan in" is inp, "fan out" is out. Uniform numbers are from [-b, b):
//!
//! | | standard deviation, or bound b | source |
//! | --- | --- | --- |
//! | Kaiming (He) normal | `g / √fan` | He, Zhang, Ren and Sun, ICCV 2015 |
//! | Kaiming (He) uniform | `b = g √(3 / fan)` | the same |
//! | Xavier (Glorot) normal | `g √(2 / (inp + out))` | Glorot and Bengio, AISTATS 2010 |
//! | Xavier (Glorot) uniform | `b = g √(6 / (inp + out))` | the same |
//! | LeCun normal | `1 / √inp` | LeCun, Bottou, Orr and Müller 1998 |
//! | LeCun uniform | `b = √(3 / inp)` | the same |
//! | orthogonal | rows or columns of length g at right angles | Saxe, McClelland and Ganguli, ICLR 2014 |
//! | PyTorch's `nn.Linear` | `b = 1 / √inp`, of weight and bias | Kaiming uniform with `a = √5`: `g = √(1/3)` |

use crate::error::{Error, Result};
use crate::random::RandomStream;
use crate::scalar::Scalar;
use crate::simd;

/// Which size of a weight keeps the scale of the signal: of activations going forward (in) or of gradients going back (out).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fan {
    /// The number of inputs.
    #[default]
    In,
    /// The number of outputs.
    Out,
}

/// What an activation takes from the scale of its argument: PyTorch's `calculate_gain`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Gain {
    /// 1, also for the logistic function.
    Linear,
    /// 5/3.
    Tanh,
    /// √2.
    Relu,
    /// √(2 / (1 + a²)) for the slope a below zero.
    LeakyRelu(f64),
    /// 3/4.
    Selu,
    /// Any number.
    Value(f64),
}

impl Gain {
    /// The gain as a number.
    ///
    /// # Examples
    /// ```
    /// use brenier::nn::initialisation::Gain;
    /// assert_eq!(Gain::Relu.value(), 2.0_f64.sqrt());
    /// assert_eq!(Gain::LeakyRelu(0.0).value(), Gain::Relu.value());
    /// ```
    pub fn value(self) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::Relu => 2.0_f64.sqrt(),
            Self::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            Self::Selu => 0.75,
            Self::Value(gain) => gain,
        }
    }
}

/// How the weight of a layer begins.
///
/// # Examples
/// ```
/// use brenier::nn::initialisation::{Fan, Gain, Initialisation};
/// use brenier::random::RandomStream;
/// let mut stream = RandomStream::new(1);
/// let (out, inp) = (256, 128);
/// let mut weight = vec![0.0_f32; out * inp];
/// Initialisation::KaimingNormal(Fan::In, Gain::Relu).fill(&mut weight, (out, inp), &mut stream)?;
/// let variance = weight.iter().map(|w| w * w).sum::<f32>() / weight.len() as f32;
/// assert!((variance / (2.0 / 128.0) - 1.0).abs() < 0.05);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "He")]
#[doc(alias = "Glorot")]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Initialisation {
    /// What PyTorch's `nn.Linear` does: uniform within 1/√inp.
    #[default]
    LinearDefault,
    /// Kaiming (He) uniform.
    KaimingUniform(Fan, Gain),
    /// Kaiming (He) normal.
    KaimingNormal(Fan, Gain),
    /// Xavier (Glorot) uniform.
    XavierUniform(Gain),
    /// Xavier (Glorot) normal.
    XavierNormal(Gain),
    /// LeCun uniform.
    LecunUniform,
    /// LeCun normal.
    LecunNormal,
    /// Rows (or columns, if there are fewer of them) at right angles, of the gain's length; uniform among all such.
    Orthogonal(Gain),
    /// Uniform from the first number up to the second.
    Uniform(f64, f64),
    /// Normal with this mean and standard deviation.
    Normal(f64, f64),
    /// The same number everywhere.
    Constant(f64),
    /// Zero everywhere.
    Zeros,
}

impl Initialisation {
    /// Fills a weight of shape (out, inp), row-major. The same stream gives the same bits for any number of threads.
    ///
    /// Cost: a fill of random numbers; orthogonal ones `4 out inp min(out, inp)` flops, and `out · inp` numbers of memory.
    ///
    /// # Errors
    /// [`Error::Shape`] if the weight does not have out times inp entries, [`Error::Empty`] if there are none,
    /// [`Error::Argument`] for a gain, deviation, constant or range out of the domain. The weight is untouched then.
    pub fn fill<T: Scalar>(
        &self,
        weight: &mut [T],
        (out, inp): (usize, usize),
        stream: &mut RandomStream,
    ) -> Result<()> {
        if out.checked_mul(inp) != Some(weight.len()) {
            return Err(Error::Shape {
                operation: "Initialisation::fill",
                what: "number of entries of the weight",
                expected: out.saturating_mul(inp),
                got: weight.len(),
            });
        }
        if weight.is_empty() {
            return Err(Error::Empty { what: "the weight to initialise" });
        }
        let fan = |fan| match fan {
            Fan::In => inp as f64,
            Fan::Out => out as f64,
        };
        let (inp_count, both) = (inp as f64, (inp + out) as f64);
        match *self {
            Self::LinearDefault => uniform(weight, 1.0 / inp_count.sqrt(), stream),
            Self::KaimingUniform(of, gain) => uniform(weight, check(gain)? * (3.0 / fan(of)).sqrt(), stream),
            Self::KaimingNormal(of, gain) => normal(weight, 0.0, check(gain)? / fan(of).sqrt(), stream),
            Self::XavierUniform(gain) => uniform(weight, check(gain)? * (6.0 / both).sqrt(), stream),
            Self::XavierNormal(gain) => normal(weight, 0.0, check(gain)? * (2.0 / both).sqrt(), stream),
            Self::LecunUniform => uniform(weight, (3.0 / inp_count).sqrt(), stream),
            Self::LecunNormal => normal(weight, 0.0, 1.0 / inp_count.sqrt(), stream),
            Self::Orthogonal(gain) => {
                orthogonal(weight, out, inp, check(gain)?, stream);
                Ok(())
            }
            Self::Uniform(low, high) => {
                stream.fill_uniform_range(weight, T::from_f64(low), T::from_f64(high))
            }
            Self::Normal(mean, deviation) => normal(weight, mean, deviation, stream),
            Self::Constant(value) if !value.is_finite() => {
                Err(Error::Argument { name: "constant", value, requirement: "it must be finite" })
            }
            Self::Constant(value) => {
                weight.fill(T::from_f64(value));
                Ok(())
            }
            Self::Zeros => {
                weight.fill(T::ZERO);
                Ok(())
            }
        }
    }
}

/// Fills the bias of a linear layer with `inp` inputs as PyTorch's `nn.Linear` does: uniform within 1/√inp.
///
/// # Errors
/// [`Error::Argument`] for a layer without inputs.
///
/// # Examples
/// ```
/// let mut bias = [0.0_f64; 10];
/// brenier::nn::initialisation::fill_linear_bias(&mut bias, 16, &mut brenier::random::RandomStream::new(1))?;
/// assert!(bias.iter().all(|b| b.abs() <= 0.25));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn fill_linear_bias<T: Scalar>(bias: &mut [T], inp: usize, stream: &mut RandomStream) -> Result<()> {
    if inp == 0 {
        return Err(Error::Argument { name: "inp", value: 0.0, requirement: "it must be at least 1" });
    }
    uniform(bias, 1.0 / (inp as f64).sqrt(), stream)
}

fn check(gain: Gain) -> Result<f64> {
    let value = gain.value();
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Error::Argument { name: "gain", value, requirement: "it must be finite and above 0" })
}

fn uniform<T: Scalar>(weight: &mut [T], bound: f64, stream: &mut RandomStream) -> Result<()> {
    let bound = T::from_f64(bound);
    stream.fill_uniform_range(weight, -bound, bound)
}

fn normal<T: Scalar>(weight: &mut [T], mean: f64, deviation: f64, stream: &mut RandomStream) -> Result<()> {
    stream.fill_normal_with(weight, T::from_f64(mean), T::from_f64(deviation))
}

/// Normal rows, made orthogonal one after the other in `f64`: uniform among the matrices with orthonormal rows, as the factor Q of a QR
/// decomposition is whose R has a positive diagonal. With more rows than columns, the columns are made so.
fn orthogonal<T: Scalar>(weight: &mut [T], out: usize, inp: usize, gain: f64, stream: &mut RandomStream) {
    let (count, length) = (out.min(inp), out.max(inp));
    let mut rows = vec![0.0; count * length];
    stream.fill_normal(&mut rows);
    for k in 0..count {
        let (before, rest) = rows.split_at_mut(k * length);
        let row = &mut rest[..length];
        // What is left after the others are taken out is never so short unless numbers were drawn that are hardly ever drawn.
        while !orthonormalise(row, before) {
            stream.fill_normal(row);
        }
    }
    for i in 0..out {
        for j in 0..inp {
            let place = if out <= inp { i * length + j } else { j * length + i };
            weight[i * inp + j] = T::from_f64(gain * rows[place]);
        }
    }
}

/// Makes `row` orthogonal to the rows `before` and of length one; false if hardly anything of it is left.
fn orthonormalise(row: &mut [f64], before: &[f64]) -> bool {
    let norm = |x: &[f64]| simd::dot(x, x).expect("one length").sqrt();
    let length = norm(row);
    // Twice is enough: the second time removes the rounding that the first has left.
    for _ in 0..2 {
        for other in before.chunks_exact(row.len()) {
            let dot = simd::dot(row, other).expect("one length");
            for (x, y) in row.iter_mut().zip(other) {
                *x -= dot * y;
            }
        }
    }
    let left = norm(row);
    for x in row.iter_mut() {
        *x /= left;
    }
    left > 1e-8 * length && left > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name has the spread and the support of its definition. The mean square of n numbers errs by √(2/n)
    /// relative for normal ones: five of that.
    #[test]
    fn spreads_are_those_of_the_definitions() {
        let (out, inp) = (300, 200);
        let relu = Gain::Relu;
        let root = |x: f64| x.sqrt();
        let uniform = [
            (Initialisation::LinearDefault, 1.0 / root(200.0)),
            (Initialisation::KaimingUniform(Fan::In, Gain::LeakyRelu(root(5.0))), 1.0 / root(200.0)),
            (Initialisation::KaimingUniform(Fan::Out, relu), root(6.0 / 300.0)),
            (Initialisation::XavierUniform(Gain::Tanh), 5.0 / 3.0 * root(6.0 / 500.0)),
            (Initialisation::LecunUniform, root(3.0 / 200.0)),
            (Initialisation::Uniform(-0.3, 0.3), 0.3),
        ];
        let normal = [
            (Initialisation::KaimingNormal(Fan::In, relu), root(2.0 / 200.0)),
            (Initialisation::KaimingNormal(Fan::Out, Gain::Linear), root(1.0 / 300.0)),
            (Initialisation::XavierNormal(Gain::Selu), 0.75 * root(2.0 / 500.0)),
            (Initialisation::LecunNormal, root(1.0 / 200.0)),
            (Initialisation::Normal(0.0, 0.02), 0.02),
        ];
        let cases = uniform
            .iter()
            .map(|&(which, bound)| (which, bound / root(3.0), bound))
            .chain(normal.iter().map(|&(which, deviation)| (which, deviation, 6.0 * deviation)));
        for (which, deviation, bound) in cases {
            let mut weight = vec![0.0_f64; out * inp];
            which.fill(&mut weight, (out, inp), &mut RandomStream::new(3)).unwrap();
            let count = weight.len() as f64;
            let mean = weight.iter().sum::<f64>() / count;
            let square = weight.iter().map(|w| w * w).sum::<f64>() / count;
            assert!(mean.abs() < 5.0 * deviation / root(count), "{which:?}: mean {mean}");
            assert!(
                (square / (deviation * deviation) - 1.0).abs() < 5.0 * root(2.0 / count),
                "{which:?}: {square}"
            );
            assert!(weight.iter().all(|w| w.abs() <= bound), "{which:?}");
        }
    }

    #[test]
    fn orthogonal_weights_have_an_identity_as_gram_matrix() {
        for (out, inp) in [(1, 1), (5, 5), (20, 64), (64, 20), (1, 7), (7, 1)] {
            let mut weight = vec![0.0_f64; out * inp];
            Initialisation::Orthogonal(Gain::Value(2.0))
                .fill(&mut weight, (out, inp), &mut RandomStream::new(4))
                .unwrap();
            let entry =
                |k: usize, j: usize| if out <= inp { weight[k * inp + j] } else { weight[j * inp + k] };
            let (count, length) = (out.min(inp), out.max(inp));
            for a in 0..count {
                for b in 0..count {
                    let dot: f64 = (0..length).map(|j| entry(a, j) * entry(b, j)).sum();
                    let expected = if a == b { 4.0 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-14 * length as f64, "({out}, {inp}): {dot}");
                }
            }
        }
    }

    #[test]
    fn constants_bias_and_streams() {
        let mut stream = RandomStream::new(5);
        let mut weight = [9.0_f32; 6];
        Initialisation::Constant(0.5).fill(&mut weight, (2, 3), &mut stream).unwrap();
        assert_eq!(weight, [0.5; 6]);
        Initialisation::Zeros.fill(&mut weight, (3, 2), &mut stream).unwrap();
        assert_eq!(weight, [0.0; 6]);
        let mut bias = vec![0.0_f64; 1000];
        fill_linear_bias(&mut bias, 25, &mut stream).unwrap();
        assert!(bias.iter().all(|b| b.abs() <= 0.2) && bias.iter().any(|b| b.abs() > 0.19));
        let fill = |seed| {
            let mut weight = [0.0_f32; 6];
            Initialisation::default().fill(&mut weight, (2, 3), &mut RandomStream::new(seed)).unwrap();
            weight
        };
        assert_eq!(fill(1), fill(1));
        assert_ne!(fill(1), fill(2));
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_nothing_changes() {
        let mut stream = RandomStream::new(6);
        let mut weight = [7.0_f64; 6];
        let mut refuse =
            |which: Initialisation, shape| which.fill(&mut weight, shape, &mut stream).unwrap_err();
        assert!(matches!(refuse(Initialisation::Zeros, (2, 2)), Error::Shape { expected: 4, got: 6, .. }));
        assert!(matches!(refuse(Initialisation::Zeros, (usize::MAX, 2)), Error::Shape { .. }));
        for which in [
            Initialisation::Constant(f64::NAN),
            Initialisation::Normal(0.0, -1.0),
            Initialisation::Uniform(1.0, 1.0),
            Initialisation::KaimingNormal(Fan::In, Gain::Value(0.0)),
            Initialisation::XavierUniform(Gain::LeakyRelu(f64::NAN)),
            Initialisation::Orthogonal(Gain::Value(f64::INFINITY)),
        ] {
            assert!(matches!(refuse(which, (2, 3)), Error::Argument { .. }), "{which:?}");
        }
        assert_eq!(weight, [7.0; 6]);
        let empty = Initialisation::Zeros.fill::<f32>(&mut [], (0, 3), &mut RandomStream::new(1));
        assert!(matches!(empty, Err(Error::Empty { .. })));
        assert!(fill_linear_bias(&mut [0.0_f32], 0, &mut RandomStream::new(1)).is_err());
    }
}
