//! The part of a scenario that makes data, resolved into a plan.
