"""Plans: moves proposed, priced, approved and carried out. `plan` is the data; each other module proposes one kind."""
