//! Files of the reference implementation, hostile ones, and what comes back of what is written.

use super::*;
use crate::data::Half;
use proptest::prelude::*;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/safetensors/{name}.safetensors", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
}

fn read(bytes: &[u8]) -> Result<SafeTensors> {
    SafeTensors::read_from(bytes)
}

fn written(file: &SafeTensors) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.write_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_element_type_of_the_reference_implementation_is_read_and_written_to_the_bit() {
    let bytes = fixture("every_type");
    let file = read(&bytes).unwrap();
    let tensor = |name: &str| file.tensor(name).unwrap_or_else(|| panic!("{name}")).clone();
    let halves = [0x3c00, 0xb800, 0x7bff, 0x0001, 0x7c00, 0x2e66].map(Half::from_bits).to_vec();
    assert_eq!(tensor("half"), Array::new(&[2, 3], halves).unwrap());
    assert_eq!(tensor("single"), Array::new(&[3, 1], vec![0.1_f32, 1e-45, -3e38]).unwrap());
    assert_eq!(tensor("double"), Array::new(&[], vec![0.1_f64]).unwrap());
    assert_eq!(tensor("signed 8"), Array::new(&[2], vec![i8::MIN, i8::MAX]).unwrap());
    assert_eq!(tensor("signed 16"), Array::new(&[2], vec![i16::MIN, i16::MAX]).unwrap());
    assert_eq!(tensor("signed 32"), Array::new(&[2], vec![i32::MIN, i32::MAX]).unwrap());
    assert_eq!(tensor("signed 64"), Array::new(&[2], vec![i64::MIN, i64::MAX]).unwrap());
    assert_eq!(tensor("unsigned 8"), Array::new(&[2], vec![0, u8::MAX]).unwrap());
    assert_eq!(tensor("unsigned 16"), Array::new(&[2], vec![0, u16::MAX]).unwrap());
    assert_eq!(tensor("unsigned 32"), Array::new(&[2], vec![0, u32::MAX]).unwrap());
    assert_eq!(tensor("unsigned 64"), Array::new(&[2], vec![0, u64::MAX]).unwrap());
    assert_eq!(tensor("flags"), Array::new(&[3], vec![true, false, true]).unwrap());
    assert_eq!(tensor("empty"), Array::new(&[0, 3], Vec::<f32>::new()).unwrap());
    assert_eq!(tensor("na\"me\\ \n é"), Array::new(&[2, 1, 2], vec![1.0_f32; 4]).unwrap());
    assert_eq!(file.tensors().len(), 14);
    assert_eq!(file.metadata["made by"], "torch \"and\"\nsafetensors é");
    assert!(written(&file) == bytes, "the same file");
    let model = fixture("model");
    assert!(written(&read(&model).unwrap()) == model, "the same file");
}

#[test]
fn brain_floats_widen_exactly() {
    let file = read(&fixture("brain")).unwrap();
    let values: Vec<f64> = file.tensor("brain").unwrap().to_vec().unwrap();
    // The nearest number to 1e30 with 8 bits.
    assert_eq!(values[..3], [1.0, -3.140625, f64::from(f32::from_bits(0x714a_0000))]);
    assert!(values[3].is_nan());
    let error = file.check_finite().unwrap_err();
    assert!(error.to_string().contains("element 3 of \"brain\" is NaN"), "{error}");
}

#[test]
fn types_that_are_not_read_are_named() {
    let error = read(&fixture("refused_eight_bits")).unwrap_err();
    assert!(error.to_string().contains("elements of type \"F8_E4M3\" are not supported"), "{error}");
}

/// A file with this header and so many bytes of data.
fn with_header(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn hostile_headers_are_refused_with_place_and_reason() {
    let deep = "[".repeat(100_000);
    let nested = format!("{{\"a\":{}", "{\"b\":".repeat(100_000));
    let cases: &[(&str, usize, &str)] = &[
        ("", 0, "byte 8: expected an object"),
        (" {}", 0, "byte 8: expected an object"),
        ("[]", 0, "byte 8: expected an object"),
        ("{", 0, "byte 9: expected a key"),
        ("{}x", 0, "byte 10: expected the end of the header, found \"x\""),
        ("{}\0", 0, "expected the end of the header"),
        (&deep, 0, "expected an object"),
        (&nested, 0, "has the unknown key \"b\""),
        (r#"{"a":1}"#, 0, "byte 13: expected an object"),
        (r#"{"a":{}}"#, 0, "no key 'dtype'"),
        (r#"{"a":{"dtype":"F32"}}"#, 0, "no key 'shape'"),
        (r#"{"a":{"dtype":"F32","shape":[1]}}"#, 0, "no key 'data_offsets'"),
        (r#"{"a":{"dtype":"F32","dtype":"F32"}}"#, 0, "byte 28: the header has the key 'dtype' twice"),
        (r#"{"a":{"dtype":"F32","shape":[1],"shape":[1]}}"#, 0, "'shape' twice"),
        (r#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#, 4, "\"F99\" are not supported"),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, "two offsets"),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#, 4, "two offsets"),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#,
            8,
            "lies at 0..8 of the data, but its shape and type have 4",
        ),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 8, "lies at 4..0"),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "the tensors before it end at 0"),
        (r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "expected a whole number"),
        (r#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, 4, "whole number"),
        (
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
            0,
            "more bytes than can be addressed",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}"#,
            0,
            "more bytes than",
        ),
        (r#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, 4, "too large"),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551616]}}"#,
            4,
            "too large",
        ),
        (
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            3,
            "\"b\" lies at 1..3 of the data, but the tensors before it end at 2",
        ),
        (
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}"#,
            4,
            "end at 2",
        ),
        (
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
            3,
            "the name \"a\" twice",
        ),
        (r#"{"__metadata__":{},"__metadata__":{}}"#, 0, "\"__metadata__\" twice"),
        (r#"{"__metadata__":{"a":"1","a":"2"}}"#, 0, "the name \"a\" twice"),
        (r#"{"__metadata__":{"a":1}}"#, 0, "expected a text"),
        (r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"more":1}}"#, 2, "unknown key \"more\""),
        (
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
            1,
            "the file ends early: 2 bytes of data expected, 1 there",
        ),
        (
            r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
            3,
            "the data end here, but the file goes on",
        ),
        (
            r#"{"a":{"dtype":"F64","shape":[100000000000],"data_offsets":[0,800000000000]}}"#,
            8,
            "800000000000 bytes of data expected, 8 there",
        ),
    ];
    for (header, data, expected) in cases {
        let error = read(&with_header(header, *data)).unwrap_err().to_string();
        assert!(error.contains(expected), "{}: {error}", &header[..header.len().min(120)]);
    }
    // A boolean is 0 or 1.
    let mut bytes = with_header(r#"{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}"#, 2);
    *bytes.last_mut().unwrap() = 7;
    assert!(read(&bytes).unwrap_err().to_string().contains("element 1 is 7: a boolean is 0 or 1"));
    // Lengths that are lies.
    for length in [u64::MAX, 100_000_001] {
        assert!(read(&length.to_le_bytes()).unwrap_err().to_string().contains("at most 100000000 are read"));
    }
    assert!(read(&99_999_999_u64.to_le_bytes()).unwrap_err().to_string().contains("the file ends early"));
    assert!(
        read(&[1, 2, 3])
            .unwrap_err()
            .to_string()
            .contains("8 bytes of the header's length expected, 3 there")
    );
    let mut bytes = with_header("{\"a\":\"\"}", 0);
    bytes[10] = 0xff;
    assert!(read(&bytes).unwrap_err().to_string().contains("byte 10: the header is not UTF-8"));
}

#[test]
fn what_is_harmless_is_read() {
    assert_eq!(read(&with_header("{}", 0)).unwrap(), SafeTensors::default());
    assert_eq!(read(&with_header("{ }     ", 0)).unwrap(), SafeTensors::default());
    // Keys in any order, spaces anywhere, tensors in any order.
    let header = r#"{ "b" : {"data_offsets":[2 , 3],"shape":[],"dtype":"U8"} , "a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#;
    let mut bytes = with_header(header, 0);
    bytes.extend([5, 6, 7]);
    let file = read(&bytes).unwrap();
    assert_eq!(file.tensor("b"), Some(&Array::new(&[], vec![7_u8]).unwrap()));
    assert_eq!(file.tensor("a"), Some(&Array::new(&[2], vec![5_u8, 6]).unwrap()));
    assert_eq!(file.tensor("c"), None);
}

#[test]
fn the_reserved_name_is_refused() {
    let mut file = SafeTensors::default();
    let error = file.insert(METADATA, Array::new(&[1], vec![1_u8]).unwrap()).unwrap_err();
    assert!(error.to_string().contains("the format keeps this name for itself"), "{error}");
    assert_eq!(file, SafeTensors::default());
}

#[test]
fn a_file_is_replaced_as_a_whole_or_not_at_all() {
    let folder = std::env::temp_dir().join(format!("brenier-safetensors-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("weights.safetensors");
    let mut file = SafeTensors::default();
    for value in [1.0_f32, 2.0] {
        file.insert("a", Array::new(&[1], vec![value]).unwrap()).unwrap();
        file.write(&path).unwrap();
        assert_eq!(SafeTensors::read(&path).unwrap(), file);
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside the file");
    let refused = replace(&path, |writer| {
        writer.write_all(b"half").unwrap();
        Err(array_error(ArrayProblem::DimensionTooLarge { dimension: 1 }))
    });
    assert!(refused.is_err());
    assert_eq!(SafeTensors::read(&path).unwrap(), file);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside the file");
    let error = SafeTensors::read(folder.join("none")).unwrap_err().to_string();
    assert!(error.starts_with("cannot open"), "{error}");
    assert!(file.write(folder.join("none").join("x")).unwrap_err().to_string().starts_with("cannot create"));
    // A file, unlike a stream, is refused before its elements are read.
    let bytes = with_header(r#"{"a":{"dtype":"F64","shape":[1000],"data_offsets":[0,8000]}}"#, 8);
    std::fs::write(&path, bytes).unwrap();
    let error = SafeTensors::read(&path).unwrap_err().to_string();
    assert!(error.contains("8000 bytes of data expected, 8 there"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

proptest! {
    #[test]
    fn what_is_written_comes_back(
        tensors in proptest::collection::btree_map(".{0,8}", (0_usize..4, 0_usize..4, any::<u64>(), 0..4), 0..6),
        metadata in proptest::collection::btree_map(".{0,8}", ".{0,8}", 0..3),
    ) {
        let mut file = SafeTensors { metadata, ..SafeTensors::default() };
        for (name, (rows, columns, seed, kind)) in tensors {
            let count = rows * columns;
            let words = (0..count as u64).map(|k| seed.wrapping_mul(2 * k + 1));
            let array = match kind {
                0 => Array::new(&[rows, columns], words.map(|word| f64::from((word >> 40) as u32)).collect()),
                1 => Array::new(&[count], words.map(|word| (word >> 40) as f32).collect()),
                2 => Array::new(&[columns, 1, rows], words.map(|word| word as i16).collect()),
                _ => Array::new(&[rows, columns], words.map(|word| word % 2 == 1).collect()),
            };
            file.insert(name, array.unwrap()).unwrap();
        }
        let bytes = written(&file);
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        prop_assert_eq!(header % 8, 0);
        prop_assert_eq!(&read(&bytes).unwrap(), &file);
    }

    #[test]
    fn damaged_files_never_panic(place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        for name in ["every_type", "model", "brain"] {
            let mut bytes = fixture(name);
            let place = place.index(bytes.len());
            bytes[place] = byte;
            let _ = read(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            prop_assert!(read(&bytes).is_err());
        }
    }
}
