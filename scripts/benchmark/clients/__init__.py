"""One module a client: the least code with which its users would do what the cases ask for.

Defaults are left as they are, but for the time limit, the size of the pool and the CA.
"""
