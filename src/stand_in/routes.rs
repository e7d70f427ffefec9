//! Which endpoint a request reaches. One that is not here answers 501, so that nothing is stood in for by accident.

use super::answer::Answer;
use super::request::Request;
use super::state::World;

/// Carries out a request.
pub(super) fn route(world: &mut World, request: &Request) -> Answer {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let _ = world;
    match (request.method.as_str(), segments.as_slice()) {
        (method, segments) => {
            Answer::error(501, &format!("the stand-in has no {method} /{}", segments.join("/")))
        }
    }
}
