"""What persons add to a review: critical findings told, opinions, addenda, and the history of it all."""
