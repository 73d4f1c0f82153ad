//! (under construction)
fn main() {
    let _ = criterion::Criterion::default();
}
