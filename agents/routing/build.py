"""`python -m agents.routing.build`: write prompts/intents/vectors.npz after the examples changed."""

from __future__ import annotations

import sys
from dataclasses import astuple

from agents.routing.examples import shipped_examples
from agents.routing.neighbours import fitted
from agents.routing.vectors import FILE, Shipped, embedded, key_of, rounded, store, stored
from memory.embedder import best_embedder


def main() -> int:
    """Embed the examples with the embedder that is installed here, unless the file is of them already."""
    embedder, examples = best_embedder(), shipped_examples()
    if stored(key_of(embedder, examples)) is None:
        vectors = rounded(embedded(embedder, examples))
        store(embedder, examples, Shipped(vectors, *astuple(fitted(examples, vectors))))
    sys.stdout.write(f"{FILE.name}: {len(examples)} examples, {embedder.name} {embedder.version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
