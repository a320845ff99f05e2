"""What a clause says of its object: side, series, earlier study, labels, kinds of documents."""
