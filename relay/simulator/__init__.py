"""A stand-in Realtime API: for trying, testing, loading and breaking things.

Inside, one class decides and one does. `engine.Engine` is a session without sockets or clock: it is
told of messages and of the time, and returns the events to send. `wire.Wire` owns the socket, the
faults and the timer. The other modules are what the engine knows: audio, speech, items, answers.

The rule of the package: what the real API is known to do is done; what is not known is a setting.
"""
