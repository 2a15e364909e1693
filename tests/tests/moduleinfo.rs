//! What hosts read instead of loading the library, against the library.
//!
//! Not on Windows: there class ids are stored in another byte order, and written in this one.
#![cfg(not(windows))]

use std::ffi::{c_char, c_void};

use nice_plug::wrapper::vst3::vst3::ComPtr;
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactoryTrait, PClassInfo2,
    PFactoryInfo, kResultOk,
};
use serde_json::{Value, json};

const MODULE_INFO: &str = include_str!("../../plugin/moduleinfo.json");

fn text(zero_ended: &[c_char]) -> String {
    zero_ended
        .iter()
        .map(|c| c.cast_unsigned())
        .take_while(|c| *c != 0)
        .map(char::from)
        .collect()
}

/// The module info of the factory, by the keys of Steinberg's `moduleinfocreator`.
fn of_the_factory() -> Value {
    let factory: *mut c_void = unweave_plugin::GetPluginFactory();
    // SAFETY: the entry point gives a reference to a factory, which is ours now.
    let factory = unsafe { ComPtr::from_raw(factory.cast::<IPluginFactory>()) }.expect("a factory");
    let factory = factory
        .cast::<IPluginFactory2>()
        .expect("of the second version");
    // SAFETY: plain data, for which zeros are valid.
    let mut info: PFactoryInfo = unsafe { std::mem::zeroed() };
    // SAFETY: the factory fills what it is given.
    assert_eq!(unsafe { factory.getFactoryInfo(&raw mut info) }, kResultOk);
    // SAFETY: asks for a number.
    let count = unsafe { factory.countClasses() };
    let classes: Vec<Value> = (0..count)
        .map(|idx| {
            // SAFETY: plain data, for which zeros are valid.
            let mut class: PClassInfo2 = unsafe { std::mem::zeroed() };
            // SAFETY: the factory fills what it is given, for an index that it has counted.
            let result = unsafe { factory.getClassInfo2(idx, &raw mut class) };
            assert_eq!(result, kResultOk);
            let subcategories = text(&class.subCategories);
            json!({
                "CID": class.cid.map(|byte| format!("{:02X}", byte.cast_unsigned())).concat(),
                "Category": text(&class.category),
                "Name": text(&class.name),
                "Vendor": text(&class.vendor),
                "Version": text(&class.version),
                "SDKVersion": text(&class.sdkVersion),
                "Sub Categories": subcategories.split('|').collect::<Vec<_>>(),
                "Class Flags": class.classFlags,
                "Cardinality": class.cardinality,
                "Snapshots": [],
            })
        })
        .collect();
    json!({
        "Name": "Unweave",
        "Version": classes[0]["Version"],
        "Factory Info": {
            "Vendor": text(&info.vendor),
            "URL": text(&info.url),
            "E-Mail": text(&info.email),
            // PFactoryInfo::FactoryFlags
            "Flags": {
                "Unicode": info.flags & 1 << 4 != 0,
                "Classes Discardable": info.flags & 1 << 0 != 0,
                "Component Non Discardable": info.flags & 1 << 3 != 0,
            },
        },
        "Classes": classes,
    })
}

#[test]
fn module_info_says_what_the_factory_says() {
    let expected = of_the_factory();
    let found: Value = serde_json::from_str(MODULE_INFO).unwrap();
    assert_eq!(
        found, expected,
        "plugin/moduleinfo.json should be:\n{expected:#}"
    );
}
