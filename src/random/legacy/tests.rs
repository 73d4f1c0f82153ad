//! Reference values printed by NumPy 2.4.6, and the arrays of the course's exercise.

use super::*;

/// Numbers drawn one after another.
fn draws<const COUNT: usize>(mut draw: impl FnMut() -> f64) -> [f64; COUNT] {
    std::array::from_fn(|_| draw())
}

/// Equal to the last bit but one: `ln` may round differently, and the square root and the product pass that on.
fn assert_close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= 2.0 * f64::EPSILON * expected.abs(), "{got} {expected}");
    }
}

#[test]
fn uniform_numbers_are_those_of_numpy() {
    for (seed, expected) in [
        (0, [0.5488135039273248, 0.7151893663724195, 0.6027633760716439, 0.5448831829968969]),
        (42, [0.3745401188473625, 0.9507143064099162, 0.7319939418114051, 0.5986584841970366]),
        (u32::MAX, [0.0976320289940138, 0.9123828453026218, 0.78903530185164, 0.7800035981134678]),
    ] {
        let mut state = LegacyRandomState::new(seed);
        assert_eq!(draws(|| state.random()), expected);
    }
    let mut state = LegacyRandomState::from_key(&[1, 2, 3]).unwrap();
    assert_eq!(draws(|| state.random()), [0.6098612722867289, 0.8866970434146851]);
    // A key longer than the state.
    let mut state = LegacyRandomState::from_key(&(0..700).collect::<Vec<_>>()).unwrap();
    assert_eq!(draws(|| state.random()), [0.867898393018711, 0.9148838731573538]);
    assert!(LegacyRandomState::from_key(&[]).is_err());
}

#[test]
fn normal_numbers_are_those_of_numpy() {
    for (seed, expected) in [
        (
            0,
            [
                1.764052345967664,
                0.4001572083672233,
                0.9787379841057392,
                2.240893199201458,
                1.8675579901499675,
            ],
        ),
        (
            42,
            [
                0.4967141530112327,
                -0.13826430117118466,
                0.6476885381006925,
                1.5230298564080254,
                -0.23415337472333597,
            ],
        ),
        (
            u32::MAX,
            [
                0.6484086742306527,
                0.6693235306338161,
                -1.0805437227474493,
                0.2845010447986309,
                0.11388773652167104,
            ],
        ),
    ] {
        let mut state = LegacyRandomState::new(seed);
        assert_close(&draws::<5>(|| state.standard_normal()), &expected);
    }
    // The rejections stay in step over many draws.
    let mut state = LegacyRandomState::new(7);
    let normals = state.randn(100, 1000);
    let largest = normals.as_slice().iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    assert_close(&[largest, normals[(99, 999)]], &[4.359610846342416, 0.492573295122291]);
    assert_eq!(state.random(), 0.9050152019790842);
}

#[test]
fn the_cached_normal_survives_other_draws() {
    let mut state = LegacyRandomState::new(42);
    let got = [
        state.uniform(-10.0, 10.0).unwrap(),
        state.normal(5.0, 2.0).unwrap(),
        state.random(),
        state.normal(0.0, 1.0).unwrap(),
        state.standard_normal(),
        state.uniform(3.0, 1.0).unwrap(),
    ];
    let expected = [
        -2.50919762305275,
        2.776239763906159,
        0.15599452033620265,
        0.31890218468938336,
        1.5792128155073915,
        2.958831011408395,
    ];
    assert_close(&got, &expected);
}

#[test]
fn integers_are_those_of_numpy() {
    fn integers<const COUNT: usize>(state: &mut LegacyRandomState, low: i64, high: i64) -> [i64; COUNT] {
        std::array::from_fn(|_| state.randint(low, high).unwrap())
    }
    let mut state = LegacyRandomState::new(42);
    assert_eq!(integers(&mut state, 0, 10), [6, 3, 7, 4, 6, 9, 2, 6, 7, 4, 3, 7]);
    assert_eq!(integers(&mut state, 0, 2), [1, 0, 1, 0, 1, 1, 1, 1]);
    assert_eq!(integers(&mut state, -5, 5), [0, -4, -1, -5, 4, 0]);
    // Above 2^32 values an attempt takes two words.
    assert_eq!(integers(&mut state, -(1 << 40), 1 << 41), [-15324679445, 938930758714, 1091520814761]);
    assert_eq!(integers(&mut state, 0, 1 << 32), [200427519, 1254751707]);
    assert_eq!(integers(&mut state, 0, (1 << 32) + 1), [1958805693, 199502978]);
    assert_eq!(integers(&mut state, i64::MIN, i64::MAX), [6639728501140754226, 3326087021954824212]);
    assert_eq!(integers(&mut state, 7, 8), [7, 7, 7]);
    assert_eq!(state.random(), 0.450499251969543);
    assert!(state.randint(3, 3).is_err());
}

#[test]
fn orders_are_those_of_numpy() {
    let mut state = LegacyRandomState::new(42);
    assert_eq!(state.permutation(20), [0, 17, 15, 1, 8, 5, 11, 3, 18, 16, 13, 2, 9, 19, 4, 12, 7, 10, 14, 6]);
    assert_eq!(state.permutation(1), [0]);
    assert_eq!(state.permutation(5), [4, 2, 0, 3, 1]);
    let mut letters: Vec<char> = "abcdefgh".chars().collect();
    state.shuffle(&mut letters);
    assert_eq!(letters.iter().collect::<String>(), "gcahefbd");
    assert_eq!(state.random(), 0.5247746602583891);
    let order = LegacyRandomState::new(7).permutation(100_000);
    assert_eq!(order[..5], [33909, 92307, 89107, 9538, 31008]);
    assert_eq!(order[99_997..], [49689, 58564, 61615]);
}

#[test]
fn choices_are_those_of_numpy() {
    let mut state = LegacyRandomState::new(42);
    assert_eq!(state.choice(10, 8).unwrap(), [6, 3, 7, 4, 6, 9, 2, 6]);
    assert_eq!(state.choice_without_replacement(10, 5).unwrap(), [0, 6, 9, 1, 8]);
    assert_eq!(state.random(), 0.0007787658410143283);

    let p = [0.1, 0.0, 0.3, 0.2, 0.15, 0.25];
    let mut state = LegacyRandomState::new(42);
    assert_eq!(state.choice_weighted(&p, 10).unwrap(), [2, 5, 4, 3, 2, 2, 0, 5, 4, 4]);
    assert_eq!(state.choice_weighted_without_replacement(&p, 5).unwrap(), [0, 5, 2, 3, 4]);
    assert_eq!(state.choice_weighted_without_replacement(&p, 3).unwrap(), [3, 2, 4]);
    assert_eq!(state.random(), 0.13949386065204183);

    // A likely index makes most rounds repeat.
    let p = [0.9, 0.02, 0.02, 0.02, 0.02, 0.02];
    let mut state = LegacyRandomState::new(1);
    assert_eq!(state.choice_weighted_without_replacement(&p, 6).unwrap(), [0, 1, 2, 3, 5, 4]);
    assert_eq!(state.random(), 0.8781174363909454);
}

#[test]
fn bad_chances_and_counts_are_named() {
    let mut state = LegacyRandomState::new(42);
    assert!(matches!(state.choice(0, 1), Err(Error::Argument { .. })));
    assert!(matches!(state.choice_without_replacement(2, 3), Err(Error::Argument { name: "count", .. })));
    assert!(matches!(state.choice_weighted(&[], 1), Err(Error::Empty { .. })));
    assert!(matches!(state.choice_weighted(&[0.5, f64::NAN], 1), Err(Error::NotFinite { index: 1, .. })));
    assert!(matches!(
        state.choice_weighted(&[1.5, -0.5], 1),
        Err(Error::Negative { index: 1, value: -0.5, .. })
    ));
    assert!(matches!(state.choice_weighted(&[0.5, 0.4], 1), Err(Error::Argument { name: "sum of p", .. })));
    assert!(matches!(
        state.choice_weighted_without_replacement(&[0.5, 0.5, 0.0], 3),
        Err(Error::Argument { name: "count", .. })
    ));
    assert!(state.normal(0.0, -1.0).is_err());
    assert!(state.uniform(f64::MIN, f64::MAX).is_err());
}

#[test]
fn serves_as_a_generator_of_numpys_words() {
    use rand::Rng;
    let mut words = LegacyRandomState::new(42);
    let mut pairs = words.clone();
    let mut bytes = words.clone();
    let (first, second) = (words.next_u32(), words.next_u32());
    assert_eq!(first, 1608637542, "np.random.RandomState(42).randint(0, 2**32)");
    assert_eq!(pairs.next_u64(), u64::from(first) << 32 | u64::from(second));
    let mut buffer = [0; 6];
    bytes.fill_bytes(&mut buffer);
    assert_eq!(buffer[..4], first.to_le_bytes());
    assert_eq!(buffer[4..], second.to_le_bytes()[..2]);
}

/// The numbers of an array of the exercise, row after row, if the data are here.
fn exercise(name: &str) -> Option<Vec<f64>> {
    let path = crate::data::file(&format!("exercise10/{name}"))?;
    let array = crate::data::npy::read(path).expect("a sound file");
    Some(array.into_vec().expect("numbers"))
}

/// NumPy's sum of 8 to 128 contiguous numbers: eight accumulators, combined pairwise, then the rest.
fn numpy_sum(values: &[f64]) -> f64 {
    let (blocks, rest) = values.as_chunks::<8>();
    let mut sums = blocks[0];
    for block in &blocks[1..] {
        for (sum, value) in sums.iter_mut().zip(block) {
            *sum += value;
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    rest.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, value| sum + value)
}

#[test]
fn exercise_arrays_come_out_bit_for_bit() {
    let Some(mass_sources) = exercise("mass_sources.npy") else {
        let source = "the course's exercise 10, by NumPy";
        println!("{}", crate::data::skipped("exercise10/mass_sources.npy", source));
        return;
    };
    let mut state = LegacyRandomState::new(42);
    let normalised = |masses: Vec<f64>| -> Vec<f64> {
        let sum = numpy_sum(&masses);
        masses.into_iter().map(|mass| mass / sum).collect()
    };
    let sources = normalised(state.random_array(10));
    let sinks = normalised(state.random_array(20));
    assert_eq!(sources, mass_sources);
    assert_eq!(sinks, exercise("mass_sinks.npy").unwrap());
    assert_eq!(state.rand(10, 5).into_vec(), exercise("coords_sources.npy").unwrap());
    assert_eq!(state.rand(20, 5).into_vec(), exercise("coords_sinks.npy").unwrap());

    let mut state = LegacyRandomState::new(42);
    for (name, centre) in [("gauss2d_X0.npy", 0.0), ("gauss2d_X1.npy", 3.0)] {
        let points: Vec<f64> = state.randn(50, 2).into_vec().into_iter().map(|x| x * 0.5 + centre).collect();
        let expected = exercise(name).unwrap();
        // The addition of the centre cancels, so the rounding of the normal counts by its own size, below 4.
        for (got, expected) in points.iter().zip(&expected) {
            assert!((got - expected).abs() <= 4.0 * f64::EPSILON, "{got} {expected}");
        }
    }
}
