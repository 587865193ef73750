"""The console: pages from the registry, rendered on the server, whole without scripts. It knows kinds, not domains."""
