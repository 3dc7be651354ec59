//! Scenarios through the public surface.
