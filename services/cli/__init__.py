"""What `python -m services` can be told, a module each: its docstring, its `arguments` and its `main`.

`main` returns the exit status. What a command needs is imported when it has been chosen: a process that nameko hosts
prepares its threads before anything else.
"""
