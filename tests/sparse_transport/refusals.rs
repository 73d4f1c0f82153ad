//! Starts that do not fit the problem are refused, whatever the solver would do with them.

use crate::problems::{Structure, clouds};
use brenier::Error;
use brenier::matrix::Distance;
use brenier::ot::exact::{self, Method, Options};
use brenier::ot::plan::PlanEntry;
use brenier::ot::progress::run_to_the_end;
use brenier::ot::{Problem, TransportPlan};

const METHODS: [Method; 3] = [Method::Automatic, Method::Plain, Method::Sparse];

/// The error for points in one dimension (which are solved by sorting) and in two, by every method: they must agree.
fn refusal(options: &Options) -> Error {
    let mut errors = Vec::new();
    for dimension in [1, 2] {
        let (x, y) = clouds(Structure::Normal, 4, 3, dimension, 1);
        let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
        for method in METHODS {
            let options = options.clone().with_method(method);
            errors.push(exact::solve_with(&problem, &options, &mut run_to_the_end).unwrap_err());
        }
    }
    // NaN is not equal to itself: the words are compared.
    assert!(errors.iter().all(|error| error.to_string() == errors[0].to_string()), "{errors:?}");
    errors.remove(0)
}

#[test]
fn potentials_of_another_size_are_refused() {
    for (f, g, what, expected, got) in [
        (3, 3, "number of source potentials", 4, 3),
        (5, 3, "number of source potentials", 4, 5),
        (0, 0, "number of source potentials", 4, 0),
        (4, 4, "number of target potentials", 3, 4),
        (4, 0, "number of target potentials", 3, 0),
    ] {
        let options = Options::default().with_initial_potentials(&vec![0.0; f], &vec![0.0; g]);
        let error = refusal(&options);
        assert_eq!(error, Error::Shape { operation: "initial guess", what, expected, got });
    }
}

#[test]
fn potentials_that_are_no_numbers_are_refused_with_their_place() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for index in 0..4 {
            let mut f = [0.0; 4];
            f[index] = value;
            f[3] = value;
            let error = refusal(&Options::default().with_initial_potentials(&f, &[0.0; 3]));
            assert!(
                matches!(error, Error::NotFinite { what: "initial source potentials", index: at, value: got }
                    if at == index && got.to_bits() == value.to_bits()),
                "{error}"
            );
        }
        let error = refusal(&Options::default().with_initial_potentials(&[0.0; 4], &[0.0, value, 0.0]));
        assert!(
            matches!(error, Error::NotFinite { what: "initial target potentials", index: 1, .. }),
            "{error}"
        );
    }
}

#[test]
fn plans_of_another_shape_are_refused() {
    for (rows, columns, what, expected, got) in [
        (3, 3, "rows of the initial plan", 4, 3),
        (3, 4, "rows of the initial plan", 4, 3),
        (4, 4, "columns of the initial plan", 3, 4),
        (4, 0, "columns of the initial plan", 3, 0),
    ] {
        let plan = TransportPlan::new(rows, columns, Vec::new()).unwrap();
        let error = refusal(&Options::default().with_initial_plan(plan));
        assert_eq!(error, Error::Shape { operation: "initial guess", what, expected, got });
    }
}

#[test]
fn plans_that_are_none_cannot_be_made() {
    let entry = |source, target, mass| PlanEntry { source, target, mass };
    let refused = |entries| TransportPlan::new(2, 2, entries).unwrap_err();
    let error = refused(vec![entry(0, 0, 0.5), entry(1, 0, f64::NAN)]);
    assert!(matches!(error, Error::NotFinite { what: "plan masses", index: 1, .. }), "{error}");
    let error = refused(vec![entry(0, 0, -0.5)]);
    assert_eq!(error, Error::Negative { what: "plan masses", index: 0, value: -0.5 });
    assert!(matches!(refused(vec![entry(2, 0, 0.5)]), Error::Argument { .. }));
    assert!(matches!(refused(vec![entry(0, 2, 0.5)]), Error::Argument { .. }));
    assert!(matches!(refused(vec![entry(0, 1, f64::MAX), entry(0, 1, f64::MAX)]), Error::NotFinite { .. }));
}
