"""What each domain knows, one folder each. Domains meet through resources, events and commands, never by import."""
