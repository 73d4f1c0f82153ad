//! Files that NumPy wrote (`tests/data/npy/generate.py`): read to the same numbers, and written to the same bytes.

use brenier::Matrix;
use brenier::data::{Array, ArrayData, BytesProblem, DataError, npy};
use std::path::PathBuf;

/// The folder of NumPy's files; a published package does not have it.
fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/npy"));
    if !folder.is_dir() {
        println!("skipped: tests/data/npy not found; public source: the crate's repository");
        return None;
    }
    Some(folder)
}

fn read(name: &str) -> Option<Array> {
    Some(npy::read(folder()?.join(name).with_extension("npy")).unwrap())
}

#[test]
fn tables_of_every_order_and_version() {
    let table = Matrix::from_fn(3, 4, |i, j| 10.0 * i as f64 + j as f64 - 5.5);
    let types = ["f2", "f4", "f8"].map(|code| {
        ["little_c", "big_c", "little_fortran", "big_fortran"].map(|order| format!("table_{code}_{order}"))
    });
    let versions = ["table_version2".to_owned(), "table_version3".to_owned()];
    for name in types.iter().flatten().chain(&versions) {
        let Some(array) = read(name) else { return };
        assert_eq!(array.to_matrix::<f64>().unwrap(), table, "{name}");
        assert_eq!(array.to_matrix::<f32>().unwrap().row(2), [14.5, 15.5, 16.5, 17.5], "{name}");
        let code = name.split('_').nth(1).unwrap().replace('f', "");
        let type_name = match code.as_str() {
            "2" => "f16",
            "4" => "f32",
            _ => "f64",
        };
        assert_eq!(array.data().type_name(), type_name, "{name}");
    }
}

#[test]
fn cubes_come_in_c_order() {
    let mut cube = Vec::new();
    for i in 0..2 {
        for j in 0..3 {
            for k in 0..4 {
                cube.push(f64::from(100 * i + 10 * j + k));
            }
        }
    }
    for name in ["cube_i2_c", "cube_u4_fortran"] {
        let Some(array) = read(name) else { return };
        assert_eq!(array.shape(), [2, 3, 4], "{name}");
        assert_eq!(array.to_vec::<f64>().unwrap(), cube, "{name}");
    }
}

#[test]
fn integers_reach_their_bounds() {
    for order in ["little", "big"] {
        let data = |code: &str| read(&format!("bounds_{code}_{order}")).map(Array::into_data);
        let Some(bytes) = data("i1") else { return };
        assert_eq!(bytes, ArrayData::I8(vec![i8::MIN, 0, 1, i8::MAX]));
        assert_eq!(data("i2"), Some(ArrayData::I16(vec![i16::MIN, 0, 1, i16::MAX])));
        assert_eq!(data("i4"), Some(ArrayData::I32(vec![i32::MIN, 0, 1, i32::MAX])));
        assert_eq!(data("i8"), Some(ArrayData::I64(vec![i64::MIN, 0, 1, i64::MAX])));
        assert_eq!(data("u1"), Some(ArrayData::U8(vec![0, 0, 1, u8::MAX])));
        assert_eq!(data("u2"), Some(ArrayData::U16(vec![0, 0, 1, u16::MAX])));
        assert_eq!(data("u4"), Some(ArrayData::U32(vec![0, 0, 1, u32::MAX])));
        assert_eq!(data("u8"), Some(ArrayData::U64(vec![0, 0, 1, u64::MAX])));
    }
}

#[test]
fn half_precision_is_exact() {
    let (Some(half), Some(single), Some(nan)) = (read("half"), read("half_as_f32"), read("half_nan")) else {
        return;
    };
    let bits = |array: Array| -> Vec<u32> {
        array.to_vec::<f32>().unwrap().iter().map(|value| value.to_bits()).collect()
    };
    assert_eq!(half.data().type_name(), "f16");
    assert_eq!(bits(half), bits(single));
    assert!(nan.to_vec::<f64>().unwrap()[0].is_nan());
}

#[test]
fn small_shapes() {
    let Some(number) = read("number") else { return };
    assert_eq!(number.shape(), [0_usize; 0]);
    assert_eq!(number.to_vec::<f64>().unwrap(), [2.5]);
    assert_eq!(read("booleans").unwrap().to_vec::<f32>().unwrap(), [1.0, 0.0, 1.0]);
    let empty = read("empty").unwrap().to_matrix::<f32>().unwrap();
    assert_eq!((empty.rows(), empty.columns()), (0, 3));
}

#[test]
fn what_holds_no_real_numbers_is_refused_by_name() {
    let Some(folder) = folder() else { return };
    let refused = [
        ("complex", "<c8"),
        ("text", "<U1"),
        ("bytes", "|S1"),
        ("object", "|O"),
        ("structure", "[('x'"),
        ("date", "<M8[D]"),
    ];
    for (name, start) in refused {
        let error = npy::read(folder.join(format!("refused_{name}.npy"))).unwrap_err();
        let DataError::Bytes { offset: 20, problem: BytesProblem::UnsupportedType { type_name }, .. } =
            &error
        else {
            panic!("{name}: {error}");
        };
        assert!(type_name.starts_with(start), "{name}: {error}");
    }
}

/// Every file in C order and little-endian is written back to NumPy's bytes, padding included.
#[test]
fn written_files_are_numpy_s_byte_for_byte() {
    let Some(folder) = folder() else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let other = ["big", "fortran", "version", "refused"];
        if path.extension().is_none_or(|extension| extension != "npy")
            || other.iter().any(|word| name.contains(word))
        {
            continue;
        }
        let array = npy::read(&path).unwrap();
        let mut written = Vec::new();
        let shape = array.shape();
        match array.data() {
            ArrayData::F16(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::F32(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::F64(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::I8(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::I16(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::I32(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::I64(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::U8(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::U16(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::U32(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::U64(elements) => npy::write_to(&mut written, shape, elements),
            ArrayData::Bool(elements) => npy::write_to(&mut written, shape, elements),
            other => panic!("a new element type: {}", other.type_name()),
        }
        .unwrap();
        assert_eq!(written, std::fs::read(&path).unwrap(), "{name}");
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} files were compared");
}
