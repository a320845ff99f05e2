"""From a question to the prompts that a model gets."""
