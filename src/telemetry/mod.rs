//! Tracing: the log's format and what may stand in it.
