//! The control plane behind the doors, with hosts that the tests play: engine, projector, reconciler, moves, restarts.

#![allow(unreachable_pub, reason = "nothing of a test is reached from outside")]

mod commands;
mod events;
mod lives;
mod moves;
mod projection;
mod restarts;
mod simulation;
mod support;
