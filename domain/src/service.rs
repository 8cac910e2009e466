//! What a region runs: the service of an app, typed.
