//! `bindgen MODULE.wasm FOLDER`: binds the module for the browser, as `slipway.js` and `slipway_bg.wasm`.

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(module), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("bindgen MODULE.wasm FOLDER".into());
    };
    Bindgen::new().input_path(module).out_name("slipway").web(true)?.typescript(false).generate(folder)?;
    Ok(())
}
