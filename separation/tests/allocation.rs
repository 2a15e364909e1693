//! Stream::push allocates nothing once its buffers have grown: counted, with a check of the counter.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use unweave_separation::doubles::{self, Delayed};
use unweave_separation::{StemBlock, Stream};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn push_allocates_nothing_in_steady_state() {
    let before = ALLOCATIONS.get();
    drop(Vec::<u8>::with_capacity(std::hint::black_box(100)));
    assert_eq!(ALLOCATIONS.get(), before + 1, "the counter does not count");

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
        let before = ALLOCATIONS.get();
        for size in sizes {
            stream
                .push([&block[..size], &block[..size]], &mut out)
                .unwrap();
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "at {rate} Hz");
    }
}
