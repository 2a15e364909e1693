//! A host's events, as the framework can take them: in order, inside of the block, none null.
//!
//! nice-plug 0.4.2 cuts blocks at events and believes their times: one after the end of the block would have it
//! process memory behind the host's buffers.

use std::cell::{Cell, UnsafeCell};
use std::mem::size_of;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, clap_event_header, clap_event_param_value,
    clap_input_events, clap_output_events,
};

/// Words of 8 bytes that hold every event that has no pointers to more: the longest of CLAP 1.2, a note
/// expression or a parameter's value, has 7.
const EVENT_WORDS: usize = 8;

/// The host's list behind one that keeps to the rules. Asked for in order, as the framework does.
// The framework is given the address of `shown`, and hands it back.
#[repr(C)]
pub struct InputEvents {
    shown: clap_input_events,
    real: *const clap_input_events,
    last_frame: u32,
    /// The time of the latest event that was asked for.
    reached: Cell<u32>,
    /// An event that had to be moved.
    moved: UnsafeCell<[u64; EVENT_WORDS]>,
}

impl InputEvents {
    /// The events of a block of so many frames.
    ///
    /// # Safety
    /// `real` is null or a list that outlives this.
    pub unsafe fn new(real: *const clap_input_events, num_frames: u32) -> Self {
        Self {
            shown: clap_input_events {
                ctx: std::ptr::null_mut(),
                size: Some(size),
                get: Some(get),
            },
            real,
            last_frame: num_frames.saturating_sub(1),
            reached: Cell::new(0),
            moved: UnsafeCell::new([0; EVENT_WORDS]),
        }
    }

    /// The list for the framework, valid as long as this.
    pub fn shown(&self) -> *const clap_input_events {
        std::ptr::from_ref(self).cast()
    }

    fn len(&self) -> u32 {
        // SAFETY: null or valid, as `new` was promised; the function is the host's own.
        unsafe {
            match self.real.as_ref() {
                Some(real) if real.get.is_some() => real.size.map_or(0, |size| size(self.real)),
                _ => 0,
            }
        }
    }

    fn at(&self, idx: u32) -> *const clap_event_header {
        // SAFETY: as in `len`.
        let event = unsafe { self.real.as_ref() }
            .and_then(|real| real.get)
            // SAFETY: the function is the host's own, and the framework asks for as many as there are.
            .map_or(std::ptr::null(), |get| unsafe { get(self.real, idx) });
        // SAFETY: null, or valid until the next call.
        let Some(header) = (unsafe { event.as_ref() }) else {
            return self.nothing();
        };
        let time = header.time.clamp(self.reached.get(), self.last_frame);
        self.reached.set(time);
        if time == header.time {
            return event;
        }
        let is_core = header.space_id == CLAP_CORE_EVENT_SPACE_ID;
        let size = header.size as usize;
        // Transport is kept hold of for longer, and comes with the block anyway.
        if !is_core
            || header.type_ == CLAP_EVENT_TRANSPORT
            || size > size_of::<[u64; EVENT_WORDS]>()
        {
            return self.nothing();
        }
        let moved = self.moved.get().cast::<clap_event_header>();
        // SAFETY: the event has so many bytes, the memory at least as many, and only this thread uses it.
        unsafe {
            moved.cast::<u8>().copy_from(event.cast(), size);
            (*moved).time = time;
        }
        moved
    }

    /// An event of a kind that nobody knows, which is passed over.
    fn nothing(&self) -> *const clap_event_header {
        let moved = self.moved.get().cast::<clap_event_header>();
        let nothing = clap_event_header {
            size: 16,
            time: self.reached.get(),
            space_id: u16::MAX,
            type_: u16::MAX,
            flags: 0,
        };
        // SAFETY: the memory is larger, and only this thread uses it.
        unsafe { moved.write(nothing) };
        moved
    }
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: the framework hands back what it was given.
    unsafe { &*list.cast::<InputEvents>() }.len()
}

unsafe extern "C" fn get(list: *const clap_input_events, idx: u32) -> *const clap_event_header {
    // SAFETY: as above.
    unsafe { &*list.cast::<InputEvents>() }.at(idx)
}

/// Events for the host that had to be taken from the framework when there was no host to take them.
#[derive(Default)]
pub struct Owed(Vec<[u64; EVENT_WORDS]>);

impl Owed {
    /// More than a person does between two saves while nothing plays.
    const MOST: usize = 4096;

    /// A list that keeps what the framework pushes.
    pub fn collect(&mut self) -> clap_output_events {
        clap_output_events {
            ctx: std::ptr::from_mut(self).cast(),
            try_push: Some(collect),
        }
    }

    /// Hands the events on, oldest first; those that the host doesn't take stay.
    ///
    /// # Safety
    /// `out` is null or a valid list.
    ///
    /// # Realtime safety
    /// Neither allocates nor waits.
    pub unsafe fn hand_over(&mut self, out: *const clap_output_events) {
        // SAFETY: as the caller promises.
        let Some(try_push) = (unsafe { out.as_ref() }).and_then(|list| list.try_push) else {
            return;
        };
        let mut num_taken = 0;
        for event in &self.0 {
            // SAFETY: each is an event, and the function is the host's own.
            if !unsafe { try_push(out, event.as_ptr().cast()) } {
                break;
            }
            num_taken += 1;
        }
        self.0.drain(..num_taken);
    }
}

unsafe extern "C" fn collect(
    list: *const clap_output_events,
    event: *const clap_event_header,
) -> bool {
    // SAFETY: the framework hands back the list, whose context is the `Owed` that lent it, and an event.
    let (owed, size) = unsafe { (&mut *(*list).ctx.cast::<Owed>(), (*event).size as usize) };
    const { assert!(size_of::<clap_event_param_value>() <= size_of::<[u64; EVENT_WORDS]>()) };
    if size > size_of::<[u64; EVENT_WORDS]>() || owed.0.len() == Owed::MOST {
        return false;
    }
    let mut kept = [0; EVENT_WORDS];
    // SAFETY: the event has so many bytes, the memory at least as many.
    unsafe { kept.as_mut_ptr().cast::<u8>().copy_from(event.cast(), size) };
    owed.0.push(kept);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host's list: the context is a slice's address, and beyond it there are null events.
    struct List {
        shown: clap_input_events,
        events: Vec<clap_event_param_value>,
    }

    fn value_at(time: u32) -> clap_event_param_value {
        clap_event_param_value {
            header: clap_event_header {
                size: u32::try_from(size_of::<clap_event_param_value>()).unwrap(),
                time,
                space_id: CLAP_CORE_EVENT_SPACE_ID,
                type_: clap_sys::events::CLAP_EVENT_PARAM_VALUE,
                flags: 0,
            },
            param_id: time,
            cookie: std::ptr::null_mut(),
            note_id: -1,
            port_index: -1,
            channel: -1,
            key: -1,
            value: 0.5,
        }
    }

    unsafe extern "C" fn list_size(list: *const clap_input_events) -> u32 {
        // SAFETY: the list of the test below.
        let list = unsafe { &*(*list).ctx.cast::<List>() };
        u32::try_from(list.events.len()).unwrap() + 1
    }

    unsafe extern "C" fn list_get(
        list: *const clap_input_events,
        idx: u32,
    ) -> *const clap_event_header {
        // SAFETY: the list of the test below.
        let list = unsafe { &*(*list).ctx.cast::<List>() };
        list.events
            .get(idx as usize)
            .map_or(std::ptr::null(), |event| &raw const event.header)
    }

    #[test]
    fn events_come_in_order_inside_of_the_block_and_are_never_null() {
        let mut list = List {
            shown: clap_input_events {
                ctx: std::ptr::null_mut(),
                size: Some(list_size),
                get: Some(list_get),
            },
            events: [3, 1, 7, 8, u32::MAX].map(value_at).to_vec(),
        };
        list.shown.ctx = (&raw mut list).cast();
        // SAFETY: the list outlives the events.
        let events = unsafe { InputEvents::new(&raw const list.shown, 8) };
        assert_eq!(events.len(), 6);
        let seen: Vec<(u32, u32)> = (0..5)
            .map(|idx| {
                // SAFETY: all of these are values of parameters.
                let event = unsafe { *events.at(idx).cast::<clap_event_param_value>() };
                (event.header.time, event.param_id)
            })
            .collect();
        assert_eq!(seen, [(3, 3), (3, 1), (7, 7), (7, 8), (7, u32::MAX)]);
        // SAFETY: it is never null.
        let nothing = unsafe { *events.at(5) };
        assert_eq!((nothing.time, nothing.space_id), (7, u16::MAX));
        // SAFETY: null is allowed.
        let none = unsafe { InputEvents::new(std::ptr::null(), 8) };
        assert_eq!(none.len(), 0);
    }

    #[test]
    fn what_the_host_does_not_take_stays_owed() {
        let mut owed = Owed::default();
        let mut list = owed.collect();
        for time in 0..3 {
            let event = value_at(time);
            // SAFETY: list and event are valid.
            assert!(unsafe { list.try_push.unwrap()(&raw const list, &raw const event.header) });
        }
        let mut taken = Owed::default();
        list = taken.collect();
        // SAFETY: the list is valid.
        unsafe { owed.hand_over(&raw const list) };
        assert_eq!((owed.0.len(), taken.0.len()), (0, 3));
        list.try_push = None;
        // SAFETY: the list is valid.
        unsafe { taken.hand_over(&raw const list) };
        assert_eq!(taken.0.len(), 3);
    }
}
