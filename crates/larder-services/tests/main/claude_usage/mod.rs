//! The collector of Claude Code's logs on trees of its own making.

mod costs;
mod counting;
mod files;
mod oracle;
mod orders;
mod same_file;
mod state;
mod tree;
mod views;
mod watching;
