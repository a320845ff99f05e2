"""What models are told, as files, and a small loader."""
