//! The stems' colours for eyes that don't see all of them, in numbers.

use egui::Color32;
use unweave_plugin::editor::palette::{DARK, HIGH_CONTRAST, LIGHT, Palette};

type Rgb = [f64; 3];

/// What people with these kinds of colour blindness see, in linear RGB.
///
/// # Source
/// Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
/// Deficiency" (IEEE TVCG 15, 2009), severity 1.0.
const EYES: [(&str, [Rgb; 3]); 4] = [
    ("usual", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanopia",
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
    ),
    (
        "deuteranopia",
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ),
];

/// sRGB to CIE XYZ, and the white D65: IEC 61966-2-1.
const XYZ: [Rgb; 3] = [
    [0.412_456, 0.357_576, 0.180_438],
    [0.212_673, 0.715_152, 0.072_175],
    [0.019_334, 0.119_192, 0.950_304],
];
const WHITE: Rgb = [0.950_47, 1.0, 1.088_83];

fn times(matrix: &[Rgb; 3], vector: Rgb) -> Rgb {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

fn linear(color: Color32) -> Rgb {
    [color.r(), color.g(), color.b()].map(|byte| {
        let value = f64::from(byte) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    })
}

/// CIE 1976 L*a*b*.
fn lab(rgb: Rgb) -> Rgb {
    let xyz = times(&XYZ, rgb.map(|value| value.clamp(0.0, 1.0)));
    let f = |value: f64| {
        if value > 216.0 / 24389.0 {
            value.cbrt()
        } else {
            (24389.0 / 27.0 * value + 16.0) / 116.0
        }
    };
    let [x, y, z] = std::array::from_fn(|idx| f(xyz[idx] / WHITE[idx]));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(a: Rgb, b: Rgb) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// Contrast as WCAG 2.2 defines it.
fn contrast(a: Color32, b: Color32) -> f64 {
    let luminance = |color| times(&XYZ, linear(color))[1] + 0.05;
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

const LOOKS: [(&str, &Palette); 3] = [
    ("dark", &DARK),
    ("light", &LIGHT),
    ("high contrast", &HIGH_CONTRAST),
];

/// 2.3 is a just noticeable difference (Mahy et al. 1994); colours of areas should be many of them apart.
#[test]
fn any_two_stems_differ_for_all_kinds_of_eyes() {
    for (look, palette) in LOOKS {
        for (eyes, matrix) in &EYES {
            let seen = palette.stems.map(|color| lab(times(matrix, linear(color))));
            for (idx, a) in seen.iter().enumerate() {
                for b in &seen[idx + 1..] {
                    let apart = distance(*a, *b);
                    assert!(
                        apart > 8.0 * 2.3,
                        "{look}, {eyes}: stem {idx} is {apart:.1} from another"
                    );
                }
            }
        }
    }
}

/// WCAG 2.2: 4.5 for text (1.4.3), 7 in high contrast (1.4.6), 3 for parts of controls and pictures (1.4.11).
#[test]
fn everything_stands_out_from_its_ground() {
    for (look, palette) in LOOKS {
        let text = if look == "high contrast" { 7.0 } else { 4.5 };
        let grounds = [palette.background, palette.panel, palette.sunken];
        let mut pairs = Vec::new();
        for ground in grounds {
            let words = [
                palette.text_dim,
                palette.warning,
                palette.solo,
                palette.well,
            ];
            pairs.extend(words.map(|color| (color, ground, text)));
            pairs.push((palette.text, ground, 7.0));
            pairs.extend(palette.stems.map(|color| (color, ground, 3.0)));
            pairs.extend([palette.outline, palette.focus].map(|color| (color, ground, 3.0)));
        }
        let hint = palette
            .sunken
            .lerp_to_gamma(palette.text, palette.hint_share);
        pairs.push((hint, palette.sunken, text));
        for button in [palette.raised, palette.hovered, palette.chosen] {
            pairs.push((palette.text, button, text));
        }
        // The half of a switch that is lit may be that of explaining text.
        for ground in [palette.mute, palette.solo, palette.well, palette.text_dim] {
            pairs.push((palette.on_color, ground, text));
        }
        for (color, ground, least) in pairs {
            let found = contrast(color, ground);
            assert!(
                found >= least,
                "{look}: {color:?} on {ground:?} has {found:.2}, not {least}"
            );
        }
    }
}
