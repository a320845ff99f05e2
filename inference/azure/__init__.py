"""Azure ML: endpoints by ARM ID, credentials, what an examination says."""
