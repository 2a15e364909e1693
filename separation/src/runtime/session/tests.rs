//! A device that fails while it computes.

use super::*;
use crate::model::manifest;
use crate::runtime;

const SQUARE: &[u8] = include_bytes!("../../../tests/fixtures/square.onnx");
const FAILING: &[u8] = include_bytes!("../../../tests/fixtures/failing.onnx");

/// A session that loaded `first` and has `second` in reserve, as one on a device has.
fn session(first: &'static [u8], second: &'static [u8]) -> (Session, DeviceUse) {
    let runtime = runtime::load(&[]).unwrap_or_else(|error| panic!("{error}"));
    let content = |graph| Content {
        graph: Cow::Borrowed(graph),
        weights: Vec::new(),
        lender: None,
    };
    let tensor = |name: &str, shape: &[i64]| manifest::Tensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        axes: Vec::new(),
    };
    let target = Target {
        runtime,
        device: Device::Cuda,
        threads: 1,
        device_use: DeviceUse::default(),
        terminator: Terminator::new(),
    };
    let used = target.device_use.clone();
    used.set(Device::Cuda);
    let session = Session {
        session: build(runtime, &content(first), Device::Cpu, 1).unwrap(),
        spare: Some(Spare {
            target,
            content: content(second),
        }),
        interface: Interface {
            inputs: vec![tensor("wave", &[1, 2, 64])],
            outputs: vec![tensor("parts", &[1, 2, 2, 64])],
            states: Vec::new(),
        },
        run_options: Arc::new(RunOptions::new().unwrap()),
        terminator: Terminator::new(),
    };
    (session, used)
}

/// What a device does that fails while it computes can be had without one: by a graph that fails.
#[test]
fn what_a_device_fails_at_is_done_again_by_the_processor_and_said() {
    let (mut session, used) = session(FAILING, SQUARE);
    let mut input = Tensor::zeros(&[1, 2, 64]).unwrap();
    input.values_mut().fill(0.5);
    for _ in 0..2 {
        let outputs = session.run(&[&input], &mut []).unwrap();
        // Stem 0 is the square, stem 1 the mix.
        assert_eq!(outputs[0].values()[0], 0.25);
        assert_eq!(outputs[0].values()[255], 0.5);
    }
    assert_eq!(used.device(), Some(Device::Cpu));
    let said = used.fallback().unwrap();
    assert!(
        said.contains("CUDA failed") && said.contains("Gather"),
        "{said}"
    );
}

#[test]
fn what_the_processor_fails_at_too_is_an_error_and_tried_once() {
    let (mut session, used) = session(FAILING, FAILING);
    let input = Tensor::zeros(&[1, 2, 64]).unwrap();
    for _ in 0..2 {
        let result = session.run(&[&input], &mut []);
        assert!(matches!(result, Err(Error::Inference { .. })));
    }
    assert!(used.fallback().is_some());
}
