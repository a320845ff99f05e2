"""The worklist: studies, what is to be done with them, and who took them; as it changes."""
