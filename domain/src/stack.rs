//! Stacks: compose files with placeholders for the builds under test.
