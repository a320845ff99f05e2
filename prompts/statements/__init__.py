"""What a sentence of a report or an answer claims: structures, sides, negation, doubt, comparison, numbers."""
