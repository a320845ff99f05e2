"""Speed, memory and scale, against peers. Imported by nothing."""
