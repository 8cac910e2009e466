//! The pieces that pages are made of.

mod chip;
mod form;
mod frame;
mod icon;
mod lists;
mod note;
mod page;
mod things;

pub use chip::*;
pub use form::*;
pub use frame::{frame, preferences, sign_out};
pub use icon::{Icon, icon};
pub use lists::*;
pub use note::note;
pub use page::status_of;
pub use page::{Body, Reader, Section, frame_of_problem, page, public_page};
pub use things::*;
