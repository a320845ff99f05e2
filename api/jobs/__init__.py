"""Jobs: state, events, cancel."""
