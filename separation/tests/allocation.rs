//! Stream::push allocates nothing once its buffers have grown: counted, with a check of the counter.

use allocation_counter::measure;
use unweave_separation::doubles::{self, Delayed};
use unweave_separation::{StemBlock, Stream};

#[test]
fn push_allocates_nothing_in_steady_state() {
    let counted = measure(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(100))));
    assert_eq!(counted.count_total, 1, "the counter does not count");

    for rate in [44_100, 48_000, 96_000] {
        let shape = doubles::shape(44_100, 64, 256);
        let separator = Box::new(Delayed::new(shape, &[0.4, 0.3, 0.2, 0.1]));
        let mut stream = Stream::new(separator, rate).unwrap();
        let mut out = StemBlock::default();
        let block = [0.25; 4_096];
        let sizes = [4_096, 1, 512, 77, 4_096, 1_000, 2_048];
        // Buffers grow until every size has met every filling of a hop; then they stay.
        for size in sizes.repeat(64) {
            stream
                .push([&block[..size], &block[..size]], &mut out)
                .unwrap();
        }
        let sizes = sizes.repeat(8);
        let counted = measure(|| {
            for size in sizes {
                stream
                    .push([&block[..size], &block[..size]], &mut out)
                    .unwrap();
            }
        });
        assert_eq!(counted.count_total, 0, "at {rate} Hz");
    }
}
