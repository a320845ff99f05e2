"""Thousands of studies by one command: found, queued as durable jobs, run, put into one table; killed, it goes on."""
