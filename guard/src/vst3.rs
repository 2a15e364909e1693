//! VST3: the factory, and what it makes.

mod audio;
mod edits;
mod plugin;
mod shared;
mod view;

use std::ffi::c_void;

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::IComponent;
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactory3,
    IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo, PClassInfo2, PClassInfoW, PFactoryInfo,
    TUID, int32, kInvalidArgument, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComWrapper};
use nice_plug::wrapper::vst3::{PluginInfo, Vst3Plugin, Wrapper};

use self::plugin::Guarded;
use crate::link::Link;

/// Exports a factory of these plug-ins, as hosts look for it in a library.
#[macro_export]
macro_rules! export_vst3 {
    ($($plugin:ty),+ $(,)?) => {
        /// What VST3 hosts look for.
        #[unsafe(no_mangle)]
        pub extern "system" fn GetPluginFactory() -> *mut ::std::ffi::c_void {
            $crate::vst3::factory(&[$($crate::vst3::Listing::of::<$plugin>()),+])
        }

        /// The host has loaded the library.
        #[unsafe(no_mangle)]
        #[cfg(all(target_family = "unix", not(target_os = "macos")))]
        pub extern "C" fn ModuleEntry(_library: *mut ::std::ffi::c_void) -> bool {
            $($crate::clap::setup_logger::<$plugin>();)+
            true
        }

        /// The host is about to unload the library.
        #[unsafe(no_mangle)]
        #[cfg(all(target_family = "unix", not(target_os = "macos")))]
        pub extern "C" fn ModuleExit() -> bool {
            true
        }

        /// The host has loaded the bundle.
        #[unsafe(no_mangle)]
        #[cfg(target_os = "macos")]
        pub extern "C" fn bundleEntry(_bundle: *mut ::std::ffi::c_void) -> bool {
            $($crate::clap::setup_logger::<$plugin>();)+
            true
        }

        /// The host is about to unload the bundle.
        #[unsafe(no_mangle)]
        #[cfg(target_os = "macos")]
        pub extern "C" fn bundleExit() -> bool {
            true
        }

        /// The host has loaded the library.
        #[unsafe(no_mangle)]
        #[cfg(target_os = "windows")]
        pub extern "system" fn InitDll() -> bool {
            $crate::mapping::stay();
            $($crate::clap::setup_logger::<$plugin>();)+
            true
        }

        /// The host is about to unload the library.
        #[unsafe(no_mangle)]
        #[cfg(target_os = "windows")]
        pub extern "system" fn ExitDll() -> bool {
            true
        }
    };
}

type Create = fn() -> (Option<ComPtr<IComponent>>, Link);

/// A plug-in that a factory makes.
#[derive(Clone, Copy)]
pub struct Listing {
    describe: fn() -> PluginInfo,
    create: Create,
}

impl Listing {
    /// This one.
    pub const fn of<P: Vst3Plugin>() -> Self {
        Self {
            describe: PluginInfo::for_plugin::<P>,
            create: || Link::for_new(|| ComWrapper::new(Wrapper::<P>::new()).to_com_ptr()),
        }
    }
}

/// A factory of these plug-ins, which the host owns.
pub fn factory(listings: &[Listing]) -> *mut c_void {
    let factory = Factory {
        plugins: listings
            .iter()
            .map(|listing| ((listing.describe)(), listing.create))
            .collect(),
    };
    ComWrapper::new(factory)
        .to_com_ptr::<IPluginFactory>()
        .map_or(std::ptr::null_mut(), |factory| factory.into_raw().cast())
}

/// Describes and makes plug-ins.
struct Factory {
    plugins: Vec<(PluginInfo, Create)>,
}

impl Class for Factory {
    type Interfaces = (IPluginFactory, IPluginFactory2, IPluginFactory3);
}

impl Factory {
    /// Describes a plug-in to the host.
    ///
    /// # Safety
    /// `to` is null or can be written.
    unsafe fn tell<T>(&self, idx: int32, to: *mut T, info: fn(&PluginInfo) -> T) -> tresult {
        let plugin = usize::try_from(idx)
            .ok()
            .and_then(|idx| self.plugins.get(idx));
        let Some((plugin, _)) = plugin.filter(|_| !to.is_null()) else {
            return kInvalidArgument;
        };
        // SAFETY: as the caller promises.
        unsafe { to.write(info(plugin)) };
        kResultOk
    }
}

impl IPluginFactoryTrait for Factory {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // All plug-ins have the same maker.
        // SAFETY: the host gives null or room.
        unsafe { self.tell(0, info, PluginInfo::create_factory_info) }
    }

    unsafe fn countClasses(&self) -> int32 {
        int32::try_from(self.plugins.len()).unwrap_or(0)
    }

    unsafe fn getClassInfo(&self, idx: int32, info: *mut PClassInfo) -> tresult {
        // SAFETY: the host gives null or room.
        unsafe { self.tell(idx, info, PluginInfo::create_class_info) }
    }

    unsafe fn createInstance(
        &self,
        cid: FIDString,
        iid: FIDString,
        object: *mut *mut c_void,
    ) -> tresult {
        if cid.is_null() || iid.is_null() || object.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: ids have 16 bytes.
        let cid = unsafe { &*cid.cast::<[u8; 16]>() };
        let plugin = self.plugins.iter().find(|(info, _)| info.cid == cid);
        let guarded = plugin
            .and_then(|(_, create)| {
                let (component, link) = create();
                Guarded::new(component?, link)
            })
            .map(ComWrapper::new);
        let unknown = guarded
            .as_ref()
            .and_then(ComWrapper::as_com_ref::<FUnknown>);
        let Some(unknown) = unknown else {
            return kInvalidArgument;
        };
        let unknown = unknown.as_ptr();
        // SAFETY: a COM object starts with its table; the id has 16 bytes.
        unsafe { ((*(*unknown).vtbl).queryInterface)(unknown, iid.cast::<TUID>(), object) }
    }
}

impl IPluginFactory2Trait for Factory {
    unsafe fn getClassInfo2(&self, idx: int32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: the host gives null or room.
        unsafe { self.tell(idx, info, PluginInfo::create_class_info_2) }
    }
}

impl IPluginFactory3Trait for Factory {
    unsafe fn getClassInfoUnicode(&self, idx: int32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: the host gives null or room.
        unsafe { self.tell(idx, info, PluginInfo::create_class_info_unicode) }
    }

    unsafe fn setHostContext(&self, _context: *mut FUnknown) -> tresult {
        kResultOk
    }
}
