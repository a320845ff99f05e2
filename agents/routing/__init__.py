"""What a clinician's message asks to be done: example utterances by meaning, cue words, and grammar."""
