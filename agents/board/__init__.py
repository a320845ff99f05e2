"""The agents of a tumour board: a chair, and members who speak from sources only."""
