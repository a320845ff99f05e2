"""`python -m agents.routing.build`: write prompts/intents/vectors.npz after the examples changed."""

from __future__ import annotations

import sys

from agents.routing.examples import shipped_examples
from agents.routing.vectors import FILE, embedded, key_of, store, stored
from memory.embedder import best_embedder


def main() -> int:
    """Embed the examples with the embedder that is installed here, unless the file is of them already."""
    embedder, examples = best_embedder(), shipped_examples()
    key = key_of(embedder, examples)
    if stored(key) is None:
        store(key, embedded(embedder, examples))
    sys.stdout.write(f"{FILE.name}: {len(examples)} examples, {embedder.name} {embedder.version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
