//! Promotions: from the request past the gates to the start, and back again.

mod automatic;
mod booked;
mod gates;
mod glass;
mod images;
mod oracle;
mod policies;
mod races;
mod rest;
mod rollbacks;
mod secrets;
mod set_bookings;
mod sets;
mod stage;
mod start;
mod world;
