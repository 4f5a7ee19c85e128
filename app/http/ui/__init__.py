"""Pages for people: the inbox of a workspace and how its pipeline is doing.

Rendered here and sent whole: no script runs, nothing comes from another server, and what a message
brings is shown as text and never as HTML.
"""
