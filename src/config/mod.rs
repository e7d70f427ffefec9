//! Reads, checks and explains the configuration; knows no HTTP.
