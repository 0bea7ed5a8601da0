"""A multi-tenant WebSocket relay in front of the OpenAI Realtime API."""

__version__ = "0.1.0"
