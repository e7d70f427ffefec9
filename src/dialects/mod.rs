//! What single clients send instead of what the RFC says, made plain: pure functions.
