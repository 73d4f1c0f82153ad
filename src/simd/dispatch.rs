//! Which instruction set runs: decided once, at run time.

use std::sync::OnceLock;

/// An instruction set, from the least to the most capable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// What the compiler's target guarantees (SSE2 on x86-64, NEON on AArch64), through the crate `wide`.
    Portable,
    /// AVX2 and FMA: 256 bits.
    Avx2,
    /// AVX-512 F, DQ, VL and BW: 512 bits.
    Avx512,
}

impl Level {
    /// The level's name, as the environment variable `BRENIER_SIMD` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }
}

/// The most capable level of this machine.
#[cfg(all(target_arch = "x86_64", not(brenier_portable)))]
pub(crate) fn detect() -> Level {
    use std::arch::is_x86_feature_detected as has;
    if has!("avx512f")
        && has!("avx512dq")
        && has!("avx512vl")
        && has!("avx512bw")
        && has!("avx2")
        && has!("fma")
    {
        Level::Avx512
    } else if has!("avx2") && has!("fma") {
        Level::Avx2
    } else {
        Level::Portable
    }
}

/// The most capable level of this machine.
#[cfg(not(all(target_arch = "x86_64", not(brenier_portable))))]
pub(crate) fn detect() -> Level {
    Level::Portable
}

/// The level that the kernels use: the machine's best, capped by the environment variable `BRENIER_SIMD`
/// (`portable`, `avx2` or `avx512`) as it stood at the first call. A value that is none of these caps nothing.
///
/// # Examples
/// ```
/// println!("kernels run at level {}", brenier::simd::level().name());
/// ```
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let cap = match std::env::var("BRENIER_SIMD").as_deref() {
            Ok("portable") => Level::Portable,
            Ok("avx2") => Level::Avx2,
            _ => Level::Avx512,
        };
        detect().min(cap)
    })
}

/// Defines a function that runs a kernel at the machine's level.
///
/// `dispatch! { /// Docs. pub fn sum<T: Scalar>(x: &[T]) -> T = sum_kernel }` defines `sum`, which calls
/// `sum_kernel::<S, T>(x)` with `S: Simd` the best instruction set. The kernel is `#[inline(always)]`, so that it is
/// compiled inside the wrapper that enables the instructions. Dispatch once for a matrix, never for a row.
macro_rules! dispatch {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident $(<$($generic:ident : $bound:path),+>)?
        ($($argument:ident : $type:ty),* $(,)?) $(-> $result:ty)? = $kernel:ident) => {
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments)]
        $visibility fn $name $(<$($generic: $bound),+>)? ($($argument: $type),*) $(-> $result)? {
            #[cfg(all(target_arch = "x86_64", not(brenier_portable)))]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")]
                fn avx512 $(<$($generic: $bound),+>)? ($($argument: $type),*) $(-> $result)? {
                    $kernel::<$crate::simd::avx512::Avx512, $($($generic),+)?>($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2 $(<$($generic: $bound),+>)? ($($argument: $type),*) $(-> $result)? {
                    $kernel::<$crate::simd::avx2::Avx2, $($($generic),+)?>($($argument),*)
                }
                // SAFETY: `level` reports a level only if the processor has every feature that the arm enables.
                #[allow(unsafe_code)]
                match $crate::simd::level() {
                    $crate::simd::Level::Avx512 => return unsafe { avx512 $(::<$($generic),+>)? ($($argument),*) },
                    $crate::simd::Level::Avx2 => return unsafe { avx2 $(::<$($generic),+>)? ($($argument),*) },
                    $crate::simd::Level::Portable => {}
                }
            }
            $kernel::<$crate::simd::portable::Portable, $($($generic),+)?>($($argument),*)
        }
    };
}
pub(crate) use dispatch;

/// Defines tests that run the body `$body::<S>()` at every level that this machine has.
#[cfg(test)]
macro_rules! test_at_every_level {
    ($($(#[$attribute:meta])* $name:ident = $body:ident $(::<$generic:ty>)?;)+) => {$(
        #[test]
        $(#[$attribute])*
        fn $name() {
            $body::<$crate::simd::portable::Portable, $($generic)?>();
            #[cfg(all(target_arch = "x86_64", not(brenier_portable)))]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")]
                fn avx512() {
                    $body::<$crate::simd::avx512::Avx512, $($generic)?>();
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2() {
                    $body::<$crate::simd::avx2::Avx2, $($generic)?>();
                }
                // SAFETY: a level runs only if the processor has every feature that its function enables.
                #[allow(unsafe_code)]
                {
                    if $crate::simd::detect() >= $crate::simd::Level::Avx2 {
                        unsafe { avx2() };
                    }
                    if $crate::simd::detect() >= $crate::simd::Level::Avx512 {
                        unsafe { avx512() };
                    }
                }
            }
        }
    )+};
}
#[cfg(test)]
pub(crate) use test_at_every_level;
