"""The files in which agent programs keep their conversations, each format a module of its own.

A format reads a source and yields what it holds, in order: `Start`, the messages, `Session`, and
so on for each session. Nothing here knows a store. `registry` lists the formats.
"""
