//! Placeholder header, replaced by the first real commit of this package.
