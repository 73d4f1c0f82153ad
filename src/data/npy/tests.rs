//! Whole files: round trips, both orders, every way in which a file can lie.

use super::*;
use crate::data::{ArrayData, ArrayProblem, DataError};
use proptest::prelude::*;

/// A version 1.0 file with this dictionary, unpadded, and data.
fn file(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes.extend(data);
    bytes
}

fn typed(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    file(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}"), data)
}

/// Reads as a stream and as a file of known length: both must say the same, but for the extra bytes' number.
fn read_both(bytes: &[u8]) -> Result<Array> {
    let streamed = read_from(bytes);
    let known = read_array(ByteReader::new(bytes, Origin::Stream, Some(bytes.len() as u64)));
    match (&streamed, &known) {
        // As text: a NaN is not equal to itself.
        (Ok(streamed), Ok(known)) => assert_eq!(format!("{streamed:?}"), format!("{known:?}")),
        (Err(_), Err(_)) => {}
        _ => panic!("{streamed:?} as a stream, {known:?} as a file"),
    }
    known
}

fn problem(bytes: &[u8]) -> (u64, BytesProblem) {
    match read_both(bytes) {
        Err(DataError::Bytes { offset, problem, .. }) => (offset, problem),
        other => panic!("expected an error of the format, got {other:?}"),
    }
}

#[test]
fn every_type_in_both_orders() {
    let check = |descr: &str, data: &[u8], expected: ArrayData| {
        let array = read_both(&typed(descr, "(2,)", data)).unwrap();
        assert_eq!(array.data(), &expected, "{descr}");
    };
    check("<f2", &[0, 0x3c, 0, 0xc0], ArrayData::F16(vec![Half::from_bits(0x3c00), Half::from_bits(0xc000)]));
    check(">f2", &[0x3c, 0, 0xc0, 0], ArrayData::F16(vec![Half::from_bits(0x3c00), Half::from_bits(0xc000)]));
    check("|i1", &[255, 1], ArrayData::I8(vec![-1, 1]));
    check("<i1", &[255, 1], ArrayData::I8(vec![-1, 1]));
    check(">u1", &[255, 1], ArrayData::U8(vec![255, 1]));
    check("|b1", &[0, 1], ArrayData::Bool(vec![false, true]));
    check("<i2", &[1, 0, 254, 255], ArrayData::I16(vec![1, -2]));
    check(">i2", &[0, 1, 255, 254], ArrayData::I16(vec![1, -2]));
    check("<u2", &[1, 0, 254, 255], ArrayData::U16(vec![1, 65534]));
    check(">u2", &[0, 1, 255, 254], ArrayData::U16(vec![1, 65534]));
    check("<i4", &[1, 0, 0, 0, 254, 255, 255, 255], ArrayData::I32(vec![1, -2]));
    check(">i4", &[0, 0, 0, 1, 255, 255, 255, 254], ArrayData::I32(vec![1, -2]));
    check("<u4", &[1, 0, 0, 0, 254, 255, 255, 255], ArrayData::U32(vec![1, u32::MAX - 1]));
    check(">u4", &[0, 0, 0, 1, 255, 255, 255, 254], ArrayData::U32(vec![1, u32::MAX - 1]));
    let eight = |order: fn(u64) -> [u8; 8]| [order(1), order(u64::MAX - 1)].concat();
    let float = |order: fn(f64) -> [u8; 8]| [order(0.1), order(-2.5)].concat();
    check("<i8", &eight(u64::to_le_bytes), ArrayData::I64(vec![1, -2]));
    check(">i8", &eight(u64::to_be_bytes), ArrayData::I64(vec![1, -2]));
    check("<u8", &eight(u64::to_le_bytes), ArrayData::U64(vec![1, u64::MAX - 1]));
    check(">u8", &eight(u64::to_be_bytes), ArrayData::U64(vec![1, u64::MAX - 1]));
    check("<f8", &float(f64::to_le_bytes), ArrayData::F64(vec![0.1, -2.5]));
    check(">f8", &float(f64::to_be_bytes), ArrayData::F64(vec![0.1, -2.5]));
    check("<f4", &[0, 0, 128, 63, 0, 0, 32, 192], ArrayData::F32(vec![1.0, -2.5]));
    check(">f4", &[63, 128, 0, 0, 192, 32, 0, 0], ArrayData::F32(vec![1.0, -2.5]));
}

#[test]
fn fortran_order_and_odd_shapes() {
    let fortran = |shape: &str, data: &[u8]| {
        read_both(&file(&format!("{{'descr': '|u1', 'fortran_order': True, 'shape': {shape}}}"), data))
            .unwrap()
    };
    let matrix = fortran("(2, 3)", &[1, 4, 2, 5, 3, 6]);
    assert_eq!(matrix.data(), &ArrayData::U8(vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(fortran("(2,)", &[1, 4]).data(), &ArrayData::U8(vec![1, 4]));
    assert_eq!(fortran("()", &[7]).data(), &ArrayData::U8(vec![7]));
    assert!(fortran("(3, 0)", &[]).data().is_empty());
    // Dimensions of one change nothing.
    let ones = "1, ".repeat(62);
    let data: Vec<u8> = (0..200_u8).cycle().take(100_000).collect();
    assert_eq!(fortran(&format!("({ones}2, 50000)"), &data).to_rows::<f32>().unwrap().columns(), 100_000);
    let empty = read_both(&typed("<f8", "(0, 5)", &[])).unwrap().to_matrix::<f64>().unwrap();
    assert_eq!((empty.rows(), empty.columns()), (0, 5));
}

#[test]
fn truncation_is_found_wherever_the_file_is_cut() {
    let mut whole = Vec::new();
    write_to(&mut whole, &[2, 3], &[1.0_f32; 6]).unwrap();
    for length in 0..whole.len() {
        let (offset, problem) = problem(&whole[..length]);
        assert!(offset <= length as u64);
        match length {
            0 => assert!(matches!(problem, BytesProblem::Signature { found, .. } if found.is_empty())),
            _ => assert!(matches!(problem, BytesProblem::Truncated { .. }), "cut at {length}: {problem}"),
        }
    }
    let data = BytesProblem::Truncated { what: "data", expected: 24, got: 20 };
    assert_eq!(problem(&whole[..148]), (128, data));
}

#[test]
fn lying_headers_are_errors_and_cost_no_memory() {
    // More than any machine has: an allocation by the header's word would abort the test.
    let lie = typed("<f8", "(1099511627776, 1024)", &[0; 80]);
    let truncated = BytesProblem::Truncated { what: "data", expected: 1 << 53, got: 80 };
    assert_eq!(problem(&lie), (lie.len() as u64 - 80, truncated));
    for shape in [
        "(4294967296, 4294967296)",
        "(9223372036854775807,)",
        "(18446744073709551615, 0)",
        "(2305843009213693952,)",
    ] {
        let (offset, problem) = problem(&typed("<f8", shape, &[]));
        assert!(matches!(problem, BytesProblem::ShapeTooLarge { .. }), "{shape}: {problem}");
        assert_eq!(offset, 10 + 50);
    }
    // The header's own length: beyond the file, and beyond reason.
    let mut long = typed("<f8", "(1,)", &[0; 8]);
    long[8] = 255;
    assert!(matches!(problem(&long), (10, BytesProblem::Truncated { what: "header", expected: 255, .. })));
    let huge = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}";
    let limit = 1 << 16;
    assert_eq!(problem(huge), (8, BytesProblem::HeaderTooLong { length: u64::from(u32::MAX), limit }));
    // Short by a few bytes, the header ends inside the dictionary.
    let mut short = typed("<f8", "(1,)", &[0; 8]);
    short[8] -= 3;
    assert!(matches!(problem(&short).1, BytesProblem::Syntax { .. }));
}

#[test]
fn bytes_left_over_are_errors() {
    let extra = typed("<i4", "(2,)", &[0; 9]);
    let end = extra.len() as u64 - 1;
    assert_eq!(problem(&extra), (end, BytesProblem::TrailingBytes { extra: Some(1) }));
    let streamed = read_from(&extra[..]).unwrap_err();
    assert!(
        matches!(streamed, DataError::Bytes { offset, problem: BytesProblem::TrailingBytes { extra: None }, .. } if offset == end)
    );
}

#[test]
fn signatures_versions_and_types() {
    let zip = BytesProblem::Signature { format: "a .npy", found: b"PK\x03\x04\x14\x00".to_vec() };
    assert_eq!(problem(b"PK\x03\x04\x14\x00\x00\x00"), (0, zip));
    assert_eq!(problem(b"\x93NUMPY\x04\x00"), (6, BytesProblem::Version { major: 4, minor: 0 }));
    assert_eq!(problem(b"\x93NUMPY\x01\x01"), (6, BytesProblem::Version { major: 1, minor: 1 }));
    for descr in ["|O", "<c8", "<i16", "<b2", "<f1", "|S1", "<u3"] {
        let unsupported = BytesProblem::UnsupportedType { type_name: descr.into() };
        assert_eq!(problem(&typed(descr, "(0,)", &[])), (20, unsupported));
    }
    let boolean = typed("|b1", "(3,)", &[0, 1, 2]);
    assert_eq!(problem(&boolean), (boolean.len() as u64 - 1, BytesProblem::Boolean { index: 2, value: 2 }));
    let mut accented = typed("<f8", "(1,)", &[0; 8]);
    accented[13] = 0xe9;
    assert_eq!(problem(&accented), (13, BytesProblem::NotAscii { byte: 0xe9 }));
}

#[test]
fn files_keep_their_name_in_errors() {
    let missing = read("/nowhere/at/all.npy").unwrap_err();
    assert!(missing.to_string().starts_with("cannot open /nowhere/at/all.npy: "), "{missing}");
    let folder = tempfile("integers.npy");
    write_elements(&folder, &[2], &[1_i64, (1 << 53) + 1]).unwrap();
    let inexact = read_vector::<f64>(&folder).unwrap_err();
    assert!(inexact.to_string().contains("integers.npy: element 1 is 9007199254740993"), "{inexact}");
    write(&folder, &Matrix::<f32>::zeros(2, 3)).unwrap();
    let dimensions = read_vector::<f64>(&folder).unwrap_err();
    let problem = ArrayProblem::Dimensions { expected: "one dimension", shape: vec![2, 3] };
    assert!(
        matches!(dimensions, DataError::Array { origin: Origin::File(_), problem: got } if got == problem)
    );
    write_vector(&folder, &[0.5_f32, 2.0]).unwrap();
    assert_eq!(read_vector::<f64>(&folder).unwrap(), [0.5, 2.0]);
    assert_eq!(read_matrix::<f32>(&folder).unwrap().rows(), 2);
    std::fs::remove_file(folder).unwrap();
    let many = write_elements("/nowhere", &[1; 65], &[1_u8]).unwrap_err().to_string();
    assert!(many.ends_with("expected at most 64 dimensions"), "{many}");
    assert!(
        write_elements("/nowhere", &[3], &[1_u8])
            .unwrap_err()
            .to_string()
            .contains("[3] does not have 1 elements")
    );
}

/// A path in the system's folder for temporary files that no other process uses.
fn tempfile(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("brenier-{}-{name}", std::process::id()))
}

proptest! {
    #[test]
    fn matrices_come_back_bit_for_bit(
        (rows, columns, bits) in (0_usize..6, 0_usize..6)
            .prop_flat_map(|(r, c)| (Just(r), Just(c), prop::collection::vec(any::<u64>(), r * c)))
    ) {
        let values: Vec<f64> = bits.iter().map(|&bits| f64::from_bits(bits)).collect();
        let mut bytes = Vec::new();
        write_to(&mut bytes, &[rows, columns], &values).unwrap();
        let matrix = read_both(&bytes).unwrap().into_matrix::<f64>().unwrap();
        prop_assert_eq!((matrix.rows(), matrix.columns()), (rows, columns));
        let back: Vec<u64> = matrix.as_slice().iter().map(|value| value.to_bits()).collect();
        prop_assert_eq!(back, bits);
    }

    #[test]
    fn integers_come_back(values in prop::collection::vec(any::<i64>(), 0..20)) {
        let mut bytes = Vec::new();
        write_to(&mut bytes, &[values.len()], &values).unwrap();
        let array = read_both(&bytes).unwrap();
        prop_assert_eq!(array.data(), &ArrayData::I64(values));
    }

    #[test]
    fn any_dictionary_gives_an_answer(text in "[ -~\\n]{0,80}") {
        let _ = read_both(&file(&text, &[0; 8]));
    }
}
