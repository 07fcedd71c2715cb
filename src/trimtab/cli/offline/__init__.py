"""Commands that need neither server nor cluster; each reads files, folders, or ``-`` for stdin."""
