//! Whole files, plain and compressed, and every way in which they can lie.

use super::*;
use crate::Matrix;
use crate::data::{ArrayData, ArrayProblem, DataError, PixelScale};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn problem(bytes: &[u8]) -> (u64, BytesProblem) {
    let streamed = read_from(bytes);
    let known = read_any(bytes, Origin::Stream, Some(bytes.len() as u64));
    assert!(streamed.is_err());
    match known {
        Err(DataError::Bytes { offset, problem, .. }) => (offset, problem),
        other => panic!("expected an error of the format, got {other:?}"),
    }
}

fn compression(bytes: &[u8]) -> String {
    match problem(bytes).1 {
        BytesProblem::Compression { reason } => reason,
        other => panic!("expected an error of the compression, got {other}"),
    }
}

#[test]
fn every_type_is_read() {
    let data = |code: u8, bytes: &[u8]| {
        let file = [&[0, 0, code, 1, 0, 0, 0, 2], bytes].concat();
        assert_eq!(read_from(&gzip(&file)[..]).unwrap(), read_from(&file[..]).unwrap());
        read_from(&file[..]).unwrap().into_data()
    };
    assert_eq!(data(0x08, &[1, 255]), ArrayData::U8(vec![1, 255]));
    assert_eq!(data(0x09, &[1, 255]), ArrayData::I8(vec![1, -1]));
    assert_eq!(data(0x0b, &[0, 1, 255, 254]), ArrayData::I16(vec![1, -2]));
    assert_eq!(data(0x0c, &[0, 0, 0, 1, 255, 255, 255, 254]), ArrayData::I32(vec![1, -2]));
    assert_eq!(data(0x0d, &[63, 128, 0, 0, 192, 32, 0, 0]), ArrayData::F32(vec![1.0, -2.5]));
    let double = [0.1_f64.to_be_bytes(), 1e300_f64.to_be_bytes()].concat();
    assert_eq!(data(0x0e, &double), ArrayData::F64(vec![0.1, 1e300]));
    assert_eq!(read_from(&[0, 0, 8, 0, 7][..]).unwrap().shape(), [0_usize; 0]);
}

#[test]
fn headers_that_lie_are_errors() {
    let signature = |found: &[u8]| BytesProblem::Signature { format: "an IDX", found: found.to_vec() };
    assert_eq!(problem(b""), (0, signature(b"")));
    assert_eq!(problem(b"\x00\x01\x08\x01"), (0, signature(b"\x00\x01\x08\x01")));
    assert_eq!(problem(b"\x93N"), (0, signature(b"\x93N")));
    assert_eq!(
        problem(b"\x00\x00\x08"),
        (0, BytesProblem::Truncated { what: "signature", expected: 4, got: 3 })
    );
    for code in [0x00, 0x07, 0x0a, 0x0f, 0xff] {
        let type_name = format!("{code:#04x}");
        assert_eq!(problem(&[0, 0, code, 0, 0]), (2, BytesProblem::UnsupportedType { type_name }));
    }
    let dimension = BytesProblem::Truncated { what: "dimension", expected: 4, got: 3 };
    assert_eq!(problem(&[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0]), (8, dimension));
    let short = BytesProblem::Truncated { what: "data", expected: 4, got: 3 };
    assert_eq!(problem(&[0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3]), (8, short));
    assert_eq!(problem(&[0, 0, 8, 1, 0, 0, 0, 1, 1, 2]), (9, BytesProblem::TrailingBytes { extra: Some(1) }));
    let four_billion = [255; 4];
    let promise = [&[0, 0, 0x0e, 1][..], &four_billion, &[1, 2]].concat();
    let expected = u64::from(u32::MAX) * 8;
    assert_eq!(problem(&promise), (8, BytesProblem::Truncated { what: "data", expected, got: 2 }));
    let squared = [&[0, 0, 8, 2][..], &four_billion, &four_billion].concat();
    assert!(matches!(problem(&squared), (4, BytesProblem::ShapeTooLarge { .. })));
}

#[test]
fn compressed_data_must_be_whole_too() {
    let plain = [&[0, 0, 8, 1, 0, 0, 0, 9][..], b"some data"].concat();
    let packed = gzip(&plain);
    let several = [gzip(&plain[..3]), gzip(&[]), gzip(&plain[3..])].concat();
    assert_eq!(read_from(&several[..]).unwrap().into_data(), ArrayData::U8(b"some data".to_vec()));
    for length in 2..packed.len() {
        assert_eq!(compression(&packed[..length]), "the compressed stream ends early", "cut at {length}");
    }
    let mut damaged = packed.clone();
    let checksum = packed.len() - 8;
    damaged[checksum] ^= 1;
    assert!(!compression(&damaged).is_empty());
    assert!(!compression(&[&packed[..], b"junk"].concat()).is_empty());
    assert_eq!(
        problem(&gzip(&[&plain[..], b"!"].concat())),
        (17, BytesProblem::TrailingBytes { extra: None })
    );
    assert_eq!(problem(&[packed, gzip(b"!")].concat()), (17, BytesProblem::TrailingBytes { extra: None }));
    let short = BytesProblem::Truncated { what: "data", expected: 9, got: 8 };
    assert_eq!(problem(&gzip(&plain[..16])), (8, short));
}

#[test]
fn images_and_labels_must_be_bytes_of_their_shape() {
    let path = |name: &str| std::env::temp_dir().join(format!("brenier-{}-{name}", std::process::id()));
    for name in ["idx", "idx.gz"] {
        let path = path(name);
        write(&path, &[2, 1, 2], &[0, 51, 102, 255]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().starts_with(&[0x1f, 0x8b]), name.ends_with("gz"));
        let found = images::<f32>(&path, PixelScale::Unit).unwrap();
        assert_eq!(found.pixels, Matrix::from_rows([[0.0, 0.2], [0.4, 1.0]]));
        assert_eq!((found.height, found.width), (1, 2));
        assert_eq!(images::<f64>(&path, PixelScale::Bytes).unwrap().pixels.row(1), [102.0, 255.0]);
        let error = labels(&path).unwrap_err().to_string();
        assert!(error.ends_with("the array has shape [2, 1, 2]; expected one dimension"), "{error}");
        assert!(error.contains(name), "{error}");
        std::fs::remove_file(path).unwrap();
    }
    let path = path("signed");
    std::fs::write(&path, [0, 0, 9, 1, 0, 0, 0, 1, 200]).unwrap();
    assert!(labels(&path).unwrap_err().to_string().ends_with("the elements are i8; expected u8"));
    assert!(images::<f32>(&path, PixelScale::Unit).is_err());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn shapes_that_the_format_cannot_say_are_refused() {
    let refused = |shape: &[usize], bytes: &[u8]| match write_to(Vec::new(), shape, bytes) {
        Err(DataError::Array { problem, .. }) => problem,
        other => panic!("expected an error about the array, got {other:?}"),
    };
    assert!(matches!(refused(&[2], &[1]), ArrayProblem::Length { .. }));
    assert!(matches!(refused(&[1; 256], &[1]), ArrayProblem::Dimensions { .. }));
    let dimension = 1 << 32;
    assert_eq!(refused(&[0, dimension], &[]), ArrayProblem::DimensionTooLarge { dimension });
}

proptest! {
    #[test]
    fn bytes_come_back(shape in prop::collection::vec(0_usize..4, 0..4), seed in any::<u8>()) {
        let length = shape.iter().product();
        let bytes: Vec<u8> = (0..length).map(|k: usize| seed.wrapping_mul(37).wrapping_add(k as u8)).collect();
        let mut file = Vec::new();
        write_to(&mut file, &shape, &bytes).unwrap();
        for packed in [file.clone(), gzip(&file)] {
            let array = read_from(&packed[..]).unwrap();
            prop_assert_eq!(array.shape(), &shape[..]);
            prop_assert_eq!(array.into_data(), ArrayData::U8(bytes.clone()));
        }
    }
}
