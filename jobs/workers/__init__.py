"""Workers: they take jobs by the scheduling rule, run them, and look after one another."""
