//! Brings lines into rsync's order.
