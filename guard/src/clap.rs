//! CLAP: the entry point, and what it makes.

mod audio;
mod events;
mod host;
mod instance;
mod window;

use std::ffi::{CStr, c_char, c_void};
use std::sync::{Arc, OnceLock};

pub use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
pub use clap_sys::version::CLAP_VERSION;
use nice_plug::wrapper::clap::ClapPlugin;
use nice_plug::wrapper::clap::{PluginDescriptor, Wrapper};
pub use nice_plug::wrapper::setup_logger;

use self::host::Host;
use self::instance::Instance;
use crate::link::Link;

/// An entry point ([`clap_plugin_entry`]) with these plug-ins.
#[macro_export]
macro_rules! clap_entry {
    ($($plugin:ty),+ $(,)?) => {{
        static FACTORY: $crate::clap::Factory =
            $crate::clap::Factory::new(&[$($crate::clap::Listing::of::<$plugin>()),+]);

        extern "C" fn init(_path: *const ::std::ffi::c_char) -> bool {
            $crate::mapping::stay();
            $($crate::clap::setup_logger::<$plugin>();)+
            true
        }

        extern "C" fn deinit() {}

        unsafe extern "C" fn get_factory(
            id: *const ::std::ffi::c_char,
        ) -> *const ::std::ffi::c_void {
            // SAFETY: the host gives a string, or null.
            unsafe { FACTORY.answer(id) }
        }

        $crate::clap::clap_plugin_entry {
            clap_version: $crate::clap::CLAP_VERSION,
            init: Some(init),
            deinit: Some(deinit),
            get_factory: Some(get_factory),
        }
    }};
}

/// Exports an entry point with these plug-ins, as hosts look for it in a library.
#[macro_export]
macro_rules! export_clap {
    ($($plugin:ty),+ $(,)?) => {
        /// What CLAP hosts look for.
        #[unsafe(no_mangle)]
        #[used]
        pub static clap_entry: $crate::clap::clap_plugin_entry = $crate::clap_entry!($($plugin),+);
    };
}

/// A plug-in that a [`Factory`] makes.
pub struct Listing {
    describe: fn() -> PluginDescriptor,
    create: unsafe fn(*const clap_host) -> *const clap_plugin,
}

impl Listing {
    /// This one.
    pub const fn of<P: ClapPlugin>() -> Self {
        Self {
            describe: PluginDescriptor::for_plugin::<P>,
            create: create::<P>,
        }
    }
}

/// Makes plug-ins for hosts.
// The host is given the address of `table`, and hands it back.
#[repr(C)]
pub struct Factory {
    table: clap_plugin_factory,
    listings: &'static [Listing],
    descriptors: OnceLock<Vec<PluginDescriptor>>,
}

impl Factory {
    /// One for these plug-ins.
    pub const fn new(listings: &'static [Listing]) -> Self {
        Self {
            table: clap_plugin_factory {
                get_plugin_count: Some(get_plugin_count),
                get_plugin_descriptor: Some(get_plugin_descriptor),
                create_plugin: Some(create_plugin),
            },
            listings,
            descriptors: OnceLock::new(),
        }
    }

    /// The table of the factory with this id; null if there is none.
    ///
    /// # Safety
    /// `id` is a string or null.
    pub unsafe fn answer(&'static self, id: *const c_char) -> *const c_void {
        // SAFETY: as the caller promises.
        let is_asked = !id.is_null() && unsafe { CStr::from_ptr(id) } == CLAP_PLUGIN_FACTORY_ID;
        if is_asked {
            std::ptr::from_ref(self).cast()
        } else {
            std::ptr::null()
        }
    }

    /// From the address that the host was given.
    ///
    /// # Safety
    /// `table` is null or came from [`Self::answer`].
    unsafe fn of(table: *const clap_plugin_factory) -> Option<&'static Self> {
        // SAFETY: a factory starts with its table, and is static.
        unsafe { table.cast::<Self>().as_ref() }
    }

    fn descriptors(&self) -> &[PluginDescriptor] {
        self.descriptors.get_or_init(|| {
            let describe = |listing: &Listing| (listing.describe)();
            self.listings.iter().map(describe).collect()
        })
    }
}

unsafe extern "C" fn get_plugin_count(factory: *const clap_plugin_factory) -> u32 {
    // SAFETY: the host hands back what it was given.
    let count = unsafe { Factory::of(factory) }.map_or(0, |factory| factory.listings.len());
    u32::try_from(count).unwrap_or(0)
}

unsafe extern "C" fn get_plugin_descriptor(
    factory: *const clap_plugin_factory,
    idx: u32,
) -> *const clap_plugin_descriptor {
    // SAFETY: as above.
    unsafe { Factory::of(factory) }
        .and_then(|factory| factory.descriptors().get(idx as usize))
        .map_or(std::ptr::null(), |descriptor| {
            std::ptr::from_ref(descriptor.clap_plugin_descriptor())
        })
}

unsafe extern "C" fn create_plugin(
    factory: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    // SAFETY: as above.
    let Some(factory) = (unsafe { Factory::of(factory) }) else {
        return std::ptr::null();
    };
    if id.is_null() || host.is_null() {
        return std::ptr::null();
    }
    // SAFETY: CLAP gives a string.
    let id = unsafe { CStr::from_ptr(id) };
    let wanted = factory
        .descriptors()
        .iter()
        .position(|descriptor| descriptor.clap_id() == id);
    wanted.map_or(std::ptr::null(), |idx| {
        // SAFETY: the host isn't null, and CLAP has it outlive the plug-in.
        unsafe { (factory.listings[idx].create)(host) }
    })
}

/// Makes a plug-in, as the framework's own export macro does, and puts an [`Instance`] before it.
///
/// # Safety
/// `host` outlives the plug-in.
unsafe fn create<P: ClapPlugin>(host: *const clap_host) -> *const clap_plugin {
    // SAFETY: as the caller promises.
    let host = unsafe { Host::new(host) };
    // SAFETY: the instance keeps the host for as long as there is the framework's object.
    let (wrapper, link) = Link::for_new(|| unsafe { Wrapper::<P>::new(host.shown()) });
    let wrapper = Arc::into_raw(wrapper);
    // SAFETY: it has just been made; the framework's own `destroy` takes the reference back.
    let inner = unsafe { (*wrapper).clap_plugin.as_ptr() };
    // SAFETY: the table lives as long as the wrapper does.
    unsafe { Instance::show(inner, host, link.gaps) }
}
