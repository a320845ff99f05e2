"""What reviewers taught: feedback that is retrieved by metadata and meaning, and which prompt strategy does better."""
