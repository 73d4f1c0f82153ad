//! Damaged files and noise: whatever comes is read or refused, without a panic and in linear time.

use super::netlib::{bytes, table};
use brenier::lp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// One thing that can befall a file.
#[derive(Debug, Clone)]
enum Damage {
    Cut(usize),
    DropLine(usize),
    RepeatLine(usize),
    Flip(usize, u8),
    Number(usize, &'static str),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<usize>();
    prop_oneof![
        place.prop_map(Damage::Cut),
        place.prop_map(Damage::DropLine),
        place.prop_map(Damage::RepeatLine),
        (place, 0_u8..8).prop_map(|(place, bit)| Damage::Flip(place, bit)),
        (
            place,
            prop::sample::select(vec![
                "1e400",
                "-1e400",
                "nan",
                "1e30",
                "1e308",
                "",
                "-",
                "1.D+03",
                "99999999999999999999"
            ])
        )
            .prop_map(|(place, text)| Damage::Number(place, text)),
    ]
}

fn damaged(text: &[u8], damage: &[Damage]) -> Vec<u8> {
    let mut text = text.to_vec();
    for damage in damage {
        let lines = text.iter().filter(|&&byte| byte == b'\n').count().max(1);
        let line = |place: usize| -> (usize, usize) {
            let mut starts = std::iter::once(0)
                .chain(text.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').map(|(at, _)| at + 1));
            let start = starts.nth(place % lines).unwrap_or(0);
            let length = text[start..]
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(text.len() - start, |length| length + 1);
            (start, start + length)
        };
        match *damage {
            _ if text.is_empty() => {}
            Damage::Cut(place) => text.truncate(place % text.len()),
            Damage::Flip(place, bit) => {
                let place = place % text.len();
                text[place] ^= 1 << bit;
            }
            Damage::DropLine(place) => {
                let (start, end) = line(place);
                text.drain(start..end);
            }
            Damage::RepeatLine(place) => {
                let (start, end) = line(place);
                let copy = text[start..end].to_vec();
                text.splice(start..start, copy);
            }
            Damage::Number(place, number) => {
                let (start, end) = line(place);
                let words: Vec<&[u8]> = text[start..end].split(|byte| *byte == b' ').collect();
                let last = words.iter().rposition(|word| word.iter().any(u8::is_ascii_digit));
                if let Some(last) = last {
                    let from = start + words[..last].iter().map(|word| word.len() + 1).sum::<usize>();
                    let to = from + words[last].trim_ascii_end().len();
                    text.splice(from..to, number.bytes());
                }
            }
        }
    }
    text
}

/// Reads both ways; what could be read must survive writing, if it can be written.
fn read_all(text: &[u8]) {
    for format in [lp::MpsFormat::Automatic, lp::MpsFormat::Fixed, lp::MpsFormat::Free] {
        let Ok(file) = lp::read_mps_from_as(text, format) else { continue };
        let mut again = Vec::new();
        if let Ok(warnings) = lp::write_mps_to(&mut again, &file.program) {
            let mut read = lp::read_mps_from(&again[..]).unwrap().program;
            read.set_objective_name(file.program.objective_name()); // one without a name is given one
            assert!(read == file.program || !warnings.is_empty());
        }
    }
    if let Ok(file) = lp::read_lp_from(text) {
        let mut again = Vec::new();
        lp::write_lp_to(&mut again, &file.program).unwrap();
        assert_eq!(lp::read_lp_from(&again[..]).unwrap().program.costs(), file.program.costs());
    }
}

fn damaged_files(cases: u32, names: &[&str]) {
    if table().is_none() {
        return;
    }
    for name in names {
        let mps = bytes(name);
        let mut lp_text = Vec::new();
        lp::write_lp_to(&mut lp_text, &lp::read_mps_from(&mps[..]).unwrap().program).unwrap();
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let run = runner.run(&proptest::collection::vec(damage(), 1..4), |list| {
            read_all(&damaged(&mps, &list));
            read_all(&damaged(&lp_text, &list));
            Ok(())
        });
        run.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn damaged_files_are_read_or_refused() {
    damaged_files(30, &["galenet", "itest6", "kb2", "recipe"]);
}

#[test]
#[ignore = "minutes"]
fn many_damaged_files_are_read_or_refused() {
    damaged_files(3000, &["galenet", "itest6", "kb2", "recipe", "forplan", "boeing2", "vtp.base", "blend"]);
}

fn noise(cases: u32) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let any_bytes = proptest::collection::vec(any::<u8>(), 0..400);
    runner
        .run(&any_bytes, |bytes| {
            read_all(&bytes);
            read_all(&[b"\x1f\x8b", &bytes[..]].concat());
            read_all(&[b"min\n", &bytes[..]].concat());
            read_all(&[b"ROWS\n", &bytes[..]].concat());
            Ok(())
        })
        .unwrap();
    let words = vec![
        "NAME", "ROWS", "COLUMNS", "RHS", "RANGES", "BOUNDS", "ENDATA", "OBJSENSE", "OBJNAME", "\n", "\n",
        "\n ", "\n ", "\n ", "N", "L", "G", "E", "UP", "FR", "MI", "x", "r", "c", "1", "-2", "1e30",
        "'MARKER'", "'INTORG'", "*", "\r", "\t",
    ];
    runner
        .run(&proptest::collection::vec(prop::sample::select(words), 0..80), |words| {
            read_all(words.join(" ").as_bytes());
            read_all(words.concat().as_bytes());
            let start = "ROWS\n N c\n L r\nCOLUMNS\n x c 1 r 1\n";
            read_all(format!("{start}{}\nENDATA", words.join(" ")).as_bytes());
            Ok(())
        })
        .unwrap();
}

#[test]
fn noise_is_read_or_refused() {
    noise(200);
}

#[test]
#[ignore = "minutes"]
fn much_noise_is_read_or_refused() {
    noise(200_000);
}

/// A million lines: names by hashing, no search through lists.
#[test]
#[ignore = "half a minute without optimisation"]
fn a_large_file_is_read_in_linear_time() {
    use std::fmt::Write;
    let seconds = |count: usize| {
        let mut text = String::from("NAME large\nROWS\n N cost\n");
        (0..count).for_each(|row| writeln!(text, " L row{row}").unwrap());
        text.push_str("COLUMNS\n");
        for column in 0..count {
            for row in [column, (column * 7 + 1) % count, (column * 13 + 5) % count] {
                writeln!(text, "    column{column} row{row} {row}.5").unwrap();
            }
        }
        text.push_str("ENDATA\n");
        let start = std::time::Instant::now();
        assert_eq!(lp::read_mps_from(text.as_bytes()).unwrap().program.columns(), count);
        println!("{count} columns, {} bytes: {:?}", text.len(), start.elapsed());
    };
    seconds(100_000);
    seconds(800_000);
}
