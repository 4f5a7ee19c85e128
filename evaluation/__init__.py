"""Scores how well mail is understood, on any corpus given by its path: `python -m evaluation`.

    parsing     every mail is read; what went wrong, what it cost
    threading   a mailbox through the real pipeline, against the true threads
    replies     what somebody wrote, against what was kept of it
    triage      what the evidence says, against what each mail is

Each of the four has a file of its name that makes a `Report`: sheets for people, a record for machines,
and floors below which a run counts as failed. The product is called as its processes call it, never
copied. Of a mail nothing is ever printed but its id, its place in the file and the names of rules.
"""
