//! The picture of a QR code (ISO/IEC 18004), as SVG to print and PNG for everything else. Nothing is fetched and nothing is kept: it is
//! drawn each time.

use qrcode::{Color, EcLevel, QrCode, render::svg};

/// Light modules around it (ISO/IEC 18004 §9.1).
const QUIET_MODULES: usize = 4;
/// Pixels of a module's side in a PNG.
const MODULE_PIXELS: usize = 12;
/// Units of a module's side in an SVG, which has no size of its own.
const MODULE_UNITS: u32 = 8;

fn drawn(text: &str) -> Result<QrCode, String> {
    // A quarter of it may be dirty or torn.
    QrCode::with_error_correction_level(text, EcLevel::Q).map_err(|error| error.to_string())
}

/// As SVG.
pub(super) fn svg(text: &str) -> Result<String, String> {
    let code = drawn(text)?;
    Ok(code.render::<svg::Color<'_>>().module_dimensions(MODULE_UNITS, MODULE_UNITS).build())
}

/// As PNG, in grey.
pub(super) fn png(text: &str) -> Result<Vec<u8>, String> {
    let code = drawn(text)?;
    let (width, colours) = (code.width(), code.into_colors());
    let side = (width + 2 * QUIET_MODULES) * MODULE_PIXELS;
    let mut pixels = vec![u8::MAX; side * side];
    for (y, row) in pixels.chunks_exact_mut(side).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            let module = |at: usize| (at / MODULE_PIXELS).checked_sub(QUIET_MODULES).filter(|at| *at < width);
            let colour = module(x).zip(module(y)).and_then(|(x, y)| colours.get(y * width + x));
            if colour == Some(&Color::Dark) {
                *pixel = 0;
            }
        }
    }
    let side = u32::try_from(side).map_err(|error| error.to_string())?;
    written(side, &pixels).map_err(|error| error.to_string())
}

fn written(side: u32, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}
