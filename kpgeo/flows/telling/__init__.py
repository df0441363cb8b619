"""Telling subscribers: what is due, put together once, sent until it is taken."""
