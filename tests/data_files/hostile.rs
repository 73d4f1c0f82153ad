//! Damaged files: bytes changed, cut out and put in at random. Whatever comes, the readers answer, and ask for no more
//! memory than the bytes that are there can fill.

use brenier::data::csv::{self, CsvOptions, Records};
use brenier::data::{PixelScale, cifar, idx, npy};
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::OnceLock;

/// One change of a file.
#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Truncate(prop::sample::Index),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    use Damage::*;
    // Bytes that mean something to the formats come more often than chance has them.
    let byte =
        prop_oneof![any::<u8>(), prop::sample::select(b"\x00\xff\x8b09(){}',:<>|fiubLTrue \n\r\"".to_vec())];
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), byte.clone()).prop_map(|(at, byte)| Set(at, byte)),
        (index(), 0..8_u8).prop_map(|(at, bit)| Flip(at, 1 << bit)),
        index().prop_map(Truncate),
        (index(), byte).prop_map(|(at, byte)| Insert(at, byte)),
        index().prop_map(Remove),
        (index(), index()).prop_map(|(from, to)| Repeat(from, to)),
    ]
}

fn apply(damage: &[Damage], bytes: &mut Vec<u8>) {
    for change in damage {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match change {
            Damage::Set(at, byte) => bytes[at.index(length)] = *byte,
            Damage::Flip(at, bits) => bytes[at.index(length)] ^= bits,
            Damage::Truncate(at) => bytes.truncate(at.index(length)),
            Damage::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Damage::Remove(at) => drop(bytes.remove(at.index(length))),
            Damage::Repeat(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.extend(piece);
            }
        }
    }
}

/// A file that is removed when the test is done with it.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("brenier-hostile-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The most address space that this process has had, in bytes, where the system tells. An allocation counts although
/// it is never touched.
fn peak_address_space() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Runs `function` and checks that it asked for less than 2 GiB: far above what the tests beside it and their threads
/// use, far below what the headers promise.
fn without_much_memory(function: impl FnOnce()) {
    let before = peak_address_space();
    function();
    if let (Some(before), Some(after)) = (before, peak_address_space()) {
        assert!(after - before < 1 << 31, "{} bytes of address space", after - before);
    }
}

fn npy_file(dictionary: &str, data: usize) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes.resize(bytes.len() + data, 1);
    bytes
}

#[test]
fn promises_are_not_believed() {
    without_much_memory(|| {
        // 16 GiB and more, which the system would promise too, as long as nobody touches them.
        for elements in [1_u64 << 31, 1 << 32, 1 << 35, 1 << 40, 1 << 57] {
            for fortran_order in ["True", "False"] {
                for descr in ["<f8", "|u1", "<f2", "|b1"] {
                    let dictionary = format!(
                        "{{'descr': '{descr}', 'fortran_order': {fortran_order}, 'shape': ({elements}, 8)}}"
                    );
                    let bytes = npy_file(&dictionary, 4096);
                    npy::read_from(&bytes[..]).unwrap_err();
                    let file = Temporary::new("promise.npy", &bytes);
                    npy::read(&file.0).unwrap_err();
                }
            }
        }
        let mut header = b"\x93NUMPY\x02\x00".to_vec();
        header.extend(u32::MAX.to_le_bytes());
        header.extend([b' '; 100]);
        npy::read_from(&header[..]).unwrap_err();
        for code in [0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e] {
            let bytes = [&[0, 0, code, 2][..], &[255; 4], &[0, 0, 0, 8], &[0; 4096]].concat();
            idx::read_from(&bytes[..]).unwrap_err();
            let file = Temporary::new("promise.idx", &bytes);
            idx::read(&file.0).unwrap_err();
        }
        let many = [&[0, 0, 8, 255][..], &[255; 255 * 4]].concat();
        idx::read_from(&many[..]).unwrap_err();
    });
}

/// Gzip of a small IDX file, as the crate writes it.
fn packed_idx() -> &'static [u8] {
    static PACKED: OnceLock<Vec<u8>> = OnceLock::new();
    PACKED.get_or_init(|| {
        let file = Temporary::new("packed.gz", &[]);
        idx::write(&file.0, &[3, 4, 4], &(0..48).collect::<Vec<u8>>()).unwrap();
        std::fs::read(&file.0).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_npy_files_give_an_answer(damage in prop::collection::vec(damage(), 1..6), fortran in any::<bool>(), kind in 0..4_usize) {
        let descr = ["<f8", ">i2", "|b1", "<f2"][kind];
        let size = [8, 2, 1, 2][kind];
        let order = if fortran { "True" } else { "False" };
        let dictionary = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': (3, 4), }}   \n");
        let mut bytes = npy_file(&dictionary, 12 * size);
        prop_assert!(npy::read_from(&bytes[..]).is_ok());
        apply(&damage, &mut bytes);
        if let Ok(array) = npy::read_from(&bytes[..]) {
            let length = array.data().len();
            prop_assert!(length <= bytes.len());
            prop_assert_eq!(array.shape().iter().product::<usize>(), length);
            let _ = (array.to_matrix::<f32>(), array.to_rows::<f64>());
        }
    }

    #[test]
    fn damaged_idx_files_give_an_answer(damage in prop::collection::vec(damage(), 1..6)) {
        let mut bytes = vec![0, 0, 0x0b, 2, 0, 0, 0, 3, 0, 0, 0, 4];
        bytes.extend([7; 24]);
        prop_assert!(idx::read_from(&bytes[..]).is_ok());
        apply(&damage, &mut bytes);
        if let Ok(array) = idx::read_from(&bytes[..]) {
            prop_assert!(array.data().len() <= bytes.len());
        }
    }

    #[test]
    fn damaged_csv_files_give_an_answer(damage in prop::collection::vec(damage(), 1..6)) {
        let mut bytes = b"\xef\xbb\xbfx,\"y,\"\"z\"\"\n\",w\r\n1,2.5,-3e4\r\n4,\"5\",6\r\n\r\n".to_vec();
        apply(&damage, &mut bytes);
        let options = CsvOptions::default().header(true);
        if let Ok(table) = csv::read_from::<f32>(&bytes[..], &options) {
            prop_assert_eq!(table.header.map(|names| names.len()), Some(table.values.columns()));
        }
        let fields: usize = Records::from_reader(&bytes[..], &options).unwrap().map_while(Result::ok).map(|record| record.fields.len()).sum();
        // Each delimiter and each line break ends one field; the last field needs neither.
        prop_assert!(fields <= bytes.len() + 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The checksum finds what the format does not: a damaged stream that is read is the old one.
    #[test]
    fn damaged_gzip_files_give_an_answer(damage in prop::collection::vec(damage(), 1..4)) {
        let whole = packed_idx();
        let expected = idx::read_from(whole).unwrap();
        let mut bytes = whole.to_vec();
        apply(&damage, &mut bytes);
        if bytes.starts_with(&[0x1f, 0x8b]) && let Ok(array) = idx::read_from(&bytes[..]) {
            prop_assert_eq!(array, expected);
        }
    }

    #[test]
    fn damaged_cifar_files_give_an_answer(damage in prop::collection::vec(damage(), 1..4), label in 0..10_u8) {
        let mut bytes = vec![label];
        bytes.resize(3073, 128);
        apply(&damage, &mut bytes);
        if let Ok(batch) = cifar::read_10_from::<f32>(&bytes[..], PixelScale::Unit) {
            prop_assert_eq!(batch.images.rows() * 3073, bytes.len());
            prop_assert!(batch.labels.iter().all(|&label| label < 10));
        }
    }
}
